"""A release into the free slot, and what may come between."""

from __future__ import annotations

from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.adapters import sysupdate
from piccolo_updater.adapters.data import Folders
from piccolo_updater.adapters.sysupdate import Sysupdate
from piccolo_updater.core.manifest import Manifest, staged
from piccolo_updater.engine.installing import Installing
from piccolo_updater.tests.fakes import Cut, FakeBoot, FakeData, FakeReleases, FakeSlots, PowerCut, published
from piccolo_updater.tests.test_manifest import release

MIB = 1 << 20


def installing(
    releases: FakeReleases,
    slots: FakeSlots,
    folder: Path,
    data: FakeData | None = None,
    boot: FakeBoot | None = None,
) -> Installing:
    return Installing(
        releases, slots, boot or FakeBoot(), data or FakeData(), folder / "staging", lambda _: None
    )


async def test_a_newer_release_is_written_and_nothing_is_left_over(tmp_path: Path) -> None:
    cut, newer = Cut(), release("2")
    releases, slots = published(newer, cut), FakeSlots(cut)
    assert await installing(releases, slots, tmp_path).install("http://there", "stable") == newer
    assert slots.entries == {"1", "2"}
    assert slots.written["2"] == set(staged(newer).values())
    assert releases.kept == releases.commits
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["1", "0.9"])
async def test_what_is_not_newer_is_not_installed(version: str, tmp_path: Path) -> None:
    slots = FakeSlots(Cut())
    with pytest.raises(PiccoloError) as refused:
        await installing(published(release(version)), slots, tmp_path).install("http://there", "stable")
    assert (refused.value.reason, slots.entries) == ("RELEASE_OLD", {"1"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("tried", "missing", "reason"),
    [(False, "", "ON_TRIAL"), (True, "tpm-refused", "NO_DATA"), (True, "data-damaged", "NO_DATA")],
)
async def test_only_a_good_boot_with_its_data_takes_another_one(
    tried: bool, missing: str, reason: str, tmp_path: Path
) -> None:
    """The slot that would be written over is the only one that is known to be good."""
    slots, releases = FakeSlots(Cut(), tried=tried), published(release("2"))
    asked = installing(releases, slots, tmp_path, boot=FakeBoot(missing))
    with pytest.raises(PiccoloError) as refused:
        await asked.install("http://there", "stable")
    assert (refused.value.reason, slots.entries, releases.fetched) == (reason, {"1"}, [])


@pytest.mark.parametrize("missing", ["no-tpm", "secure-boot-off"])
async def test_a_machine_that_never_seals_is_updated_all_the_same(missing: str, tmp_path: Path) -> None:
    slots = FakeSlots(Cut())
    asked = installing(published(release("2")), slots, tmp_path, boot=FakeBoot(missing))
    await asked.install("http://there", "stable")
    assert slots.entries == {"1", "2"}


async def test_a_release_that_could_not_open_the_data_is_not_installed(tmp_path: Path) -> None:
    slots, data = FakeSlots(Cut()), FakeData({"vault": 1, "metadata": 9})
    with pytest.raises(PiccoloError) as refused:
        await installing(published(release("2")), slots, tmp_path, data).install("http://there", "stable")
    assert (refused.value.reason, slots.entries, slots.written) == ("DATA_FORMAT", {"1"}, {})
    assert list(tmp_path.iterdir()) == []


async def test_a_device_that_was_off_for_long_takes_one_release_after_the_other(tmp_path: Path) -> None:
    """Each opens what the next one writes; only the newest before a gap is taken."""

    def opening(version: str, written: int, newest: int) -> Manifest:
        told = {"data_written": {"vault": written}, "data_newest": {"vault": newest}}
        return release(version, data_formats={"vault": 1}, **told)

    published_ones = [opening("5", 3, 3), opening("4", 2, 3), opening("3", 1, 2), opening("2", 1, 1)]
    runs, opens, installed = "1", 1, []
    while runs != "5":
        slots, data = FakeSlots(Cut(), runs), FakeData({"vault": 1}, {"vault": opens})
        releases = published(published_ones[0], Cut(), *published_ones[1:])
        taken = await installing(releases, slots, tmp_path, data).install("http://there", "stable")
        assert releases.fetched == [releases.commits[published_ones.index(taken)]]
        runs, opens = taken.version, taken.opened["vault"]
        installed.append(runs)
    assert installed == ["3", "4", "5"]


async def test_where_nothing_between_is_offered_the_newest_one_is_refused(tmp_path: Path) -> None:
    slots, data = FakeSlots(Cut()), FakeData(opens={"vault": 1, "metadata": 3})
    releases = published(release("3"), Cut(), release("2"), release("1"))
    with pytest.raises(PiccoloError, match="Version 3 leaves no way back") as refused:
        await installing(releases, slots, tmp_path, data).install("http://there", "stable")
    assert (refused.value.reason, slots.entries, releases.fetched) == ("NO_WAY_BACK", {"1"}, [])


@pytest.mark.parametrize("older", [b"", None])
async def test_what_cannot_be_had_or_read_changes_nothing_of_the_refusal(
    older: bytes | None, tmp_path: Path
) -> None:
    slots, data = FakeSlots(Cut()), FakeData(opens={"vault": 1, "metadata": 3})
    releases = published(release("3"))
    releases.manifests.append(older)
    with pytest.raises(PiccoloError, match="Version 3 leaves no way back") as refused:
        await installing(releases, slots, tmp_path, data).install("http://there", "stable")
    assert (refused.value.reason, slots.entries, releases.fetched) == ("NO_WAY_BACK", {"1"}, [])


async def test_a_release_that_leaves_no_way_back_is_not_installed(tmp_path: Path) -> None:
    slots, data = FakeSlots(Cut()), FakeData(opens={"vault": 1, "metadata": 3})
    with pytest.raises(PiccoloError) as refused:
        await installing(published(release("2")), slots, tmp_path, data).install("http://there", "stable")
    assert (refused.value.reason, slots.entries, slots.written) == ("NO_WAY_BACK", {"1"}, {})
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
    (tmp_path / "formats.json").write_text('{"vault": 3}')
    folders = Folders(tmp_path, tmp_path / "formats.json", 3)
    assert folders.formats() == folders.opened() == {"vault": 3}


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


SYSUPDATE = """#!/bin/sh
# as systemd-sysupdate: what has a name of the version is installed
for each in "ENTRIES/piccolo_$3".efi "ENTRIES/piccolo_$3"+*; do [ -e "$each" ] && exit 0; done
echo new >"ENTRIES/piccolo_$3+3-0.efi"
"""


async def test_a_version_that_gave_up_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry is still there, without tries: what runs and what has another version's name stay."""
    (tmp_path / "sysupdate").write_text(SYSUPDATE.replace("ENTRIES", str(tmp_path / "entries")))
    (tmp_path / "sysupdate").chmod(0o755)
    entries = tmp_path / "entries"
    entries.mkdir()
    for name in ("piccolo_1.efi", "piccolo_2+0-3.efi", "piccolo_20.efi"):
        (entries / name).write_text("old")
    (tmp_path / "os-release").write_text("IMAGE_VERSION=1\n")
    monkeypatch.setattr(sysupdate, "_PROGRAM", str(tmp_path / "sysupdate"))
    await Sysupdate(tmp_path / "os-release", entries, tmp_path / "line").write(tmp_path, "2")
    found = {path.name: path.read_text().strip() for path in entries.iterdir()}
    assert found == {"piccolo_1.efi": "old", "piccolo_20.efi": "old", "piccolo_2+3-0.efi": "new"}


@pytest.mark.parametrize(
    ("names", "trial"),
    [
        (("piccolo_2.efi", "piccolo_1.efi"), False),
        (("piccolo_2+2-1.efi", "piccolo_1.efi"), True),
        (("piccolo_2.efi", "piccolo_1+0-3.efi"), False),
        (("piccolo_2.efi", "piccolo_20+3-0.efi"), False),
    ],
)
def test_a_boot_is_on_trial_until_its_entry_says_no_more_tries(
    names: tuple[str, ...], trial: bool, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "os-release").write_text("IMAGE_VERSION=2\n")
    assert Sysupdate(tmp_path / "os-release", tmp_path, tmp_path / "line").on_trial() is trial
