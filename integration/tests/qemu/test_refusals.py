"""What is not as it was signed or sealed: refused, degraded and said, or a clear stop; never a lie."""

from __future__ import annotations

import mmap
import shutil
from pathlib import Path
from typing import Final

import pytest

from integration.machines.facts import is_sealed
from integration.machines.images import Image
from integration.machines.qemu import Qemu, device

pytestmark = pytest.mark.qemu
HANDED: Final = {
    "systemd.unit-dropin.device-settled.service": b"[Service]\n"
    b"ExecStartPre=/bin/sh -c 'echo handed in >/dev/ttyS0'\n"
}
"""A unit's part that the firmware brings (systemd-debug-generator(8))."""
ESP = (1 << 20, 301 << 20)
ROOT = 301 << 20
SUPERBLOCK = 1024
KEPT = "/var/lib/piccolo-system/kept"
SECONDS = 1200.0
BOOTS = 4


def found(image: Image, words: bytes) -> int:
    """Where the one place of some bytes in the image's ESP is."""
    with image.disk.open("rb") as disk, mmap.mmap(disk.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(words, *ESP)
        assert at > 0
        assert content.find(words, at + 1, ESP[1]) < 0
        return at


async def block_of(image: Image, path: str) -> int:
    """Where the middle of a file of the root lies in the image."""
    told = await image.workshop.run(
        "dump.erofs", f"--offset={ROOT}", "-e", f"--path={path}", image.disk, beside=(image.folder,)
    )
    extents = [line for line in told.splitlines() if line.strip()[:1].isdigit()]
    physical = extents[len(extents) // 2].split("|")[1].partition(":")[2]
    first, _, last = physical.partition("..")
    return ROOT + (int(first) + int(last)) // 2


async def is_degraded(made: Qemu, reason: str, data: str = "yes") -> None:
    """It says why; its face answers, and what it kept before is not there and not lost."""
    assert await made.inside("cat", "/run/piccolo/boot") == f"STATE=degraded\nREASON={reason}\nDATA={data}"
    assert await made.inside("findmnt", "-no", "FSTYPE", "/var") == "tmpfs"
    assert await made.inside("ls", KEPT, check=False) == ""
    assert await made.booted() == "running"


@pytest.mark.smoke
async def test_tampered_uki_is_refused(development: Image) -> None:
    """One byte of the kernel's command line: the firmware does not start it."""
    async with device(development, "tampered_uki") as made:
        await made.flip(found(development, f"roothash={development.roothash}".encode()))
        await made.switch_on()
        await made.says("Access denied")
        assert "piccolo:" not in made.said()
        assert await made.shows() == ""


async def test_flipped_block_of_the_root_is_never_read(development: Image) -> None:
    """Who reads it gets nothing: the device restarts."""
    async with device(development, "flipped_block") as made:
        await made.flip(await block_of(development, "/usr/bin/podman"))
        await made.start()
        assert await made.booted() == "running"
        made.power.monitor.forget()
        assert await made.inside("sh", "-c", "sha256sum /usr/bin/podman; echo read", check=False) == ""
        await made.power.monitor.event("RESET", SECONDS)
        assert "is corrupted" in made.said()


async def test_flipped_block_of_every_boot(development: Image) -> None:
    """There is no other slot to go to: nothing of it ever runs, and after four tries it stops and says so."""
    async with device(development, "flipped_always") as made:
        await made.flip(ROOT + SUPERBLOCK)
        await made.switch_on()
        await made.says("The device stops here.", SECONDS)
        assert made.said().count("data block 0 is corrupted") >= BOOTS
        assert "piccolo-gateway" not in made.said()
        assert await made.shows() == ""


@pytest.mark.smoke
async def test_no_tpm(development: Image) -> None:
    """It boots with /var in RAM, and says so."""
    async with device(development, "no_tpm", tpm=False) as made:
        await made.start()
        await is_degraded(made, "no-tpm", "no")


async def test_tpm_lost_and_found(development: Image, settled: Path) -> None:
    """Without its TPM, and with another one, it runs without its data; with its own, all is there again."""
    async with device(development, "tpm_lost", begin=settled) as made:
        made.alter(tpm=False)
        await made.start()
        await is_degraded(made, "no-tpm")
        await made.stop()
        own = made.folder / "tpm"
        own.rename(made.folder / "own")
        made.alter(tpm=True)
        made.forget()
        await made.start()
        await is_degraded(made, "tpm-refused")
        await made.stop()
        shutil.rmtree(own)
        (made.folder / "own").rename(own)
        made.forget()
        await made.start()
        await is_sealed(made)
        assert await made.inside("cat", KEPT) == "kept"


async def test_first_boot_with_secure_boot_off(development: Image) -> None:
    """A PCR 7 that says off is everybody's: nothing is sealed to it, and no place for data is made."""
    async with device(development, "never_secure", secure=False) as made:
        made.alter(credentials={**made.power.device.credentials, **HANDED})
        await made.start()
        await is_degraded(made, "secure-boot-off", "no")
        assert "piccolo-data" not in await made.inside("ls", "/dev/disk/by-partlabel")
        assert "handed in" in made.said(), "who develops may hand in units"


async def test_secure_boot_off(development: Image, settled: Path) -> None:
    """PCR 7 is another one: the TPM does not open the data, and why is told."""
    async with device(development, "secure_boot_off", begin=settled, secure=False) as made:
        (made.folder / "vars.fd").unlink()
        await made.start()
        await is_degraded(made, "secure-boot-off")
