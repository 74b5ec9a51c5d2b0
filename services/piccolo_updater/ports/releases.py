"""Where releases come from."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Releases(Protocol):
    """Signed commits of a repository."""

    async def fetch(self, url: str, ref: str) -> str:
        """Brings a ref's newest commit here and returns its checksum.

        Raises PiccoloError UNAVAILABLE (RELEASE_UNREACHABLE), DENIED (RELEASE_UNSIGNED), FULL (NO_ROOM).
        """

    async def unpack(self, commit: str, folder: Path) -> None:
        """Lays a commit's files into a folder that is not there yet."""

    async def forget_others(self, commit: str) -> None:
        """Drops what only older commits need."""
