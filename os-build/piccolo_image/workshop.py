"""The cache of what changes seldom, and the chroot whose programs make an image.

Rules:
* A cached tree is made beside its place and moved there whole; its name holds a digest of what it was made
  of, so that another definition never meets an older tree.
* A program of the chroot sees the files of this machine under their own names, in mounts that end with it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from piccolo_image import debian
from piccolo_image.programs import Programs

_INSIDE: Final = """
set -eu
tools=$1; shift
while [ "$1" != -- ]; do mkdir -p "$tools$1"; mount --rbind "$1" "$tools$1"; shift; done; shift
for each in proc dev sys; do mount --rbind /$each "$tools/$each"; done
exec chroot "$tools" "$@"
"""


class Workshop:
    """The cache in a folder, and its tools."""

    def __init__(self, cache: Path, definition: Path, programs: Programs) -> None:
        self.cache, self.definition, self.programs = cache, definition, programs

    async def tree(self, name: str, inputs: str, make: Callable[[Path], Awaitable[None]]) -> Path:
        """A cached tree; made when there is none of these inputs."""
        digest = hashlib.sha256(inputs.encode()).hexdigest()[:16]
        there = self.cache / f"{name}-{digest}"
        if not there.is_dir():
            partial = self.cache / f".{name}-{digest}"
            if partial.exists():
                shutil.rmtree(partial)
            await make(partial)
            partial.rename(there)
        return there

    async def packages(self, name: str, *lists: str) -> Path:
        """A cached tree of Debian packages."""
        wanted = debian.packages(self.definition, *lists)

        async def make(target: Path) -> None:
            await debian.bootstrap(self.programs, target, wanted)

        return await self.tree(name, "\n".join([debian.SUITE, *wanted]), make)

    async def run(
        self,
        *program: str | Path,
        beside: tuple[Path, ...] = (),
        stdin: bytes | None = None,
        secret: bool = False,
    ) -> str:
        """Runs a program of the tools, which sees the cache and the folders `beside`; as Programs.run."""
        words = await self.inside(*program, beside=beside)
        return await self.programs.run(*words, stdin=stdin, secret=secret)

    async def inside(self, *program: str | Path, beside: tuple[Path, ...] = ()) -> list[str | Path]:
        """The words that run a program of the tools."""
        tools = await self.packages("tools", "tools")
        words = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _INSIDE, "sh", tools)
        return [*words, self.cache, *beside, "--", *program]
