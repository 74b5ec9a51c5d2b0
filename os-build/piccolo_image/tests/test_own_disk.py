"""Which partitions the initrd takes for this device's: those of the disk that its root was opened from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from piccolo_image.__main__ import CHECKOUT
from piccolo_image.tests.test_memory import Initrd, initrd

__all__ = ["initrd"]
SECURE: Final = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
DATA: Final = "piccolo-data"
OWN: Final = "own"


def partition(initrd: Initrd, node: str, name: str) -> None:
    """Adds one to a disk."""
    disk = initrd.folder / "devices" / node.rstrip("0123456789")
    (disk / node).mkdir(parents=True)
    (disk / node / "partition").write_text(f"{node[-1]}\n")
    (initrd.folder / "class").mkdir(exist_ok=True)
    (initrd.folder / "class" / node).symlink_to(disk / node)
    (initrd.folder / node).touch()
    (initrd.folder / f"{node}.name").write_text(f"{name}\n")


@pytest.fixture
def disks(initrd: Initrd) -> Initrd:
    """Its own disk, whose root is open, and another one, on which udev's links by name lead."""
    for node, name in (("vda1", "esp"), ("vda2", "piccolo_1"), ("vda3", "piccolo_1"), ("sda1", DATA)):
        partition(initrd, node, name)
    slaves = initrd.folder / "block/254:0/slaves"
    slaves.mkdir(parents=True)
    for node in ("vda2", "vda3"):
        (slaves / node).symlink_to(initrd.folder / "devices/vda" / node)
    (initrd.folder / DATA).symlink_to(initrd.folder / "sda1")
    (initrd.folder / "cmdline").write_text("ro quiet\n")
    (initrd.folder / "efivars").mkdir()
    (initrd.folder / "efivars" / SECURE).write_bytes(b"\x06\0\0\0\x01")
    (initrd.folder / "tpmrm0").touch()
    return initrd


def changed(disks: Initrd) -> list[str]:
    """What was done to disks."""
    acts = ("cryptsetup erase", "partx", "systemd-cryptsetup", "systemd-repart", "mount")
    return [line for line in disks.did if line.startswith(acts) and not line.startswith("mountpoint")]


def told(disks: Initrd) -> str:
    return (disks.folder / "run/boot").read_text()


async def test_the_data_of_its_own_disk_is_opened_whatever_else_is_plugged_in(disks: Initrd) -> None:
    partition(disks, "vda6", DATA)
    await disks.run("piccolo-data")
    assert changed(disks)[0].startswith("systemd-cryptsetup attach data /vda6 - ")
    assert told(disks) == "STATE=sealed\nREASON=\nDATA=yes\n"
    assert (disks.folder / OWN).readlink() == disks.folder / "vda6", "who asks later is led there"


async def test_the_data_of_another_disk_is_no_data(disks: Initrd) -> None:
    await disks.run("piccolo-data")
    assert not any("cryptsetup" in line for line in disks.did)
    assert told(disks) == "STATE=degraded\nREASON=no-data\nDATA=no\n"
    assert not (disks.folder / OWN).is_symlink()


@pytest.mark.parametrize(("own", "data"), [(True, "yes"), (False, "no")])
async def test_without_a_tpm_it_is_told_whether_its_own_disk_has_data(
    disks: Initrd, own: bool, data: str
) -> None:
    (disks.folder / "tpmrm0").unlink()
    if own:
        partition(disks, "vda6", DATA)
    await disks.run("piccolo-data")
    assert told(disks) == f"STATE=degraded\nREASON=no-tpm\nDATA={data}\n"


async def test_a_device_that_runs_from_memory_takes_the_volume_of_that_name(disks: Initrd) -> None:
    disks.facts["KIND"] = "crypto_LUKS"
    (disks.folder / "cmdline").write_text("ro piccolo.ram=1,1\n")
    await disks.run("piccolo-data")
    assert changed(disks)[0].startswith("systemd-cryptsetup attach data /piccolo-data - ")
    assert (disks.folder / OWN).readlink() == disks.folder / "sda1"


async def test_a_reset_ends_on_its_own_disk(disks: Initrd) -> None:
    disks.facts["LABEL"] = "piccolo-reset"
    partition(disks, "vda6", DATA)
    await disks.run("piccolo-reset", "--tpm2-pcrs=7")
    assert changed(disks) == [
        "cryptsetup erase --batch-mode /vda6",
        "partx --delete --nr 6 /vda",
        "systemd-repart --dry-run=no --factory-reset=yes --tpm2-pcrs=7",
    ]


@pytest.mark.parametrize("own", [True, False])
async def test_a_mark_on_another_disk_is_none_of_its_business(disks: Initrd, own: bool) -> None:
    disks.facts["LABEL"] = "piccolo-reset" if not own else DATA
    if own:
        partition(disks, "vda6", DATA)
    await disks.run("piccolo-reset")
    assert changed(disks) == []


def test_whoever_asks_after_the_initrd_is_led_by_its_link() -> None:
    for path in (
        "services/piccolo_disk/__main__.py",
        "services/piccolo_power/__main__.py",
        "os-build/definition/root/usr/lib/systemd/system/device-power@.service",
    ):
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        assert "/dev/piccolo-data" in text
        assert "by-partlabel" not in text


def test_the_initrd_has_every_program_that_its_scripts_call() -> None:
    setup = (CHECKOUT / "os-build/definition/initrd/module/module-setup.sh").read_text(encoding="ascii")
    for name in ("blkid", "ln", "mountpoint", "readlink"):
        assert f" {name}" in setup.replace("\n", " ")
    assert "piccolo-own" in setup
    assert Path(CHECKOUT / "os-build/definition/initrd/module/piccolo-own").is_file()
