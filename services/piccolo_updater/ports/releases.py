"""Where releases come from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol


class Announced(NamedTuple):
    """A release of which only the commit is here.

    Attributes:
        commit: its checksum.
        manifest: what the commit says of it; empty, when it says nothing.
        whole: whether its files are here too.
    """

    commit: str
    manifest: bytes
    whole: bool


class Releases(Protocol):
    """Signed commits of a repository."""

    async def look(self, url: str, ref: str) -> Announced:
        """Brings a ref's newest commit here, without its files.

        Raises PiccoloError UNAVAILABLE (RELEASE_UNREACHABLE), DENIED (RELEASE_UNSIGNED), FULL (NO_ROOM).
        """

    async def before(self, commit: str) -> Announced | None:
        """Brings the commit before one that was looked at here, likewise; None when that was the first.

        Raises PiccoloError as `look`.
        """

    async def fetch(self, ref: str, commit: str) -> None:
        """Brings the files of a commit that was looked at.

        Raises PiccoloError as `look`; when there is no room for them, what came of them is gone again.
        """

    async def unpack(self, commit: str, folder: Path) -> None:
        """Lays a commit's files into a folder that is not there yet."""

    async def forget_others(self, commit: str) -> None:
        """Drops what only older commits need."""
