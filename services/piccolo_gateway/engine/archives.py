"""Folders and chosen entries as one ZIP file.

Rules:
* Exactly the version that was listed is read, so that its size is known; what is renamed or deleted for good
  in between cannot be read any more, and then the archive fails: nobody takes a part for the whole.
* What takes the name of a chosen folder on the way is not read for it.
* One piece of one file is in our hands at a time, a page of names, and the archive's directory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import archives as core
from piccolo_gateway.core.archives import Archive
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.engine.slots import Slots
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.store import Store, Wanted

_PAGE: Final = 500
_GATHERED: Final = 64 * 1024
Bytes = bytes | memoryview


class Archives:
    """Makes archives."""

    def __init__(self, files: Files, store: Store, slots: Slots) -> None:
        self._files, self._store, self._slots = files, store, slots

    @asynccontextmanager
    async def open(
        self, paths: Sequence[str], only: int | None = None
    ) -> AsyncIterator[AsyncIterator[Bytes]]:
        """The bytes of an archive of what has these paths; what cannot be begun fails before there are any.

        Args:
            paths: of what is chosen.
            only: the id of the one entry that it may be.

        Raises PiccoloError NOT_FOUND, EXHAUSTED (TOO_MANY_STREAMS) or INVALID (ARCHIVE_TOO_LARGE).
        """
        async with self._slots.one():
            chosen = [await self._files.stat(path) for path in dict.fromkeys(paths)]
            if only is not None and [entry.entry_id for entry in chosen] != [only]:
                raise _moved(paths[0])
            await self._count(chosen)
            async with aclosing(_gathered(self._pieces(chosen))) as pieces:
                first = await anext(pieces)
                yield _with(first, pieces)

    async def _count(self, chosen: list[Entry]) -> None:
        names = len(chosen)
        for entry in chosen:
            if entry.kind == "directory":
                totals = await self._files.totals(entry.path)
                names += totals.files + totals.directories
        if names > core.MOST_NAMES:
            raise PiccoloError(
                Kind.INVALID,
                "ARCHIVE_TOO_LARGE",
                f"There are {names:,} files and folders in it; an archive may have {core.MOST_NAMES:,}.",
                {"names": str(names), "limit": str(core.MOST_NAMES)},
            )

    async def _pieces(self, chosen: list[Entry]) -> AsyncGenerator[Bytes]:
        archive, tops = Archive(), core.tops(entry.path for entry in chosen)
        try:
            for entry in chosen:
                async for inside in self._walk(entry):
                    name = core.below(tops[entry.path], entry.path, inside.path)
                    async with aclosing(self._entry(archive, name, inside)) as pieces:
                        async for piece in pieces:
                            yield piece
            for piece in archive.close():
                yield piece
        finally:
            archive.give_up()

    async def _entry(self, archive: Archive, name: str, entry: Entry) -> AsyncGenerator[Bytes]:
        if entry.kind == "directory":
            for piece in archive.folder(name, entry.modified) if name else ():
                yield piece
            return
        async with aclosing(self._file(archive, name, entry)) as pieces:
            async for piece in pieces:
                yield piece

    async def _file(self, archive: Archive, name: str, entry: Entry) -> AsyncGenerator[Bytes]:
        wanted = Wanted(entry.path, bytes.fromhex(entry.version_id))
        async with self._store.read(wanted) as (head, data):
            for piece in archive.begin(name, entry.modified, head.size):
                yield piece
            came = 0
            async for part in data:
                came += len(part)
                for piece in archive.add(part):
                    yield piece
            if came != head.size:
                raise PiccoloError(Kind.DATA_LOSS, "FILE_SHORT", f"{came} bytes came of {head.size}.")
            for piece in archive.finish():
                yield piece

    async def _walk(self, entry: Entry) -> AsyncIterator[Entry]:
        """The entry, and all that is in it."""
        yield entry
        token, more = "", entry.kind == "directory"
        while more:
            page = await self._files.list(entry.path, recursive=True, page_size=_PAGE, page_token=token)
            if (await self._files.stat(entry.path)).entry_id != entry.entry_id:
                raise _moved(entry.path)
            for one in page.entries:
                yield one
            token = page.next_page_token
            more = bool(token)


def _moved(path: str) -> PiccoloError:
    return PiccoloError(Kind.NOT_FOUND, "ENTRY_NOT_FOUND", f"{path} is something else by now.")


async def _gathered(pieces: AsyncGenerator[Bytes]) -> AsyncGenerator[Bytes]:
    """The same bytes without small pieces: a head of a file is no packet of its own."""
    kept = bytearray()
    async with aclosing(pieces):
        async for piece in pieces:
            if len(piece) >= _GATHERED and not kept:
                yield piece
                continue
            kept += piece
            if len(kept) >= _GATHERED:
                yield bytes(kept)
                kept.clear()
    yield bytes(kept)


async def _with(first: Bytes, rest: AsyncIterator[Bytes]) -> AsyncIterator[Bytes]:
    yield first
    async for piece in rest:
        yield piece
