"""A release from its repository into the free slot.

Rules:
* Nothing that is not signed by the key in this image is unpacked.
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
from piccolo_updater.core.manifest import Manifest
from piccolo_updater.ports.data import Data
from piccolo_updater.ports.releases import Releases
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
        DATA_FORMAT).
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
            self.say(f"Fetching {ref} from {url}")
            commit = await self.releases.fetch(url, ref)
            await self.releases.unpack(commit, unpacked)
            release = self._read(unpacked)
            self._stage(release, unpacked)
            self.say(f"Writing version {release.version} into the free slot")
            await self.slots.write(self.staging, release.version)
            self.say("Reading it back")
            await self.slots.verify(release)
            await self.releases.forget_others(commit)
        finally:
            self._clear(unpacked)
        self.say(f"Version {release.version} boots next")
        return release

    def _read(self, unpacked: Path) -> Manifest:
        try:
            release = manifests.decode((unpacked / manifests.NAME).read_bytes())
        except FileNotFoundError as missing:
            raise PiccoloError(
                Kind.INVALID, "RELEASE_UNREADABLE", "The release has no manifest. Ask whoever published it."
            ) from missing
        running = self.slots.running()
        if not manifests.is_newer(release.version, running):
            raise PiccoloError(
                Kind.PRECONDITION,
                "RELEASE_OLD",
                f"Version {running} runs, and the release is {release.version}: there is nothing newer to"
                " install.",
            )
        manifests.check_data(release, self.data.formats())
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
