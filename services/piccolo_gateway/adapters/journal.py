"""Keyed requests in the state folder: one small file each, named by the digest of caller and key.

Rules:
* A file is replaced whole; what cannot be read is not known, and goes with the next sweep.
* Writes come one after the other, beside the loop: each waits for the disk.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_chassis.state import make_folder, sync_folder, write_durably

from piccolo_gateway.core.idempotency import Name, Note

T = TypeVar("T")
_log = logging.getLogger(__name__)


class FileJournal:
    """A folder of notes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._busy = asyncio.Lock()

    async def notes(self) -> list[Note]:
        """All that is kept."""
        async with self._busy:
            return await _do(self._read)

    async def keep(self, note: Note) -> None:
        """Writes a note, durably."""

        def write() -> None:
            make_folder(self._folder, within=self._folder.parent)
            write_durably(self._folder / _file(note.name), msgspec.json.encode(note))

        async with self._busy:
            await _do(write)

    async def forget(self, note: Note) -> None:
        """Removes a note, durably."""

        def remove() -> None:
            (self._folder / _file(note.name)).unlink(missing_ok=True)
            sync_folder(self._folder)

        async with self._busy:
            await _do(remove)

    async def keep_only(self, known: Callable[[], Iterable[Name]]) -> None:
        """Removes the notes that are not known any more."""
        async with self._busy:
            # asked for now that nobody writes: a request that begins after this writes its note after us
            kept = {_file(name) for name in known()}

            def sweep() -> None:
                for path in self._files():
                    if path.name not in kept:
                        path.unlink()

            await _do(sweep)

    def _read(self) -> list[Note]:
        found = []
        for path in self._files():
            if path.name.startswith("."):
                continue  # a write that was cut off
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Note))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
                _log.warning("a note cannot be read", extra=fields(file=path.name, problem=str(wrong)))
        return found

    def _files(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []


def _file(name: Name) -> str:
    return sha256("\0".join(name).encode("utf-8", "surrogateescape")).hexdigest()


async def _do(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as failed:
        full = failed.errno in (errno.ENOSPC, errno.EDQUOT)
        raise PiccoloError(
            Kind.FULL if full else Kind.INTERNAL,
            "JOURNAL",
            f"The state folder cannot be written: {failed.strerror or failed}.",
        ) from failed
