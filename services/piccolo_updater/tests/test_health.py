"""Whether a boot is good."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_updater.adapters.boot import BootFile
from piccolo_updater.adapters.systemd import state
from piccolo_updater.engine import health
from piccolo_updater.engine.health import Health
from piccolo_updater.tests.fakes import FakeBoot

GOOD = {"piccolo-vault.service": "active", "piccolo-gateway.service": "active"}


@dataclass
class Machine:
    seen: Iterator[Mapping[str, str]]
    face: Iterator[bool]

    async def states(self) -> Mapping[str, str]:
        return next(self.seen)

    async def answers(self) -> bool:
        return next(self.face)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LOOK_SECONDS", 0.0)


async def judged(machine: Machine, patience: float = 30.0, missing: str = "") -> None:
    await Health(FakeBoot(missing), machine, machine, patience).judge()


@pytest.mark.parametrize("missing", ["tpm-refused", "no-data", "data-damaged", "moon-phase"])
async def test_a_boot_that_does_not_find_the_data_is_bad_at_once(missing: str) -> None:
    """Signed by another key, or measured otherwise: the version before opened them."""
    with pytest.raises(PiccoloError, match=rf"its data is not there \({missing}\)"):
        await judged(Machine(iter([]), iter([])), missing=missing)


@pytest.mark.parametrize("missing", ["no-tpm", "secure-boot-off"])
async def test_no_release_is_to_blame_for_the_machine(missing: str) -> None:
    await judged(Machine(iter([GOOD]), iter([True])), missing=missing)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("STATE=sealed\nREASON=\nDATA=yes\n", ""),
        ("STATE=opened\nREASON=no-tpm\nDATA=yes\n", ""),
        ("STATE=degraded\nREASON=tpm-refused\nDATA=yes\n", "tpm-refused"),
        ("STATE=degraded\n", "no-reason"),
        ("", "no-reason"),
        (None, ""),
    ],
)
def test_what_the_initrd_says_is_read(tmp_path: Path, text: str | None, missing: str) -> None:
    if text is not None:
        (tmp_path / "boot").write_text(text)
    assert BootFile(tmp_path / "boot").missing() == missing


async def test_a_boot_is_good_when_all_run_and_the_face_answers() -> None:
    starting = {**GOOD, "piccolo-vault.service": "activating"}
    seen = itertools.chain([starting, starting], itertools.repeat(GOOD))
    await judged(Machine(seen, iter([False, True])))


async def test_what_has_nothing_to_do_here_is_not_waited_for() -> None:
    await judged(Machine(iter([{**GOOD, "piccolo-provision.service": "skipped"}]), iter([True])))


@pytest.mark.parametrize(
    ("active", "result", "condition", "at", "said"),
    [
        ("active", "success", "yes", 7, "active"),
        ("inactive", "exec-condition", "yes", 7, "skipped"),
        ("inactive", "success", "no", 7, "skipped"),
        ("inactive", "success", "no", 0, "inactive"),
        ("inactive", "success", "yes", 7, "inactive"),
        ("activating", "exec-condition", "yes", 7, "activating"),
        ("failed", "exit-code", "yes", 7, "failed"),
    ],
)
def test_a_unit_is_as_systemd_shows_it(active: str, result: str, condition: str, at: int, said: str) -> None:
    shown = [f"Result={result}", f"ActiveState={active}", f"ConditionResult={condition}"]
    assert state("\n".join([*shown, f"ConditionTimestampMonotonic={at}"])) == said


async def test_a_service_that_gave_up_makes_it_bad_at_once() -> None:
    given_up = {**GOOD, "piccolo-gateway.service": "failed"}
    with pytest.raises(PiccoloError, match=r"piccolo-gateway\.service gave up"):
        await judged(Machine(iter([given_up]), iter([])))


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({**GOOD, "piccolo-vault.service": "activating"}, r"piccolo-vault\.service did not run"),
        (GOOD, "the face did not answer"),
    ],
)
async def test_what_is_not_good_in_time_is_bad_and_named(states: dict[str, str], words: str) -> None:
    with pytest.raises(PiccoloError, match=words):
        await judged(Machine(itertools.repeat(states), itertools.repeat(False)), 0.05)
