"""Signed commits by ostree(1), in a repository on the data partition."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core.manifest import MANIFEST_KEY
from piccolo_updater.ports.releases import Announced

_REMOTE: Final = "piccolo"
_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 600.0
_FETCH_SECONDS: Final = 4 * 3600.0
_UNPACK_SECONDS: Final = 1800.0
_SIGNATURE: Final = ("signature", "gpg", "public key")
_ROOM: Final = ("no space left", "min-free-space", "would be exceeded", "free space, but only")
RESERVE: Final = 3
"""Hundredths of the data partition that a release leaves free."""


class OSTree:
    """A repository in a folder; `key` is whose commits are taken (OpenPGP)."""

    def __init__(self, folder: Path, key: Path) -> None:
        self._folder, self._key = folder, key

    async def look(self, url: str, ref: str) -> Announced:
        """As the port says."""
        await self._prepare(url, ref)
        await self._pull("--commit-metadata-only", _REMOTE, ref, seconds=_LOOK_SECONDS)
        return await self._announced(await self._commit(f"{_REMOTE}:{ref}"))

    async def before(self, commit: str) -> Announced | None:
        """As the port says."""
        if not (parent := await self._commit(f"{commit}^", check=False)):
            return None
        await self._pull("--commit-metadata-only", _REMOTE, parent, seconds=_LOOK_SECONDS)
        return await self._announced(parent)

    async def fetch(self, ref: str, commit: str) -> None:
        """As the port says."""
        await self._pull(_REMOTE, f"{ref}@{commit}", seconds=_FETCH_SECONDS)

    async def unpack(self, commit: str, folder: Path) -> None:
        """As the port says; files are hard links into the repository."""
        await self._ostree("checkout", "-U", "-H", commit, str(folder), seconds=_UNPACK_SECONDS)

    async def forget_others(self, commit: str) -> None:
        """As the port says."""
        await self._ostree("prune", "--refs-only", "--depth=0", seconds=_UNPACK_SECONDS)

    async def _commit(self, name: str, *, check: bool = True) -> str:
        told = await self._ostree("rev-parse", name, check=check)
        return "" if told.status else told.stdout.decode().strip()

    async def _announced(self, commit: str) -> Announced:
        said = await self._ostree("show", f"--print-metadata-key={MANIFEST_KEY}", commit, check=False)
        partial = self._folder / f"state/{commit}.commitpartial"
        return Announced(commit, b"" if said.status else _text(said.stdout), not partial.exists())

    async def _pull(self, *words: str, seconds: float) -> None:
        told = await self._ostree("pull", *words, seconds=seconds, check=False)
        if told.status:
            raise _refused(told.stderr.decode(errors="replace"))

    async def _prepare(self, url: str, ref: str) -> None:
        if not (self._folder / "config").exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            await self._ostree("init", "--mode=bare-user")
        await self._ostree("config", "set", "core.min-free-space-percent", str(RESERVE))
        await self._ostree("remote", "delete", "--if-exists", _REMOTE)
        await self._ostree("remote", "add", f"--gpg-import={self._key}", _REMOTE, url, ref)

    async def _ostree(self, *words: str, seconds: float = _SECONDS, check: bool = True) -> command.Completed:
        return await command.run(["ostree", f"--repo={self._folder}", *words], seconds=seconds, check=check)


def _text(printed: bytes) -> bytes:
    """A text of a commit's metadata, which ostree prints as GVariant writes texts; empty, when it is none."""
    try:
        told = ast.literal_eval(printed.decode().strip())
    except (SyntaxError, ValueError):
        return b""
    return told.encode() if isinstance(told, str) else b""


def _refused(said: str) -> PiccoloError:
    line = said.strip().splitlines()[-1] if said.strip() else "it did not say why"
    words = said.lower()
    if any(sign in words for sign in _SIGNATURE):
        return PiccoloError(
            Kind.DENIED,
            "RELEASE_UNSIGNED",
            f"The release is not signed by this device's release key, and was not taken ({line}).",
        )
    if any(sign in words for sign in _ROOM):
        return PiccoloError(
            Kind.FULL, "NO_ROOM", f"The release has no room on the data partition; delete something ({line})."
        )
    return PiccoloError(
        Kind.UNAVAILABLE,
        "RELEASE_UNREACHABLE",
        f"The release could not be fetched ({line}). Try again later.",
    )
