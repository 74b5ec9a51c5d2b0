"""A folder of real files: what goes in, and whether exactly that comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.answers import Written
from integration.client import Client

_AT_ONCE: Final = 32
_SKIPPED: Final = frozenset({"__pycache__", "site-packages"})

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Folder:
    """The files below a root, by their path in the cloud."""

    root: Path
    files: dict[str, Path]
    size: int

    @classmethod
    def read(cls, root: Path) -> Folder:
        """Finds the regular files below a root; compiled and installed ones are left out."""
        files = {
            f"/{root.name}/{path.relative_to(root).as_posix()}": path
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.is_symlink() and not _SKIPPED & set(path.parts[len(root.parts) :])
        }
        return cls(root, files, sum(path.stat().st_size for path in files.values()))

    def contents(self) -> Iterator[bytes]:
        """Every file's bytes."""
        return (path.read_bytes() for path in self.files.values())


async def put_folder(api: Client, folder: Folder, progress: Progress) -> Written:
    """Stores every file, many at once; returns the one that survives least."""
    written: list[Written] = []

    async def one(path: str, source: Path) -> None:
        written.append(await api.put(path, source, modified=int(source.stat().st_mtime)))
        progress(len(written), len(folder.files))

    await _each(folder, one)
    return min(written, key=lambda file: file.health.survives)


async def verify_folder(api: Client, folder: Folder, progress: Progress) -> bool:
    """Whether every file comes out as it went in, and the listing names exactly these."""
    done, same = 0, True

    async def one(path: str, source: Path) -> None:
        nonlocal done, same
        same &= await api.get(path) == source.read_bytes()
        done += 1
        progress(done, len(folder.files))

    await _each(folder, one)
    listed = {entry["path"] async for entry in api.list() if entry["version_id"]}
    return same and listed == set(folder.files)


async def _each(folder: Folder, work: Callable[[str, Path], Coroutine[None, None, None]]) -> None:
    waiting = iter(folder.files.items())

    async def worker() -> None:
        for path, source in waiting:
            await work(path, source)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())
