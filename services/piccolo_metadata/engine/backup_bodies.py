"""Bodies of backup entries: fetched, compared with their header's hash, opened, applied.

A body is wholly on the disk, and known to be the one that was signed for, before a byte of it is opened. So
a body that then does not open was given a wrong key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TypeAlias

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_body import open_body
from piccolo_formats.backup_entry import PREFIX_SIZE, open_header, parse_prefix
from piccolo_formats.changesets import read_changesets
from piccolo_formats.digests import Digest, same
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import Fek
from piccolo_formats.records.backup import Changeset, EntryHeader

from piccolo_metadata.core.backup_points import Point
from piccolo_metadata.engine.backup_ports import Access, CloudLog, Files, Piece
from piccolo_metadata.ports import OutboxEntry, Restoring

Take: TypeAlias = Callable[[AsyncIterator[bytes]], Awaitable[None]]
"""Takes a body as it comes."""
Fetched: TypeAlias = Callable[[int], Awaitable[None]]
"""Hears how many bytes of the body at hand are here."""


class BrokenBodyError(Exception):
    """The entry `seq` is lost, altered, or does not lead to a whole memory; the text says how."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(why)
        self.seq = seq


async def _unheard(_: int) -> None:
    """Nobody wants to know."""


class Bodies:
    """Fetches bodies into a folder for large temporary files."""

    def __init__(self, cloud: CloudLog, files: Files, folder: Path, fetched: Fetched = _unheard) -> None:
        """Use two files of the folder; `fetched` hears of each piece."""
        self._cloud, self._files, self._heard = cloud, files, fetched
        self._body, self._database = folder / "restore.body", folder / "restore.db"

    async def snapshot(self, access: Access, point: Point, keys: Mapping[int, bytes]) -> Path:
        """The database file of a snapshot.

        Raises BrokenBodyError, or PiccoloError INVALID (KEYS_WRONG).
        """
        async with aclosing(self._fetched(access, [point])) as fetched:
            async for header in fetched:
                await self._converted(header, keys[point.seq])
        return self._database

    async def apply(
        self,
        access: Access,
        points: Sequence[Point],
        keys: Mapping[int, bytes],
        restoring: Restoring,
        applied: Callable[[Point], Awaitable[None]],
    ) -> None:
        """Applies the changesets of these entries, and tells of each entry when it is applied.

        Raises BrokenBodyError, or PiccoloError INVALID (KEYS_WRONG).
        """
        if not points:
            return
        by_seq = {point.seq: point for point in points}
        async with aclosing(self._fetched(access, points)) as fetched:
            async for header in fetched:
                async for changeset in self._changesets(header, keys[header.seq]):
                    await self._applied(header.seq, changeset, restoring)
                await applied(by_seq[header.seq])

    async def check(self, access: Access, points: Sequence[Point]) -> None:
        """Reads these entries and keeps nothing of them. Raises BrokenBodyError for one that is not whole."""
        async with aclosing(self._fetched(access, points, _forget)) as fetched:
            async for _ in fetched:
                pass

    async def remove(self) -> None:
        """Removes the files."""
        await self._files.remove(self._body)
        await self._files.remove(self._database)

    async def _save(self, body: AsyncIterator[bytes]) -> None:
        await self._files.save(self._body, body)

    async def _fetched(
        self, access: Access, points: Sequence[Point], take: Take | None = None
    ) -> AsyncGenerator[EntryHeader]:
        """The headers of these entries, in order, each when its body was taken: into the file, by default."""
        wanted = {point.seq: point for point in points}
        first, last = points[0].seq, points[-1].seq
        seq = first
        try:
            async with aclosing(self._cloud.read(access, first, last, headers_only=False)) as pieces:
                entries = _Entries(pieces)
                while (found := await entries.following()) is not None:
                    seq = found
                    point = wanted.pop(seq, None)
                    if point is None:  # a claim between two changesets
                        await entries.skip()
                        continue
                    yield await self._fetch(access.locator, point, entries, take or self._save)
        except PiccoloError as failed:
            if failed.reason in ("LOG_DAMAGED", "ENTRY_DROPPED"):
                raise BrokenBodyError(
                    int(failed.details.get("seq", seq)), "the cloud has lost it"
                ) from failed
            raise
        if wanted:
            raise BrokenBodyError(min(wanted), "the cloud did not send it")

    async def _fetch(self, locator: bytes, point: Point, entries: _Entries, take: Take) -> EntryHeader:
        try:
            prefix = await entries.take(PREFIX_SIZE)
            entry = open_header(await entries.take(parse_prefix(prefix)), locator)
        except FormatError as wrong:
            raise BrokenBodyError(point.seq, wrong.message) from wrong
        if entry.record_hash() != point.hash:
            raise BrokenBodyError(point.seq, "the cloud sent another one than before")
        checksum, size = Digest("body"), 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal size
            async for data in entries.rest():
                size += len(data)
                if size > entry.header.body_size:
                    raise BrokenBodyError(point.seq, "it is longer than its header says")
                checksum.update(data)
                await self._heard(size)
                yield data

        await take(body())
        if size != entry.header.body_size or not same(checksum.value(), entry.header.body_hash):
            raise BrokenBodyError(point.seq, "it is cut off or altered")
        return entry.header

    async def _converted(self, header: EntryHeader, key: bytes) -> None:
        try:
            body = open_body(header, Fek(key), self._files.chunks(self._body))
            await self._files.convert(self._database, body)
        except FormatError as wrong:
            raise _unopened(header.seq, wrong) from wrong

    async def _changesets(self, header: EntryHeader, key: bytes) -> AsyncIterator[Changeset]:
        try:
            changesets = read_changesets(open_body(header, Fek(key), self._files.chunks(self._body)))
            while (changeset := await asyncio.to_thread(next, changesets, None)) is not None:
                yield changeset
        except FormatError as wrong:
            raise _unopened(header.seq, wrong) from wrong

    async def _applied(self, seq: int, changeset: Changeset, restoring: Restoring) -> None:
        if changeset.first != changeset.last:
            raise BrokenBodyError(seq, "it holds changes that were joined, which this release does not know")
        entry = OutboxEntry(changeset.last, changeset.schema, changeset.digest, changeset.changeset, 0)
        try:
            await restoring.apply(entry)
        except PiccoloError as failed:
            if failed.kind is Kind.DATA_LOSS:
                raise BrokenBodyError(seq, failed.message) from failed
            raise


class _Entries:
    """A stream of pieces, read entry by entry."""

    def __init__(self, pieces: AsyncIterator[Piece]) -> None:
        self._pieces = pieces
        self._held = b""
        self._ended = True

    async def following(self) -> int | None:
        """The seq of the next entry; None at the end of the stream."""
        piece = await anext(self._pieces, None)
        if piece is None:
            return None
        self._held, self._ended = piece.data, piece.last
        return piece.seq

    async def take(self, size: int) -> bytes:
        """The next bytes of the entry. Raises FormatError when it is shorter."""
        while len(self._held) < size and not self._ended:
            self._held += await self._more()
        if len(self._held) < size:
            raise FormatError("entry-short", "the entry is cut short")
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    async def rest(self) -> AsyncIterator[bytes]:
        """What is left of the entry."""
        if self._held:
            held, self._held = self._held, b""
            yield held
        while not self._ended:
            yield await self._more()

    async def skip(self) -> None:
        """Passes over what is left of the entry."""
        async for _ in self.rest():
            pass

    async def _more(self) -> bytes:
        piece = await anext(self._pieces, None)
        if piece is None:
            self._ended = True
            return b""
        self._ended = piece.last
        return piece.data


async def _forget(body: AsyncIterator[bytes]) -> None:
    async for _ in body:
        pass


def _unopened(seq: int, wrong: FormatError) -> Exception:
    """What it means that a body does not open which is the one that was signed for."""
    if isinstance(wrong, AuthenticationError) or wrong.reason == "secret-size":
        return PiccoloError(
            Kind.INVALID,
            "KEYS_WRONG",
            f"The keys do not open the backup (entry {seq}): they come from other words than those that it "
            "was made with.",
            {"seq": str(seq)},
        )
    return BrokenBodyError(seq, wrong.message)
