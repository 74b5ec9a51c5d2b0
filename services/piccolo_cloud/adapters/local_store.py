"""Objects as files below a folder.

Rules:
* obstore's own writing neither syncs nor creates exclusively: so a file is written under a name of its own
  in `.incoming`, synced, and then linked to its name. link(2) fails when the name is taken, on every file
  system.
* A yes, and a no, come after the folder is synced: whoever is told "it is there" may rely on it after a
  power cut.
* Some room stays free, so that the machine below keeps working when the cloud is full.
* Only one process writes to a folder (piccolo_chassis.state sees to it), so what lies in `.incoming` at its
  start was cut off and goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, TypeVar

from obstore.store import LocalStore
from piccolo_chassis.state import make_folder, sync_folder

from piccolo_cloud.adapters.reading import Reading, full, translated
from piccolo_cloud.ports import Stored

P = ParamSpec("P")
T = TypeVar("T")
_INCOMING: Final = ".incoming"
_TRIES: Final = 10


class LocalObjectStore(Reading):
    """An ObjectStore (ports.py) in a folder."""

    def __init__(self, folder: Path, reserve: int) -> None:
        """Use the folder; refuse what would leave less than `reserve` bytes free. Blocks for a moment."""
        self._folder, self._reserve = folder, reserve
        self._incoming = folder / _INCOMING
        with translated("starting"):
            make_folder(self._incoming)
            for cut_off in self._incoming.iterdir():
                cut_off.unlink()
        super().__init__(LocalStore(folder))

    async def create(self, key: str, size: int, content: AsyncIterator[bytes]) -> bool:
        """Store a new object; see ports.ObjectStore."""
        partial = self._incoming / secrets.token_hex(16)
        with translated("writing"):
            file = await _in_thread(self._begin, partial, size)
        try:
            async for piece in content:
                with translated("writing"):
                    await _in_thread(file.write, piece)
            with translated("writing"):
                return await _in_thread(self._finish, file, partial, self._folder / key)
        finally:
            await _in_thread(_discard, file, partial)

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """The objects below a prefix; see ports.ObjectStore."""
        with translated("listing"):
            # an earlier process may have been killed between linking a name and syncing its folder
            await _in_thread(_sync_if_there, self._folder / prefix)
        async for each in super().list(prefix):
            yield each

    async def delete(self, key: str) -> None:
        """Remove an object, and its folder when that was the last one in it; see ports.ObjectStore."""
        await super().delete(key)
        with contextlib.suppress(OSError):
            await _in_thread((self._folder / key).parent.rmdir)

    def _begin(self, partial: Path, size: int) -> BinaryIO:
        if shutil.disk_usage(self._incoming).free < size + self._reserve:
            raise full()
        return partial.open("xb")

    def _finish(self, file: BinaryIO, partial: Path, target: Path) -> bool:
        file.flush()
        os.fsync(file.fileno())
        for _ in range(_TRIES):
            # `delete` may just have removed the empty folder
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                make_folder(target.parent, within=self._folder)
                created = _link(partial, target)
                sync_folder(target.parent)
                return created
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _link(partial: Path, target: Path) -> bool:
    try:
        os.link(partial, target)
    except FileExistsError:
        return False
    return True


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work to its end even when the caller is cancelled: a file is not closed under a writer."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _discard(file: BinaryIO, partial: Path) -> None:
    """Close and remove the working name; what was linked keeps its own."""
    with contextlib.suppress(OSError):  # a full disk refuses the last buffer again; writing has said so
        file.close()
    partial.unlink(missing_ok=True)


def _sync_if_there(folder: Path) -> None:
    if folder.is_dir():
        sync_folder(folder)
