"""Entries on their way into and out of the store, in pieces.

Rules:
* What comes in is checked to its last byte before the store makes it an object: the header by its
  signature, the body by size and hash.
* A header in the store is opened like any other: the store may have rotted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_entry import MAX_HEADER, PREFIX_SIZE, VerifiedHeader, open_header, parse_prefix
from piccolo_formats.digests import Digest
from piccolo_formats.errors import AuthenticationError, FormatError

from piccolo_cloud.core.names import entry_key
from piccolo_cloud.ports import ObjectStore

IDLE_SECONDS: Final = 60.0
SLOWEST: Final = 4096.0  # bytes a second; who trickles keeps others from writing


@dataclass(frozen=True, slots=True)
class Prefix:
    """What comes before a body: its bytes, and the header they hold, verified."""

    data: bytes
    entry: VerifiedHeader

    @property
    def size(self) -> int:
        """Bytes of the whole entry."""
        return len(self.data) + self.entry.header.body_size


class Incoming:
    """An entry as its writer sends it."""

    def __init__(self, chunks: AsyncIterator[bytes], locator: bytes) -> None:
        """Take an entry for a log; nothing is read yet."""
        self._chunks, self._locator = chunks, locator
        self._buffer = bytearray()
        self._began = asyncio.get_running_loop().time()
        self._received = 0

    async def prefix(self) -> Prefix:
        """Read and verify what comes before the body.

        Raises PiccoloError INVALID (ENTRY_MALFORMED, ENTRY_SHORT), DENIED (ENTRY_NOT_SIGNED) or TIMEOUT.
        """
        try:
            await self._fill(PREFIX_SIZE)
            length = PREFIX_SIZE + parse_prefix(bytes(self._buffer[:PREFIX_SIZE]))
            await self._fill(length)
            data = bytes(self._buffer[:length])
            del self._buffer[:length]
            return Prefix(data, open_header(data[PREFIX_SIZE:], self._locator))
        except AuthenticationError as wrong:
            raise PiccoloError(Kind.DENIED, "ENTRY_NOT_SIGNED", f"The entry is refused: {wrong}.") from wrong
        except FormatError as wrong:
            raise PiccoloError(Kind.INVALID, "ENTRY_MALFORMED", f"The entry is refused: {wrong}.") from wrong

    async def content(self, prefix: Prefix) -> AsyncIterator[bytes]:
        """The whole entry; ends in PiccoloError INVALID, ENTRY_ALTERED when the body is not the header's."""
        yield prefix.data
        header, checksum, size = prefix.entry.header, Digest("body"), 0
        piece: bytes | None = bytes(self._buffer)
        while piece is not None:
            size += len(piece)
            if size > header.body_size:
                break
            checksum.update(piece)
            if piece:
                yield piece
            piece = await self._next()
        if size != header.body_size or checksum.value() != header.body_hash:
            raise PiccoloError(
                Kind.INVALID,
                "ENTRY_ALTERED",
                "The entry's body is not the one that its header names: cut off or altered on its way.",
            )

    async def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            piece = await self._next()
            if piece is None:
                raise PiccoloError(Kind.INVALID, "ENTRY_SHORT", "The entry ends before its header does.")
            self._buffer += piece

    async def _next(self) -> bytes | None:
        """The next piece, None at the end. Raises PiccoloError TIMEOUT, WRITER_IDLE."""
        until = self._began + IDLE_SECONDS + self._received / SLOWEST
        try:
            async with asyncio.timeout_at(min(until, asyncio.get_running_loop().time() + IDLE_SECONDS)):
                piece = await anext(self._chunks, None)
        except TimeoutError as idle:
            raise PiccoloError(
                Kind.TIMEOUT,
                "WRITER_IDLE",
                "The entry came too slowly; send it again over a better connection.",
            ) from idle
        self._received += len(piece or b"")
        return piece


async def stored_prefix(store: ObjectStore, locator: bytes, seq: int) -> Prefix:
    """Read and verify what comes before the body of a kept entry.

    Raises PiccoloError NOT_FOUND (OBJECT_MISSING) or DATA_LOSS (LOG_DAMAGED).
    """
    key = entry_key(locator, seq)
    data = b"".join([piece async for piece in store.read(key, 0, PREFIX_SIZE + MAX_HEADER)])
    try:
        length = PREFIX_SIZE + parse_prefix(data[:PREFIX_SIZE])
        prefix = Prefix(data[:length], open_header(data[PREFIX_SIZE:length], locator))
    except FormatError as rotten:
        raise damaged(seq) from rotten
    if prefix.entry.header.seq != seq:
        raise damaged(seq)
    return prefix


def damaged(seq: int) -> PiccoloError:
    """An entry that is not what its writer sent."""
    return PiccoloError(
        Kind.DATA_LOSS,
        "LOG_DAMAGED",
        f"Entry {seq} is damaged at the cloud; entries before it can still be restored.",
        {"seq": str(seq)},
    )
