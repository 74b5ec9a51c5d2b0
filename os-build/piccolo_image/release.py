"""A release: one signed OSTree commit, and the site that any static web server can serve.

    OUT/ostree/                       the repository: commits, and static deltas from each to the next
    OUT/CHANNEL/os-update.json        what is newest in a channel, and where; with .minisig
    OUT/CHANNEL/sbom.json             its bill of materials

Rules:
* Names in the commit are the same in every version: OSTree finds what changed by name.
* The channel's document is written last: it names a commit that is there.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
from piccolo_updater.core.manifest import (
    FILES,
    MANIFEST_KEY,
    NAME,
    Manifest,
    check_way_back,
    decode,
    encode,
)

from piccolo_image import disk, formats, pcrs
from piccolo_image import keys as keyring
from piccolo_image.artefacts import Artefacts
from piccolo_image.keys import Keys
from piccolo_image.workshop import Workshop


class Newest(msgspec.Struct, frozen=True):
    """os-update.json: the newest release of a channel.

    Attributes:
        repository: relative to this document.
    """

    format: int
    channel: str
    version: str
    repository: str
    ref: str
    commit: str


async def describe(workshop: Workshop, signing: Keys, made: Artefacts, channel: str) -> Manifest:
    """The manifest of a release. Raises PiccoloError FULL, RELEASE_TOO_LARGE."""
    disk.check_room(made)
    loader = await workshop.packages("tools", "tools") / disk.LOADER
    return Manifest(
        format=1,
        version=made.version,
        channel=channel,
        roothash=made.roothash,
        pcrs=pcrs.expected(loader, made.uki, signing),
        sbom=hashlib.sha256(made.sbom.read_bytes()).hexdigest(),
        data_formats={each.service: each.oldest for each in formats.KEPT},
        data_written={each.service: each.written for each in formats.KEPT},
        data_newest=formats.opened(),
        sizes={name: (made.folder / name).stat().st_size for name in FILES},
    )


@dataclass(frozen=True, slots=True)
class Site:
    """A folder that is served."""

    folder: Path
    workshop: Workshop
    keys: Keys

    @property
    def repository(self) -> Path:
        """The OSTree repository."""
        return self.folder / "ostree"

    async def publish(self, made: Artefacts, manifest: Manifest) -> Newest:
        """Adds a release to its channel.

        Raises PiccoloError PRECONDITION (NO_WAY_BACK) when the one before could not open what it writes.
        """
        ref = f"piccolo/x86_64/{manifest.channel}"
        await self._prepare()
        before = await self._newest(ref)
        if before:
            previous = decode((await self._ostree("cat", before, f"/{NAME}")).encode())
            check_way_back(manifest, previous.opened)
        commit = await self._commit(ref, made, manifest)
        if before:
            await self._ostree("static-delta", "generate", f"--from={before}", f"--to={commit}")
        await self._ostree("summary", "--update", *await self._signing())
        newest = Newest(1, manifest.channel, manifest.version, "../ostree", ref, commit)
        await self._announce(newest, made.sbom)
        return newest

    async def _prepare(self) -> None:
        self.repository.mkdir(parents=True, exist_ok=True)
        if not (self.repository / "config").exists():
            await self._ostree("init", "--mode=archive")

    async def _newest(self, ref: str) -> str:
        refs = (await self._ostree("refs", "--list")).split()
        return await self._ostree("rev-parse", ref) if ref in refs else ""

    async def _commit(self, ref: str, made: Artefacts, manifest: Manifest) -> str:
        stage = made.folder / "release"
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        for name in FILES:
            (stage / name).hardlink_to(made.folder / name)
        (stage / NAME).write_bytes(encode(manifest))
        shutil.copy(made.sbom, stage / "sbom.json")
        commit = await self._ostree(
            *("commit", f"--branch={ref}", f"--tree=dir={stage}", "--owner-uid=0", "--owner-gid=0"),
            *("--no-xattrs", f"--subject=Piccolo {manifest.version}"),
            f"--add-metadata-string=version={manifest.version}",
            f"--add-metadata-string={MANIFEST_KEY}={encode(manifest).decode()}",
            *await self._signing(),
            beside=(made.folder,),
        )
        shutil.rmtree(stage)
        return commit

    async def _announce(self, newest: Newest, sbom: Path) -> None:
        channel = self.folder / newest.channel
        channel.mkdir(exist_ok=True)
        shutil.copy(sbom, channel / "sbom.json")
        document = msgspec.json.format(msgspec.json.encode(newest)) + b"\n"
        key = await keyring.minisign_key(self.workshop, self.keys)
        comment = f"piccolo {newest.channel} {newest.version}"
        for name, content in (
            ("os-update.json.minisig", bytes(key.sign(document, trusted_comment=comment))),
            ("os-update.json", document),
        ):
            partial = channel / f".{name}"
            partial.write_bytes(content)
            partial.replace(channel / name)

    async def _signing(self) -> tuple[str, ...]:
        fingerprint = await keyring.signer(self.workshop, self.keys)
        return (f"--gpg-sign={fingerprint}", f"--gpg-homedir={self.keys['gpg']}")

    async def _ostree(self, *words: str, beside: tuple[Path, ...] = ()) -> str:
        return await self.workshop.run(
            *("ostree", f"--repo={self.repository}", *words),
            beside=(self.folder, self.keys.folder, *beside),
        )
