"""A root that runs from memory: its medium is never written to, and may be pulled out."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyrage
import pytest

from integration.machines.facts import is_measured, is_sealed, listens_as_said, runs_whole
from integration.machines.images import Image
from integration.machines.qemu import Qemu, device
from integration.tests.qemu.test_refusals import KEPT, ROOT
from integration.tests.qemu.test_words import has_slots, is_told
from script.seeding import Plan, make, write_volume

pytestmark = pytest.mark.qemu
NODE: Final = "kitchen"
DATA_BYTES: Final = 1 << 30
SHORT: Final = "500M"
"""Ends within the root."""


def digest(disk: Path) -> str:
    """Of a disk that is off; an overlay changes with whatever is written to it, even if it was the same."""
    with disk.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


async def seeded(folder: Path) -> Path:
    """A seed volume that brings its configuration along."""
    plan = Plan(
        NODE, {}, serial=1, days=30, site="", offline=True, folder=folder / "site", keys=folder / "keys"
    )
    volume = folder / "seed.img"
    await write_volume(make(plan, pyrage.x25519.Identity.generate(), datetime.now(UTC)), volume)
    return volume


async def blank(made: Qemu) -> Path:
    """A disk whose one partition is called piccolo-data and holds nothing, as docs/device.md makes it."""
    disk = made.folder / "data.img"
    with disk.open("wb") as file:
        file.truncate(DATA_BYTES)
    script = 'printf "label: gpt\\nname=piccolo-data\\n" | sfdisk -q "$1"'
    await made.image.workshop.run("sh", "-c", script, "sh", disk, beside=(made.folder,))
    return disk


async def runs_from_memory(made: Qemu) -> None:
    """The root is verity over read-only loops of memory; nothing of the medium is mounted or was added."""
    assert await made.inside("findmnt", "-no", "SOURCE,FSTYPE", "/") == "/dev/mapper/root erofs"
    root = await made.inside("veritysetup", "status", "root")
    for told in ("status:      verified", made.image.roothash, "data device: /dev/loop0"):
        assert told in root
    assert await made.inside("findmnt", "-no", "FSTYPE", "/run/piccolo/ram") == "tmpfs"
    loops = ("losetup", "--noheadings", "--raw", "--output", "NAME,RO", "--associated")
    for number, name in enumerate(("root", "verity")):
        assert await made.inside(*loops, f"/run/piccolo/ram/{name}") == f"/dev/loop{number} 1"
    assert "/dev/sd" not in await made.inside("cat", "/proc/mounts")
    labels = set((await made.inside("ls", "/dev/disk/by-partlabel")).split())
    assert labels - {"piccolo-data"} == {"esp", "piccolo_1"}


async def test_ram_stops_in_words_when_its_medium_is_not_whole(ram: Image) -> None:
    """Damaged, or too short: nothing of the root ever runs."""
    async with device(ram, "ram_not_whole", stick=True) as made:
        await made.flip(ROOT + (100 << 20))
        await made.switch_on()
        await made.says("The medium is damaged")
        await made.says("The device stops here; nothing was written anywhere.")
        assert "Switching root" not in made.said()
        await made.cut_power()

        made.disk.unlink()
        options = ("-q", "-f", "qcow2", "-F", "raw", "-b", ram.disk)
        await made.tool("create", *options, made.disk, SHORT)
        made.forget()
        await made.switch_on()
        await made.says("The medium is not there, or ends too early")
        assert "Switching root" not in made.said()


async def test_ram_leaves_its_medium_which_stays_as_it_was(ram: Image) -> None:
    """By its seed it is a node; pulled out, the medium is missed by nobody."""
    async with device(ram, "ram", stick=True) as made:
        made.alter(further=(await seeded(made.folder),))
        before = digest(made.disk)
        await made.start()
        for fact in (runs_whole, runs_from_memory, is_measured, listens_as_said):
            await fact(made)
        assert await made.inside("findmnt", "-no", "FSTYPE", "/var") == "tmpfs"
        assert await made.inside("cat", "/run/piccolo/boot") == "STATE=ram\nREASON=\nDATA=no"
        assert await made.inside("cat", "/proc/sys/kernel/hostname") == NODE
        told = await is_told(made)
        assert (told["state"], told["reason"], told["data"]) == ("ram", "", False)
        assert "keeps nothing when its power goes" in str(told["message"])
        assert "runs from memory" in await made.inside(
            "sh", "-c", "piccolo-updater install http://127.0.0.1/ 2>&1", check=False
        )

        await made.pull_out()
        sectors = int(await made.inside("cat", "/sys/class/block/loop0/size"))
        assert await made.inside("ls", "/dev/disk/by-partlabel", check=False) == ""
        script = "echo 3 >/proc/sys/vm/drop_caches; cat /dev/mapper/root | wc -c"
        assert int(await made.inside("sh", "-c", script)) == sectors * 512
        assert await made.shows()
        await made.stop()
        assert digest(made.disk) == before


async def test_ram_keeps_what_it_is_given_on_a_data_volume(ram: Image) -> None:
    """A blank one becomes its own, by its TPM alone, and is there after a restart."""
    async with device(ram, "ram_data", stick=True) as made:
        data = await blank(made)
        made.alter(further=(data,))
        before, known = digest(made.disk), secrets.token_hex(32)
        await made.start()
        for fact in (runs_whole, runs_from_memory, is_sealed):
            await fact(made)
        await has_slots(made, 1)
        machine = await made.inside("cat", "/etc/machine-id")
        await made.inside("sh", "-c", f"yes {known} | head -n 2000 >{KEPT}; sync")
        await made.stop()
        assert known.encode() not in data.read_bytes()

        made.forget()
        await made.start()
        await is_sealed(made)
        assert await made.inside("head", "-n1", KEPT) == known
        assert await made.inside("cat", "/etc/machine-id") == machine
        assert (await is_told(made))["state"] == "sealed"
        await made.stop()
        assert digest(made.disk) == before
