"""A release from its repository into the free slot.

Rules:
* Nothing that is not signed by the key in this image is unpacked.
* What a release is and how large stands in its commit, which comes first: one that is not for this device, or
  for which there is no room, costs no more than that.
* Where the newest one wants another one first, the newest that does not is taken, out of those before it.
* Only a boot that was found good, and has its data, takes another one: the slot that is written over is the
  way back of one on trial, and a release is judged by whether it finds the data.
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
from piccolo_updater.engine.health import BORNE
from piccolo_updater.ports.data import Data
from piccolo_updater.ports.machine import Boot
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
    boot: Boot
    data: Data
    staging: Path
    say: Callable[[str], None]

    async def install(self, url: str, ref: str) -> Manifest:
        """Installs the newest release of a ref that may come next on this device, to be booted next.

        Raises PiccoloError as the ports; INVALID (RELEASE_UNREADABLE); PRECONDITION (NO_SLOTS, ON_TRIAL,
        NO_DATA, RELEASE_OLD, DATA_FORMAT, NO_WAY_BACK); FULL (SYSTEM_FULL, NO_ROOM).
        """
        self._check_boot()
        unpacked = self.staging.with_name("unpacked")
        try:
            self._clear(unpacked)
            self.say(f"Looking at {ref} of {url}")
            announced, release = await self._chosen(url, ref)
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

    def _check_boot(self) -> None:
        def refuse(reason: str, words: str) -> None:
            raise PiccoloError(Kind.PRECONDITION, reason, words)

        if not self.slots.there():
            refuse(
                "NO_SLOTS",
                "This device runs from memory, and nothing is written to its medium. Write the newer release"
                " to the medium on another machine, and start this one from it.",
            )
        if self.slots.on_trial():
            refuse(
                "ON_TRIAL",
                f"Version {self.slots.running()} is still on trial, and the other slot is its way back. Try"
                " again when it was found good, some minutes after its start.",
            )
        if (missing := self.boot.missing()) not in BORNE:
            refuse(
                "NO_DATA",
                f"This device started without its data ({missing}). Open it with the words first: a release"
                " is judged by whether it finds the data.",
            )

    async def _chosen(self, url: str, ref: str) -> tuple[Announced, Manifest]:
        """The newest release that this device may take; one that wants another first waits for its turn."""
        refusal: PiccoloError | None = None
        announced = await self.releases.look(url, ref)
        while True:
            release = manifests.decode(announced.manifest)
            if not manifests.is_newer(release.version, self.slots.running()):
                raise refusal or self._nothing_newer(release)
            try:
                manifests.check_data(release, self.data.formats())
                manifests.check_way_back(release, self.data.opened())
            except PiccoloError as refused:
                refusal = refusal or refused
                if (earlier := await self._earlier(announced)) is None:
                    raise refusal from None
                announced = earlier
            else:
                if refusal:
                    self.say(f"Not the newest yet. {refusal.message}")
                self._check_room(announced, release)
                return announced, release

    async def _earlier(self, announced: Announced) -> Announced | None:
        """The release before, as far as it can be had and read: who prunes a site may have taken it away."""
        try:
            earlier = await self.releases.before(announced.commit)
            if earlier is not None:
                manifests.decode(earlier.manifest)
        except PiccoloError as failed:
            self.say(f"The release before it cannot be had. {failed.message}")
            return None
        return earlier

    def _nothing_newer(self, release: Manifest) -> PiccoloError:
        return PiccoloError(
            Kind.PRECONDITION,
            "RELEASE_OLD",
            f"Version {self.slots.running()} runs, and the release is {release.version}: there is nothing"
            " newer to install.",
        )

    def _check_room(self, announced: Announced, release: Manifest) -> None:
        room.check_system(release, self.slots.room())
        if not announced.whole:
            room.check_data(release, self.data.room())

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
