"""Room on real file systems of a few MiB, as systemd-sysupdate and ostree use it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.adapters.data import Folders
from piccolo_updater.adapters.sysupdate import Sysupdate
from piccolo_updater.core.room import check_system
from piccolo_updater.tests.test_manifest import release

pytestmark = [
    pytest.mark.component,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system with a size"),
]
MIB = 1 << 20
CUT = ".#sysupdatepiccolo_3+3-0.efi0123456789abcdef"


def fill(path: Path, size: int) -> None:
    path.write_bytes(os.urandom(size))


def slots(disk: Path, running: str) -> Sysupdate:
    told = disk.with_name("os-release")
    told.write_text(f'IMAGE_VERSION="{running}"\n')
    return Sysupdate(told, disk, told)


def takes(disk: Path, size: int) -> bool:
    """Whether a file of that size can be written whole."""
    try:
        (disk / "new").write_bytes(bytes(size))
    except OSError:
        return False
    finally:
        (disk / "new").unlink()
    return True


def test_the_only_entry_stays_and_the_new_one_has_what_is_free(disk: Path) -> None:
    fill(disk / "piccolo_1.efi", 5 * MIB)
    fill(disk / "of-another-system", 3 * MIB)
    room = slots(disk, "1").room()
    assert takes(disk, room)
    assert not takes(disk, room + MIB)


def test_what_gives_way_counts_and_what_runs_does_not(disk: Path) -> None:
    for name in ("piccolo_1+0-3.efi", "piccolo_2.efi", CUT):
        fill(disk / name, 5 * MIB)
    room = slots(disk, "2").room()
    assert not takes(disk, room)
    for name in ("piccolo_1+0-3.efi", CUT):
        (disk / name).unlink()  # as systemd-sysupdate does before it writes
    assert takes(disk, room)
    assert not takes(disk, room + MIB)


def test_an_entry_that_does_not_run_stays_when_it_is_the_only_one(disk: Path) -> None:
    fill(disk / "piccolo_1.efi", 5 * MIB)
    room = slots(disk, "2").room()
    assert takes(disk, room)
    assert not takes(disk, room + MIB)


def test_a_full_system_partition_refuses_and_is_left_as_it_was(disk: Path) -> None:
    for name in ("piccolo_1.efi", "piccolo_2.efi", "of-another-system"):
        fill(disk / name, 5 * MIB)
    before = {path.name: path.stat().st_size for path in disk.iterdir()}
    with pytest.raises(
        PiccoloError, match=r"needs 40 MiB on the system partition .* and 5 are free"
    ) as refused:
        check_system(release("3"), slots(disk, "2").room())
    assert (refused.value.kind, refused.value.reason) == (Kind.FULL, "SYSTEM_FULL")
    assert {path.name: path.stat().st_size for path in disk.iterdir()} == before


def test_a_release_leaves_a_reserve_of_the_data_partition(disk: Path) -> None:
    assert Folders(disk, disk / "formats.json", 0).room() == 16 * MIB
    assert Folders(disk, disk / "formats.json", 50).room() == 8 * MIB
    fill(disk / "kept for others", 12 * MIB)
    assert Folders(disk, disk / "formats.json", 50).room() < 0
