"""Files of the backup: entries that wait to be sent, bodies that were fetched.

Rules:
* An entry waits as two files, `<seq>.body` and `<seq>.prefix`. The prefix is written last and durably, so
  an entry with a prefix is whole.
* All work on files is done in threads; a cancelled caller waits for it, and asks a long job to end soon.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import make_folder, sync_folder, write_durably

from piccolo_metadata.engine.backup_ports import Build

T = TypeVar("T")

_PIECE: Final = 1 << 20


class DiskSpool:
    """Implements engine.backup_ports.Spool in a folder."""

    def __init__(self, folder: Path) -> None:
        """Use the folder, made when it is not there."""
        self._folder = folder
        make_folder(folder)

    async def store(self, seq: int, build: Build) -> int:
        """Builds an entry's bytes and makes them durable; returns their number."""
        abandoned = threading.Event()
        return await _in_thread(self._store, seq, build, abandoned, on_cancel=abandoned.set)

    async def size(self, seq: int) -> int | None:
        """The number of an entry's bytes; None when they are not here."""
        return await _in_thread(self._size, seq)

    async def read(self, seq: int) -> AsyncGenerator[bytes]:
        """An entry's bytes, in pieces."""
        yield await _in_thread(self._prefix(seq).read_bytes)
        file: BinaryIO = await _in_thread(self._body(seq).open, "rb")
        try:
            while piece := await _in_thread(file.read, _PIECE):
                yield piece
        finally:
            file.close()

    async def discard(self, except_seq: int | None = None) -> None:
        """Removes all entries but one."""
        await _in_thread(self._discard, except_seq)

    def _store(self, seq: int, build: Build, abandoned: threading.Event) -> int:
        self._discard(None)
        with self._body(seq).open("xb") as body:

            def write(data: bytes) -> None:
                _check(abandoned)
                body.write(data)

            prefix = build(write)
            body.flush()
            os.fsync(body.fileno())
            size = body.tell()
        write_durably(self._prefix(seq), prefix)
        return len(prefix) + size

    def _size(self, seq: int) -> int | None:
        try:
            return self._prefix(seq).stat().st_size + self._body(seq).stat().st_size
        except FileNotFoundError:
            return None

    def _discard(self, except_seq: int | None) -> None:
        kept = () if except_seq is None else (self._prefix(except_seq), self._body(except_seq))
        # prefixes first: a body without one is nothing
        for path in sorted(self._folder.iterdir(), key=lambda each: each.suffix != ".prefix"):
            if path not in kept:
                path.unlink(missing_ok=True)
        sync_folder(self._folder)

    def _prefix(self, seq: int) -> Path:
        return self._folder / f"{seq:016x}.prefix"

    def _body(self, seq: int) -> Path:
        return self._folder / f"{seq:016x}.body"


class DiskFiles:
    """Implements engine.backup_ports.Files."""

    def chunks(self, path: Path) -> Iterator[bytes]:
        """A file's bytes in pieces; blocks."""
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    async def save(self, path: Path, chunks: AsyncIterator[bytes]) -> None:
        """Makes a file of what comes."""
        file: BinaryIO = await _in_thread(path.open, "wb")
        try:
            async for chunk in chunks:
                await _in_thread(file.write, chunk)
            await _in_thread(file.flush)
        finally:
            with translated():
                file.close()

    async def convert(self, path: Path, chunks: Iterator[bytes]) -> None:
        """Makes a file of what an iterator that blocks gives."""
        abandoned = threading.Event()
        await _in_thread(_write_all, path, chunks, abandoned, on_cancel=abandoned.set)

    async def remove(self, path: Path) -> None:
        """Removes a file; one that is not there is no failure."""
        await _in_thread(path.unlink, missing_ok=True)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the disk refuses into PiccoloError: FULL (DISK_FULL) or UNAVAILABLE (DISK_FAILED)."""
    try:
        yield
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PiccoloError(
                Kind.FULL,
                "DISK_FULL",
                "The disk of this device is full: there is no room to prepare the backup. Free some space.",
            ) from failed
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "DISK_FAILED",
            f"The disk of this device does not read or write as it should ({failed.strerror}); look at its "
            "health.",
        ) from failed


async def _in_thread(
    work: Callable[..., T], *args: Any, on_cancel: Callable[[], object] = lambda: None, **kwargs: Any
) -> T:
    """Runs blocking work to its end, also for a cancelled caller; `on_cancel` may ask it to end soon."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        with translated():
            return await asyncio.shield(running)
    except asyncio.CancelledError:
        on_cancel()
        await asyncio.wait([running])
        raise


def _check(abandoned: threading.Event) -> None:
    """Ends a long job that nobody waits for any more: a process that stops has no time for it."""
    if abandoned.is_set():
        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))


def _write_all(path: Path, chunks: Iterator[bytes], abandoned: threading.Event) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            _check(abandoned)
            file.write(chunk)
