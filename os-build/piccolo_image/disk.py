"""The disk: an EFI system partition, two slots of root and verity; the data partition is made by the device.

A medium whose root runs in RAM has one slot, for nothing is ever written to it.

No loop mounts: each partition is made as a file and written to its place.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_image import enrolment
from piccolo_image.artefacts import Artefacts
from piccolo_image.keys import Keys
from piccolo_image.workshop import Workshop

_MIB: Final = 1 << 20
_ESP: Final = 300  # MiB; smaller ones did not boot everywhere
_ROOT: Final = 640
_VERITY: Final = 16
MEDIUM: Final = 1 << 30
"""Bytes of a disk with one slot."""
_ESP_TYPE: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_ROOT_TYPE: Final = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
_VERITY_TYPE: Final = "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5"
LOADER: Final = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"  # of the tools
_ENROLMENT: Final = "loader/keys/piccolo"  # offered in setup mode; only what is called auto is taken unasked
_SETTINGS: Final = "timeout 0\nconsole-mode keep\neditor no\n"


async def write(
    workshop: Workshop, made: Artefacts, keys: Keys, out: Path, size: int, *, slots: int = 2
) -> None:
    """Writes a disk of so many bytes that boots the artefacts; what is free on it becomes data.

    Raises PiccoloError FULL, RELEASE_TOO_LARGE.
    """
    check_room(made)
    esp = await _esp(workshop, made, keys)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.new")
    partial.unlink(missing_ok=True)
    with partial.open("wb") as disk:
        disk.truncate(size)
    await workshop.run(
        *("sh", "-c", 'printf "%s" "$2" | sfdisk -q "$1"', "sh", partial, table(made, slots)),
        beside=(out.parent.resolve(),),
    )
    for content, at in ((esp, 1), (made.root, 1 + _ESP), (made.verity, 1 + _ESP + _ROOT)):
        put(content, partial, at * _MIB)
    partial.replace(out)


def check_room(made: Artefacts) -> None:
    """Refuses what the disks of devices have no room for, whose partitions keep the size they were made with.

    The ESP must hold the present kernel image, the next one, and what else lies there.

    Raises PiccoloError FULL, RELEASE_TOO_LARGE.
    """
    for part, path, room in (
        ("root", made.root, _ROOT),
        ("verity data", made.verity, _VERITY),
        ("kernel image", made.uki, _ESP // 3),
    ):
        if (size := path.stat().st_size) > room * _MIB:
            raise PiccoloError(
                Kind.FULL,
                "RELEASE_TOO_LARGE",
                f"The {part} of {made.version} has {size:,} bytes; a device has room for {room} MiB. "
                "Leave packages out, or compress it better.",
            )


def table(made: Artefacts, slots: int = 2) -> str:
    """The partitions, in sfdisk's words. Both of a slot are found by their UUIDs, halves of the root hash."""
    free = [
        f'size={_ROOT}MiB, type={_ROOT_TYPE}, name="_empty"',
        f'size={_VERITY}MiB, type={_VERITY_TYPE}, name="_empty"',
    ]
    slot = f'name="piccolo_{made.version}", attrs="GUID:60"'
    return "\n".join(
        [
            "label: gpt",
            f'start=1MiB, size={_ESP}MiB, type={_ESP_TYPE}, name="esp"',
            f"size={_ROOT}MiB, type={_ROOT_TYPE}, uuid={made.slot.root}, {slot}",
            f"size={_VERITY}MiB, type={_VERITY_TYPE}, uuid={made.slot.verity}, {slot}",
            *(slots - 1) * free,
            "",
        ]
    )


async def _esp(workshop: Workshop, made: Artefacts, keys: Keys) -> Path:
    folder, image = made.folder / "esp", made.folder / "esp.img"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("EFI/BOOT", "EFI/systemd", "EFI/Linux", _ENROLMENT):
        (folder / name).mkdir(parents=True)
    loader = folder / "EFI/BOOT/BOOTX64.EFI"
    beside = (made.folder, keys.folder)
    await workshop.run(
        *("sbsign", "--key", keys["db.key"], "--cert", keys["db.crt"], "--output", loader),
        f"/{LOADER}",
        beside=beside,
    )
    enrolment.write(keys, folder / _ENROLMENT, datetime.now(UTC))
    shutil.copy(loader, folder / "EFI/systemd/systemd-bootx64.efi")
    shutil.copy(made.uki, folder / f"EFI/Linux/piccolo_{made.version}.efi")
    (folder / "loader/loader.conf").write_text(_SETTINGS, encoding="ascii")
    (folder / "loader/entries.srel").write_text("type1\n", encoding="ascii")
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(_ESP * _MIB)
    await workshop.run("mkfs.vfat", "-n", "ESP", image, beside=beside)
    await workshop.run("mcopy", "-i", image, "-s", folder / "EFI", folder / "loader", "::", beside=beside)
    shutil.rmtree(folder)
    return image


def put(content: Path, disk: Path, at: int) -> None:
    """Writes a file into the disk, leaving what is zero a hole."""
    with content.open("rb") as source, disk.open("r+b") as target:
        target.seek(at)
        while piece := source.read(_MIB):
            if piece.count(0) == len(piece):
                target.seek(len(piece), os.SEEK_CUR)
            else:
                target.write(piece)
