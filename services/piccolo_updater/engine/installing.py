"""A release from its repository into the free slot.

Rules:
* Nothing that is not signed by the key in this image is unpacked.
* What a release is and how large stands in its commit, which comes first: one that is not for this device, or
  for which there is no room, costs no more than that.
* The boot entry is written last: cut at any moment before, the device boots what ran, and the next attempt
  begins anew. After it, the boot loader counts the tries.
* The staging folder is this process's alone and is gone at the end, whatever the end was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core import manifest as manifests
from piccolo_updater.core import room
from piccolo_updater.core.manifest import Manifest
from piccolo_updater.ports.data import Data
from piccolo_updater.ports.releases import Announced, Releases
from piccolo_updater.ports.slots import Slots


@dataclass(frozen=True, slots=True)
class Installing:
    """Installs releases.

    Attributes:
        staging: where sysupdate.d's transfers look.
        say: tells a person how far it is.
    """

    releases: Releases
    slots: Slots
    data: Data
    staging: Path
    say: Callable[[str], None]

    async def install(self, url: str, ref: str) -> Manifest:
        """Installs a ref's newest release, to be booted next.

        Raises PiccoloError as the ports; INVALID (RELEASE_UNREADABLE); PRECONDITION (NO_SLOTS, RELEASE_OLD,
        DATA_FORMAT); FULL (SYSTEM_FULL, NO_ROOM).
        """
        if not self.slots.there():
            raise PiccoloError(
                Kind.PRECONDITION,
                "NO_SLOTS",
                "This device runs from memory, and nothing is written to its medium. Write the newer release"
                " to the medium on another machine, and start this one from it.",
            )
        unpacked = self.staging.with_name("unpacked")
        try:
            self._clear(unpacked)
            self.say(f"Looking at {ref} of {url}")
            announced = await self.releases.look(url, ref)
            release = self._judged(announced)
            self.say(f"Fetching version {release.version}")
            await self.releases.fetch(ref, announced.commit)
            await self.releases.unpack(announced.commit, unpacked)
            self._stage(release, unpacked)
            self.say(f"Writing version {release.version} into the free slot")
            await self.slots.write(self.staging, release.version)
            self.say("Reading it back")
            await self.slots.verify(release)
            await self.releases.forget_others(announced.commit)
        finally:
            self._clear(unpacked)
        self.say(f"Version {release.version} boots next")
        return release

    def _judged(self, announced: Announced) -> Manifest:
        release = manifests.decode(announced.manifest)
        running = self.slots.running()
        if not manifests.is_newer(release.version, running):
            raise PiccoloError(
                Kind.PRECONDITION,
                "RELEASE_OLD",
                f"Version {running} runs, and the release is {release.version}: there is nothing newer to"
                " install.",
            )
        manifests.check_data(release, self.data.formats())
        room.check_system(release, self.slots.room())
        if not announced.whole:
            room.check_data(release, self.data.room())
        return release

    def _stage(self, release: Manifest, unpacked: Path) -> None:
        self.staging.mkdir(mode=0o700)
        for name, staged in manifests.staged(release).items():
            try:
                (unpacked / name).rename(self.staging / staged)
            except FileNotFoundError as missing:
                raise PiccoloError(
                    Kind.INVALID,
                    "RELEASE_UNREADABLE",
                    f"The release has no {name}. Ask whoever published it.",
                ) from missing

    def _clear(self, unpacked: Path) -> None:
        for folder in (unpacked, self.staging):
            if folder.exists():
                shutil.rmtree(folder)
