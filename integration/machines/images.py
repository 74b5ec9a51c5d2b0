"""Images of this checkout for tests: made once for what they are made of, never written to."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_image import __main__ as image
from piccolo_image import disk, initrd, keys
from piccolo_image.keys import Keys
from piccolo_image.root import Variant
from piccolo_image.workshop import Workshop

SHELF: Final = image.CHECKOUT / "build/qemu"
_SIZE: Final = 4 << 30
_BOOTS: Final = {"monitor.py", "run.py", "virtual.py"}
"""What boots an image and has no part in making it."""


@dataclass(frozen=True, slots=True)
class Image:
    """A disk that boots.

    Attributes:
        digest: of all that it is made of.
        folder: what tests keep for this image only.
        roothash: of its root, 64 hex digits.
        login: the key that opens it, if any does.
        in_ram: whether its root leaves it at each boot, and it is a medium that nothing is written to.
    """

    workshop: Workshop
    keys: Keys
    digest: str
    roothash: str
    login: Path
    flavour: str
    in_ram: bool = False

    @property
    def folder(self) -> Path:
        return SHELF / f"{shelved(self.flavour, self.in_ram)}-{self.digest}"

    @property
    def disk(self) -> Path:
        """The disk, raw."""
        return self.folder / "disk.img"


def shelved(flavour: str, in_ram: bool) -> str:
    """What an image's folder is called before its digest; no such name begins another one."""
    return f"ram_{flavour}" if in_ram else flavour


async def made(flavour: str, *, in_ram: bool = False) -> Image:
    """The image of this checkout; an older one, and what was kept for it, goes."""
    SHELF.mkdir(parents=True, exist_ok=True)
    workshop = image.open_workshop()
    fresh = SHELF / f".{shelved(flavour, in_ram)}.img"
    signing = await keys.development(workshop)
    release = await image.build(workshop, signing, Variant(flavour, "1", in_ram))
    size, slots = (disk.MEDIUM, 1) if in_ram else (_SIZE, 2)
    await disk.write(workshop, release, signing, fresh, size, slots=slots)
    roothash = release.roothash
    digest = hashlib.sha256(roothash.encode() + signing["db.crt"].read_bytes())
    digest.update((await initrd.make(workshop)).initrd.parent.name.encode())
    for source in sorted((image.CHECKOUT / "os-build/piccolo_image").glob("*.py")):
        if source.name not in _BOOTS:
            digest.update(source.read_bytes())
    login = await keys.login(workshop)
    built = Image(workshop, signing, digest.hexdigest()[:16], roothash, login, flavour, in_ram)
    if built.disk.is_file():
        fresh.unlink()  # the same, but for the times in it: others may lie over the older one
        return built
    for older in SHELF.glob(f"{shelved(flavour, in_ram)}-*"):
        shutil.rmtree(older)
    built.folder.mkdir()
    fresh.rename(built.disk)
    return built


if __name__ == "__main__":
    asyncio.run(made("development"))
