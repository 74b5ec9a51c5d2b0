"""One contract for the real disk and the simulated one; and what only one of them can show."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.adapters.disk import RealDisk, told
from piccolo_fragment_store.core.fragment import Stamp
from piccolo_fragment_store.ports import Disk, Entry, File
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk


@pytest.fixture(params=["real", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return RealDisk(tmp_path) if request.param == "real" else SimulatedDisk()


@pytest.fixture
def aged(tmp_path: Path) -> Callable[[str], None]:
    """Makes a real file an old one: a kernel's clock ticks once in some milliseconds only."""

    def age(path: str) -> None:
        if (tmp_path / path).exists():
            os.utime(tmp_path / path, ns=(1, 1))

    return age


def write(disk: Disk, path: str, data: bytes) -> None:
    file = disk.create(path)
    file.append(data)
    file.sync()
    file.close()


def read(disk: Disk, path: str) -> bytes:
    file = disk.open(path)
    try:
        return file.read_at(0, file.size())
    finally:
        file.close()


def stamp(disk: Disk, path: str) -> Stamp:
    file = disk.open(path)
    try:
        return file.stamp()
    finally:
        file.close()


def test_a_stamp_tells_a_file_from_those_before_it_at_its_path(disk: Disk) -> None:
    disk.make_folder("a")
    write(disk, "a/f", b"one")
    first = stamp(disk, "a/f")
    disk.rename("a/f", "a/g")
    assert stamp(disk, "a/g") == first
    write(disk, "a/f", b"two")
    second = stamp(disk, "a/f")
    disk.rename("a/f", "a/g")
    assert stamp(disk, "a/g") == second != first


def test_writing_to_a_file_changes_its_stamp(disk: Disk, aged: Callable[[str], None]) -> None:
    write(disk, "f", b"some")
    changes: list[Callable[[File], None]] = [
        lambda file: file.append(b"more"),
        lambda file: file.write_at(0, b"S"),
        lambda file: file.truncate(2),
    ]
    for change in changes:
        aged("f")
        before = stamp(disk, "f")
        file = disk.edit("f")
        change(file)
        file.close()
        assert stamp(disk, "f") != before
    aged("f")
    before = stamp(disk, "f")
    write(disk, "f", b"S")  # emptied and written anew, in the same inode
    assert stamp(disk, "f") != before


def test_what_is_written_is_read(disk: Disk) -> None:
    disk.make_folder("a/b")
    file = disk.create("a/b/f")
    file.append(b"hello ")
    file.append(b"world")
    assert file.size() == 11
    assert file.read_at(6, 100) == b"world"
    assert file.read_at(100, 5) == b""
    file.write_at(0, b"J")
    file.truncate(8)
    file.append(b"!")
    file.sync()
    file.close()
    file.close()
    assert read(disk, "a/b/f") == b"Jello wo!"
    again = disk.edit("a/b/f")
    again.append(b"?")
    again.close()
    assert read(disk, "a/b/f") == b"Jello wo!?"
    write(disk, "a/b/f", b"new")
    assert read(disk, "a/b/f") == b"new"


def test_names_are_listed_moved_and_removed(disk: Disk) -> None:
    disk.make_folder("a/b")
    disk.make_folder("a/b")
    write(disk, "a/two", b"22")
    write(disk, "a/one", b"1")
    one, two = stamp(disk, "a/one"), stamp(disk, "a/two")
    assert disk.entries("a") == [
        Entry("b", True, 0),
        Entry("one", False, 1, one),
        Entry("two", False, 2, two),
    ]
    disk.rename("a/one", "a/b/two")
    disk.sync_folder("a/b")
    disk.rename("a/two", "a/b/two")
    assert [entry.name for entry in disk.entries("a/b")] == ["two"]
    assert read(disk, "a/b/two") == b"22"
    assert disk.has("a/b/two")
    disk.remove_folder("a/b")  # not empty: left alone
    disk.unlink("a/b/two")
    disk.unlink("a/b/two")
    assert not disk.has("a/b/two")
    assert disk.entries("a/b") == []
    disk.remove_folder("a/b")
    disk.remove_folder("a/b")
    assert disk.entries("a") == []
    disk.make_folder("a/b")
    write(disk, "a/b/again", b"x")


@pytest.mark.parametrize(
    "act",
    [
        lambda disk: disk.open("no/file"),
        lambda disk: disk.edit("no"),
        lambda disk: disk.create("no/file"),
        lambda disk: disk.rename("no", "other"),
        lambda disk: disk.sync_folder("no"),
    ],
)
def test_what_is_not_there_is_told_so(disk: Disk, act: Callable[[Disk], object]) -> None:
    with pytest.raises(PiccoloError) as missing:
        act(disk)
    assert (missing.value.kind, missing.value.reason) == (Kind.NOT_FOUND, "FILE_MISSING")
    assert disk.entries("no/folder") == []
    assert not disk.has("no/file")


def test_there_is_room(disk: Disk) -> None:
    assert disk.free() > 0


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (28, Kind.FULL, "DISK_FULL"),  # ENOSPC
        (122, Kind.FULL, "DISK_FULL"),  # EDQUOT
        (2, Kind.NOT_FOUND, "FILE_MISSING"),  # ENOENT
        (5, Kind.INTERNAL, "DISK_FAILED"),  # EIO
        (30, Kind.INTERNAL, "DISK_FAILED"),  # EROFS
    ],
)
def test_what_the_kernel_says_is_translated_once(number: int, kind: Kind, reason: str) -> None:
    with pytest.raises(PiccoloError) as failed, told("some/file"):
        raise OSError(number, "whatever")
    assert (failed.value.kind, failed.value.reason) == (kind, reason)


def test_a_really_full_disk_says_so_and_keeps_what_it_had() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this machine")
    file = RealDisk(Path("/dev")).edit("full")
    with pytest.raises(PiccoloError) as failed:
        file._write(0, b"x")
    assert failed.value.kind is Kind.FULL
    file.close()


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(PiccoloError):
        RealDisk(tmp_path).open("link")


def test_the_power_cut_takes_what_was_not_synced_and_nothing_else() -> None:
    seen = set()
    for seed in range(40):
        disk = SimulatedDisk()
        disk.make_folder("d")
        write(disk, "d/kept", b"kept")
        disk.sync_folder("d")
        file = disk.edit("d/kept")
        file.append(b"+more")
        write(disk, "d/named", b"x")
        disk.stop_at = disk.operations
        with pytest.raises(PowerCut):
            disk.unlink("d/kept")
        disk.restart(random.Random(seed))
        assert read(disk, "d/kept").startswith(b"kept")
        seen.add((read(disk, "d/kept"), disk.has("d/named")))
    assert {b"kept", b"kept+more"} <= {content for content, _ in seen}
    assert {named for _, named in seen} == {True, False}
