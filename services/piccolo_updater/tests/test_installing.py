"""A release into the free slot, and what may come between."""

from __future__ import annotations

from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.adapters.data import Folders
from piccolo_updater.adapters.sysupdate import Sysupdate
from piccolo_updater.core.manifest import staged
from piccolo_updater.engine.installing import Installing
from piccolo_updater.tests.fakes import Cut, FakeData, FakeReleases, FakeSlots, PowerCut, published
from piccolo_updater.tests.test_manifest import release

MIB = 1 << 20


def installing(
    releases: FakeReleases, slots: FakeSlots, folder: Path, data: FakeData | None = None
) -> Installing:
    return Installing(releases, slots, data or FakeData(), folder / "staging", lambda line: None)


async def test_a_newer_release_is_written_and_nothing_is_left_over(tmp_path: Path) -> None:
    cut, newer = Cut(), release("2")
    releases, slots = published(newer, cut), FakeSlots(cut)
    assert await installing(releases, slots, tmp_path).install("http://there", "stable") == newer
    assert slots.entries == {"1", "2"}
    assert slots.written["2"] == set(staged(newer).values())
    assert releases.kept == ["c0ffee"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["1", "0.9"])
async def test_what_is_not_newer_is_not_installed(version: str, tmp_path: Path) -> None:
    slots = FakeSlots(Cut())
    with pytest.raises(PiccoloError) as refused:
        await installing(published(release(version)), slots, tmp_path).install("http://there", "stable")
    assert (refused.value.reason, slots.entries) == ("RELEASE_OLD", {"1"})
    assert list(tmp_path.iterdir()) == []


async def test_a_release_that_could_not_open_the_data_is_not_installed(tmp_path: Path) -> None:
    slots, data = FakeSlots(Cut()), FakeData({"vault": 1, "metadata": 9})
    with pytest.raises(PiccoloError) as refused:
        await installing(published(release("2")), slots, tmp_path, data).install("http://there", "stable")
    assert (refused.value.reason, slots.entries, slots.written) == ("DATA_FORMAT", {"1"}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_device_s_formats_are_those_of_its_state_folders(tmp_path: Path) -> None:
    for service, said in {
        "vault": "piccolo-vault 3\n",
        "gateway": "piccolo-vault 1\n",
        "metadata": "?",
    }.items():
        (tmp_path / service).mkdir()
        (tmp_path / service / "format").write_text(said)
    (tmp_path / "updater").mkdir()
    (tmp_path / "file").touch()
    assert Folders(tmp_path, 3).formats() == {"vault": 3}


@pytest.mark.parametrize(
    ("system", "data", "reason", "words"),
    [
        (40 * MIB - 1, 300 * MIB, "SYSTEM_FULL", "needs 40 MiB on the system partition .* and 39 are free"),
        (40 * MIB, 242 * MIB - 1, "NO_ROOM", "needs 242 MiB on the data partition .* and 241 are free"),
        (40 * MIB, -MIB, "NO_ROOM", "and 0 are free"),
    ],
)
async def test_a_release_without_room_is_refused_before_it_is_fetched(
    system: int, data: int, reason: str, words: str, tmp_path: Path
) -> None:
    releases, slots = published(release("2")), FakeSlots(Cut(), free=system)
    with pytest.raises(PiccoloError, match=words) as refused:
        await installing(releases, slots, tmp_path, FakeData(free=data)).install("http://there", "stable")
    assert (refused.value.kind, refused.value.reason) == (Kind.FULL, reason)
    assert (releases.fetched, slots.entries) == ([], {"1"})


@pytest.mark.parametrize(("data", "whole"), [(242 * MIB, False), (0, True)])
async def test_a_release_that_just_fits_or_was_fetched_before_is_installed(
    data: int, whole: bool, tmp_path: Path
) -> None:
    releases, slots = published(release("2")), FakeSlots(Cut(), free=40 * MIB)
    releases.whole = whole
    await installing(releases, slots, tmp_path, FakeData(free=data)).install("http://there", "stable")
    assert slots.entries == {"1", "2"}


async def test_a_device_that_runs_from_memory_fetches_nothing(tmp_path: Path) -> None:
    cut = Cut()
    slots = FakeSlots(cut, in_ram=True)
    with pytest.raises(PiccoloError, match="medium") as refused:
        await installing(published(release("2"), cut), slots, tmp_path).install("http://there", "stable")
    assert (refused.value.reason, slots.entries, cut.steps) == ("NO_SLOTS", {"1"}, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("line", "there"), [("ro quiet", True), ("ro piccolo.ram=8192,4096 quiet", False)])
def test_the_kernel_was_told_whether_there_are_slots(line: str, there: bool, tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_text(f"{line}\n")
    assert Sysupdate(tmp_path, tmp_path, tmp_path / "cmdline").there() is there


@pytest.mark.parametrize("name", ["root", "verity", "uki"])
async def test_a_release_that_lacks_a_file_is_refused(name: str, tmp_path: Path) -> None:
    releases, slots = published(release("2")), FakeSlots(Cut())
    releases.missing = frozenset({name})
    with pytest.raises(PiccoloError, match=f"no {name}"):
        await installing(releases, slots, tmp_path).install("http://there", "stable")
    assert slots.entries == {"1"}
    assert list(tmp_path.iterdir()) == []


async def test_a_slot_that_cannot_be_written_leaves_what_ran(tmp_path: Path) -> None:
    def full() -> None:
        raise PiccoloError(Kind.FULL, "SLOT_FAILED", "The system partition is full.")

    slots = FakeSlots(Cut(), failing=full)
    with pytest.raises(PiccoloError, match="full"):
        await installing(published(release("2")), slots, tmp_path).install("http://there", "stable")
    assert slots.entries == {"1"}
    assert list(tmp_path.iterdir()) == []


async def test_cut_at_any_step_it_begins_anew_and_ends_well(tmp_path: Path) -> None:
    whole = Cut()
    await installing(published(release("2"), whole), FakeSlots(whole), tmp_path).install("u", "r")
    for at in range(whole.steps):
        cut = Cut(at)
        folder = tmp_path / str(at)
        folder.mkdir()
        slots = FakeSlots(cut)
        with pytest.raises(PowerCut):
            await installing(published(release("2"), cut), slots, folder).install("u", "r")
        (folder / "staging").mkdir(exist_ok=True)  # a power cut runs no clean-up
        (folder / "staging/left").write_text("over")
        (folder / "unpacked").mkdir(exist_ok=True)
        await installing(published(release("2"), cut), slots, folder).install("u", "r")
        assert slots.written["2"] == set(staged(release("2")).values())
        assert list(folder.iterdir()) == []
