"""The body of a backup entry as a stream in bounded memory (section 11): compressed, then sealed.

Bytes that come out of `open_body` are authenticated each; that they are *all* is known only when it ends
without an error. So nothing may be put in force before its end.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_formats.digests import Digest, digest, same
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.sealed import open_key, seal_key
from piccolo_formats.segments import SEGMENT_SIZE, Segment, SegmentOpener, SegmentPlan, SegmentSealer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from piccolo_formats.keypairs import SealingKey
    from piccolo_formats.records.backup import EntryHeader
    from piccolo_formats.secret import Random

SEALED_SEGMENT = SEGMENT_SIZE + 48


@dataclass(frozen=True, slots=True)
class EntryPlace:
    """Which entry of which log a body belongs to; no other place opens it."""

    locator: bytes
    generation: int
    seq: int

    @property
    def scope(self) -> Scope:
        """The scope of the body's segments."""
        return Scope(digest("backup", self.locator)[:16], struct.pack(">QQ", self.generation, self.seq))

    @property
    def info(self) -> bytes:
        """What the sealed body key is bound to."""
        return b"piccolo/backup/v1" + self.locator + struct.pack(">QQ", self.generation, self.seq)


def place_of(header: EntryHeader) -> EntryPlace:
    """Return the place that a header names."""
    return EntryPlace(header.locator, header.generation, header.seq)


@dataclass(frozen=True, slots=True)
class BodySummary:
    """What the header says about the body."""

    plain_size: int
    body_size: int
    body_hash: bytes


class BodySealer:
    """Seals one body. The header comes first in an entry, so the body goes to a temporary place before it."""

    __slots__ = ("_body_size", "_done", "_hash", "_key", "_place", "_plain_size", "_random")

    def __init__(self, place: EntryPlace, random: Random) -> None:
        """Draw the body key for one entry."""
        self._place, self._random = place, random
        self._key = Fek.generate(random)
        self._hash = Digest("body")
        self._plain_size = self._body_size = 0
        self._done = False

    def sealed_key(self, backup_public: bytes) -> bytes:
        """Return the body key sealed to the backup public key, 80 bytes."""
        return seal_key(self._key, backup_public, self._place.info)

    def seal(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the sealed segments of the plaintext that comes in pieces. Once only."""
        if self._plain_size or self._done:
            raise FormatError("body-order", "a body is sealed once")
        sealer = SegmentSealer(self._key, self._place.scope, self._random)
        for segment, data in _segments(self._compress(chunks)):
            sealed = sealer.seal(segment, data)
            self._hash.update(sealed)
            self._body_size += len(sealed)
            yield sealed
        self._done = True

    def summary(self) -> BodySummary:
        """Return sizes and hash. Raises FormatError before `seal` came to its end."""
        if not self._done:
            raise FormatError("body-order", "the body is not sealed to its end yet")
        return BodySummary(self._plain_size, self._body_size, self._hash.value())

    def _compress(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        packer = zlib.compressobj()
        for chunk in chunks:
            self._plain_size += len(chunk)
            yield packer.compress(chunk)
        yield packer.flush()


def open_body_key(header: EntryHeader, key: SealingKey) -> Fek:
    """Open an entry's body key with the backup pair. Raises AuthenticationError (`not-for-this-key`)."""
    return open_key(header.sealed_key, key, place_of(header).info)


def open_body(header: EntryHeader, body_key: Fek, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the plaintext of a body that comes in pieces; check sizes and hash by its end.

    Raises AuthenticationError (`segment-altered`, `body-hash`) or FormatError (`body-size`,
    `body-compression`).
    """
    plan = _plan(header.body_size)
    opener = SegmentOpener(body_key, place_of(header).scope)
    unpacker, checksum, total = zlib.decompressobj(), Digest("body"), 0
    for index, sealed in enumerate(_exactly(chunks, header.body_size)):
        checksum.update(sealed)
        for piece in _inflate(unpacker, opener.open(plan.segment(index), sealed)):
            total += len(piece)
            if total > header.plain_size:
                raise FormatError("body-size", "the body is longer than its header says")
            yield piece
    if not unpacker.eof or unpacker.unused_data:
        raise FormatError("body-compression", "the body's compressed data does not end where the body ends")
    if total != header.plain_size:
        raise FormatError("body-size", "the body is shorter than its header says")
    if not same(checksum.value(), header.body_hash):
        raise AuthenticationError("body-hash", "the body is not the one that its header names")


def _plan(body_size: int) -> SegmentPlan:
    count = -(-body_size // SEALED_SEGMENT)
    plan = SegmentPlan(max(body_size - 48 * count, 0), padded=False)
    if plan.sealed_size != body_size:
        raise FormatError("body-size", "no body has the size that the header says")
    return plan


def _segments(chunks: Iterable[bytes]) -> Iterator[tuple[Segment, bytes]]:
    """Cut a stream into segments. One is held back until it is known whether it is the last."""
    buffer, index = bytearray(), 0
    for chunk in chunks:
        buffer += chunk
        while len(buffer) > SEGMENT_SIZE:
            yield (
                Segment(index, last=False, length=SEGMENT_SIZE, data_length=SEGMENT_SIZE),
                bytes(buffer[:SEGMENT_SIZE]),
            )
            del buffer[:SEGMENT_SIZE]
            index += 1
    yield Segment(index, last=True, length=len(buffer), data_length=len(buffer)), bytes(buffer)


def _exactly(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Cut a stream of exactly `size` bytes into sealed segments."""
    buffer, left = bytearray(), size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise FormatError("body-size", "the body is longer than its header says")
        buffer += chunk
        while len(buffer) >= SEALED_SEGMENT:
            yield bytes(buffer[:SEALED_SEGMENT])
            del buffer[:SEALED_SEGMENT]
    if left:
        raise FormatError("body-size", "the body is shorter than its header says")
    if buffer:
        yield bytes(buffer)


def _inflate(unpacker: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Decompress in pieces of at most a segment: a small body may unpack to a huge one."""
    try:
        while data and not unpacker.eof:
            piece = unpacker.decompress(data, SEGMENT_SIZE)
            if piece:
                yield piece
            data = unpacker.unconsumed_tail
    except zlib.error as error:
        raise FormatError("body-compression", f"the body cannot be decompressed: {error}") from error
    if unpacker.eof and (data or unpacker.unused_data):
        raise FormatError("body-compression", "the body has bytes after its compressed data")
