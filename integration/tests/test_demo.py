"""The main job as a whole: it holds where it must, and says so where it cannot."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
from pathlib import Path

import pytest

from integration.demo import Report, bearable, parse, play
from integration.screen import Screen

NAMES = ("notes.txt", "grüße.txt", "写真.jpg", "صورة.png", "emoji-🦊.md", "with space", "-dash", "a" * 255)


def _data(folder: Path) -> Path:
    """Files of every kind of name, and of the sizes around a segment, a pack's limit and nothing."""
    chance, root = random.Random(7), folder / "data"
    sizes = (0, 1, 65_536, 262_144, 262_145, 1_048_575, 1_048_576, 1_048_577, 3_500_000)
    for number, size in enumerate(sizes):
        (root / "sizes").mkdir(parents=True, exist_ok=True)
        (root / "sizes" / f"{number}-{size}").write_bytes(chance.randbytes(size))
    for name in NAMES:
        (root / name).write_bytes(chance.randbytes(200))
    for number in range(200):
        place = root / "many" / str(number % 7)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_bytes(chance.randbytes(chance.randrange(20_000)))
    return root


@pytest.mark.circle
async def test_a_circle_keeps_its_owners_files(tmp_path: Path, no_leaked_processes: None) -> None:
    """Everything survives two deaths, a repair onto a fresh device, and the burning of the owner's."""
    out, report_file = io.StringIO(), tmp_path / "report.json"
    options = parse(["--data", os.fspath(_data(tmp_path)), "--once", "--json", os.fspath(report_file)])
    async with asyncio.timeout(600):
        report = await play(options, tmp_path / "c", Screen(out))
    assert report.held, out.getvalue()
    told = json.loads(report_file.read_text())
    assert (told["devices"], told["k"], told["m"], told["lost"]) == (5, 2, 4, 2)
    assert told["recovered"] is True
    assert {"put_seconds", "get_seconds", "files", "bytes", "seconds"} <= told.keys()


def test_a_report_holds_only_when_every_promise_did() -> None:
    """A verdict that is missing is no yes."""
    names = ("verified", "survived", "repaired", "recovered", "foreign_bytes_only")
    report = Report(5, dict.fromkeys(names, True))
    assert report.held
    for name in names:
        assert not Report(5, {**report.facts, name: False}).held
        assert not Report(5, {key: True for key in names if key != name}).held


@pytest.mark.parametrize(
    "argv",
    [
        ["--devices", "2"],
        ["--devices", "x"],
        ["--data", "/nonexistent"],
        ["--keep", "/"],
        ["--lose", "-1"],
        ["--lose", "5"],
        ["--json", "/nonexistent/out.json"],
    ],
)
def test_wrong_options_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A circle too small, or data that is not there."""
    with pytest.raises(SystemExit) as refused:
        parse(argv)
    assert refused.value.code == 2
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("devices", "k", "m", "lost"), [(3, 1, 2, 1), (4, 1, 3, 1), (5, 2, 4, 2), (10, 5, 9, 4), (10, 3, 4, 1)]
)
def test_no_more_die_than_a_circle_bears(devices: int, k: int, m: int, lost: int) -> None:
    """As many as promised, an admin majority and the witnesses of a recovery spared."""
    assert bearable(devices, k, m) == lost


@pytest.mark.circle
async def test_more_deaths_than_promised_are_said_plainly(tmp_path: Path, no_leaked_processes: None) -> None:
    """The step fails in the device's own words, the verdict is no, and nothing breaks."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "film").write_bytes(random.Random(3).randbytes(5_000_000))
    out, options = (
        io.StringIO(),
        parse(["--devices", "3", "--data", f"{tmp_path}/data", "--lose", "2", "--once"]),
    )
    async with asyncio.timeout(300):
        report = await play(options, tmp_path / "c", Screen(out))
    assert not report.held
    assert "failed: 503 FRAGMENTS_AWAY: The file cannot be read now: 1 of these members" in out.getvalue()
    assert "NOT ALL HELD" in out.getvalue()
