"""One bit flips in a file of one service: it heals, or somebody is told; nobody reads a wrong byte.

Rules:
* A bit flips while its service is stopped, then the service starts as its manager starts it.
* It may refuse to start, with a reason and a sentence in its log; the owner's programs may be refused, with a
  reason. Everything that is read is what was put, and what is put then is taken.
* What was refused is mended by putting the file back: only a bit was lost. The service that started keeps
  what it made of it, and everything must go on from there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from integration.bad_days.promises import BrokenPromiseError, Promises, content_of
from integration.circle import Circle, Say
from integration.client import ApiError
from integration.device import Box


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: whose, which ones, and with which reasons it may be refused; none: it always heals."""

    service: str
    files: str
    reasons: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Where it lies."""
        return f"{self.service}/{self.files}"


def _kind(service: str, files: str, *reasons: str) -> Kind:
    return Kind(service, files, frozenset(reasons))


_FORMAT: Final = ("STATE_FOREIGN", "STATE_NEWER")
KINDS: Final = (
    _kind("metadata", "format", *_FORMAT),
    _kind("metadata", "metadata.db", "DATABASE_DAMAGED"),
    _kind("metadata", "backup/key", "KEY_DAMAGED"),
    _kind("metadata", "backup/spool/*"),
    _kind("vault", "format", *_FORMAT),
    _kind("vault", "kek.sealed", "STATE_DAMAGED"),
    _kind("vault", "owner", "STATE_DAMAGED"),
    _kind("vault", "role.secrets", "STATE_DAMAGED"),
    _kind("vault", "tries", "PASSPHRASE_DELAY"),
    _kind("attestation", "format", *_FORMAT),
    _kind("attestation", "keys", "STATE_DAMAGED"),
    _kind("attestation", "identity", "STATE_DAMAGED"),
    _kind("attestation", "name"),
    _kind("attestation", "circle", "STATE_DAMAGED"),
    _kind("attestation", "invitations", "STATE_DAMAGED"),
    _kind("attestation", "proposals", "STATE_DAMAGED"),
    _kind("gateway", "format", *_FORMAT),
    _kind("gateway", "tls.key", "CERTIFICATE_UNREADABLE"),
    _kind("gateway", "tls.pem", "CERTIFICATE_UNREADABLE"),
    _kind("gateway", "instance"),
    _kind("gateway", "keyed/*"),
    _kind("fragment-store", "format", *_FORMAT),
    _kind("fragment-store", "keys/signing.key", "KEY_UNREADABLE"),
    _kind("fragment-store", "keys/tls.key", "KEY_UNREADABLE"),
    _kind("fragment-store", "promises/*"),
    _kind("fragment-store", "clock"),
    _kind("fragment-store", "circle"),
    _kind("fragment-store", "index.sqlite"),
    _kind("fragment-store", "tombstones.log"),
    _kind("fragment-store", "notices.log"),
    _kind("fragment-store", "live/*/*/*"),
    _kind("cloud", "format", *_FORMAT),
    _kind("cloud", "tls.key", "CERTIFICATE_UNREADABLE"),
    _kind("cloud", "tls.pem"),
    _kind("cloud", "objects/*/log/*"),
)


@dataclass(slots=True)
class Rot:
    """Flips on one circle; the first owner's files are at stake."""

    made: Circle
    promises: Promises
    say: Say

    async def put(self, path: str, data: bytes) -> None:
        """Something that is owed."""
        self.promises.asked(path, content_of(data))
        await self.made.owners[0].api.put(path, data)
        self.promises.acknowledged(path, content_of(data))

    async def strike(self, kind: Kind, chance: Random) -> None:
        """Flips a bit in one file of a kind, if there is one, and says what became of it.

        Raises BrokenPromiseError, and AssertionError for a refusal without a reason of the kind's.
        """
        box = self._box(kind)
        await box.stop([kind.service])
        state = box.state(kind.service)
        files = sorted(path for path in state.glob(kind.files) if path.is_file() and path.stat().st_size)
        saved = state.with_name(f"{kind.service}.saved")
        shutil.copytree(state, saved)
        try:
            where = _flip(chance.choice(files), chance) if files else None
            if kind.service == "metadata":
                (state / "open").touch()  # as after an unclean end: the whole file is read at once
            told = await self._start(box, kind)
            told = told or await self._read(kind)
            if told:
                await self._put_back(box, kind, saved)
        finally:
            shutil.rmtree(saved)
        self.say(f"{kind} {where}: {told or 'healed'}" if where else f"{kind}: there is none")

    async def _start(self, box: Box, kind: Kind) -> str | None:
        """Starts the service; returns why it refused."""
        log = box.folder / kind.service / "log"
        before = log.stat().st_size
        refused = False
        try:
            await box.run({kind.service: box.settings(kind.service)})
        except* AssertionError:
            refused = True
        if refused:
            words = log.read_bytes()[before:].decode(errors="replace")
            reasons = {each for each in kind.reasons if f'"{each}"' in words}
            assert reasons, f"{kind} refused without a word of {set(kind.reasons)}:\n{words}"
            return f"refused to start, {', '.join(reasons)}"
        return None

    async def _read(self, kind: Kind) -> str | None:
        """Reads everything and writes; returns the reason of the first refusal."""
        if kind.service == "gateway":  # it may show a new certificate of its old key
            await self.made.owners[0].api.close()
            await self.made.owners[0].api.open()
        try:
            await self.made.owners[0].api.log_in()
            for path in self.promises.paths():
                self.promises.seen(path, content_of(await self.made.owners[0].api.get(path)))
            await self.put("/struck", str(kind).encode())
        except ApiError as refused:
            if refused.reason not in kind.reasons:
                raise
            return f"told its owner, {refused.reason}"
        return None

    async def _put_back(self, box: Box, kind: Kind, saved: Path) -> None:
        if kind.service in box.services:
            await box.stop([kind.service])
        else:
            await box.kill([kind.service])
        shutil.rmtree(box.state(kind.service))
        shutil.copytree(saved, box.state(kind.service))
        await box.run({kind.service: box.settings(kind.service)})
        if told := await self._read(kind):
            raise BrokenPromiseError(f"{kind}: {told}, although every bit is as it was")

    def _box(self, kind: Kind) -> Box:
        match kind.service:
            case "cloud":
                return self.made.cloud
            case "fragment-store":
                return self.made.owners[1].device
            case _:
                return self.made.owners[0].device


def _flip(path: Path, chance: Random) -> str:
    content = bytearray(path.read_bytes())
    at, bit = chance.randrange(len(content)), chance.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return f"{path.name[:20]}[{at}]^{1 << bit}"
