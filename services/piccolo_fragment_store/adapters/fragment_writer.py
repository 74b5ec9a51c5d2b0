"""A fragment's file while it is being written, in `incoming` (docs/storage-format.md, section 8).

Rules:
* Leaves are made as blocks arrive and kept in memory until the tail is written: 32 bytes a block.
* Durable is what a sync covered; a short last block only counts once the tail tells where it ends.
* Reopening reads every kept block again: what the disk gives back is what is answered for.
"""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import fragment_file as format_
from piccolo_formats import merkle
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError
from piccolo_formats.records.fragment import FragmentHeader

from piccolo_fragment_store.adapters.fragment_tails import read_tail
from piccolo_fragment_store.core.blocks import BlockCutter
from piccolo_fragment_store.core.fragment import (
    HEADER_BYTES,
    Fragment,
    Head,
    Incoming,
    Key,
    Place,
    Stamp,
    State,
)
from piccolo_fragment_store.core.order import NEVER
from piccolo_fragment_store.ports import File

_READ: Final = 1 << 20
PLACE: Final = Place(State.INCOMING)


class BlockSums:
    """What is computed of a fragment's blocks as they come: leaves, root, and the tail that follows them."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self.cutter = BlockCutter(head.block_size)
        self.leaves = bytearray()
        self._builder = merkle.RootBuilder()

    def add(self, data: bytes | memoryview) -> None:
        """Takes whole blocks. Raises PiccoloError INVALID as `BlockCutter.cut` does."""
        for block in self.cutter.cut(data):
            leaf = merkle.leaf(block)
            self.leaves += leaf
            self._builder.add(leaf)

    def root(self) -> bytes:
        """The root over the blocks so far; empty when there are none."""
        if not self.cutter.count:
            return b""
        return self._builder.root(self._head.block_size, self.cutter.last_block_size)

    def tail(self, header: bytes, record: bytes) -> bytes:
        """What follows the blocks in a file."""
        return format_.build_tail(header, bytes(self.leaves), self.cutter.last_block_size, record)

    def fragment(self, file_size: int, stamp: Stamp, now: int) -> Fragment:
        """The whole fragment, whose file is in `incoming`, as if it had no record."""
        return Fragment(
            key=self._head.key,
            place=PLACE,
            block_size=self._head.block_size,
            blocks=self.cutter.count,
            last_block_size=self.cutter.last_block_size,
            root=self.root(),
            put=self._head.order,
            record=NEVER,
            file_size=file_size,
            record_size=0,
            since=now,
            stamp=stamp,
        )


class FragmentWriter:
    """Writes one fragment. Made by `begun` or `resumed`."""

    def __init__(self, head: Head, file: File, header: bytes, now: int) -> None:
        self._head, self._file, self._header, self._now = head, file, header, now
        self._sums = BlockSums(head)
        self._durable = 0

    @property
    def incoming(self) -> Incoming:
        """What is durable of it."""
        head, durable = self._head, self._durable
        return Incoming(head.key, head.block_size, durable, head.order, self._file.size(), self._now)

    @property
    def blocks(self) -> int:
        """Blocks written, durable or not."""
        return self._sums.cutter.count

    @property
    def file_size(self) -> int:
        """Bytes written, durable or not."""
        return self._file.size()

    def leaves_digest(self) -> bytes:
        """digest("leaves", leaves of the blocks written)."""
        return digest("leaves", self._sums.leaves)

    def append(self, data: bytes | memoryview) -> None:
        """Writes whole blocks. Raises PiccoloError INVALID as `BlockCutter.cut` does."""
        self._sums.add(data)
        self._file.append(data)

    def sync(self) -> int:
        """Makes all full blocks durable; returns how many there are."""
        full = self._sums.cutter.full_blocks
        self._file.sync()
        self._durable = full
        return full

    def root(self) -> bytes:
        """The root over the blocks written; empty when there are none."""
        return self._sums.root()

    def finish(self, record: bytes) -> Fragment:
        """Writes the tail, with a commit record or none, and makes the file durable where it lies."""
        self._file.append(self._sums.tail(self._header, record))
        self._file.sync()
        return self._sums.fragment(self._file.size(), self._file.stamp(), self._now)

    def close(self) -> None:
        """Lets go of the file. May be called twice."""
        self._file.close()

    def reread(self, blocks: int) -> None:
        """Takes the first blocks of the file as written, and cuts off the rest."""
        size = self._head.block_size
        self._file.truncate(HEADER_BYTES + blocks * size)
        step = max(1, _READ // size)
        for first in range(0, blocks, step):
            count = min(step, blocks - first)
            self._sums.add(self._file.read_at(HEADER_BYTES + first * size, count * size))
        self.sync()


def begun(head: Head, file: File, created: int, now: int) -> FragmentWriter:
    """A writer for an empty file."""
    header = build_header(head, created)
    file.append(header)
    return FragmentWriter(head, file, header, now)


def resumed(head: Head, file: File, keep: int | None, now: int) -> FragmentWriter:
    """A writer that goes on behind the blocks that are there, or behind `keep` of them.

    Raises PiccoloError NOT_FOUND, FILE_MISSING when the file cannot be gone on with.
    """
    header, found = read_header(head.key, file)
    if found.block_size != head.block_size:
        raise _unusable()
    if (found.generation, found.seq) != head.order:
        header = build_header(head, found.created)
        file.write_at(0, header)
    writer = FragmentWriter(head, file, header, now)
    whole = full_blocks(file, header)
    writer.reread(whole if keep is None else min(keep, whole))
    return writer


def read_header(key: Key, file: File) -> tuple[bytes, FragmentHeader]:
    """The first 512 bytes and what they say.

    Raises PiccoloError NOT_FOUND, FILE_MISSING when they are not `key`'s.
    """
    block = file.read_at(0, HEADER_BYTES)
    try:
        header = format_.parse_header(block)
    except FormatError as torn:
        raise _unusable() from torn
    if (header.owner, header.fragment_id) != key:
        raise _unusable()
    return block, header


def full_blocks(file: File, header: bytes) -> int:
    """How many full blocks a file in `incoming` has, with a tail (a finish was cut off) or without."""
    size = format_.parse_header(header).block_size
    try:
        found = read_tail(file, header).map
    except FormatError:
        return max(0, file.size() - HEADER_BYTES) // size
    return found.trailer.blocks - (1 if found.trailer.last_block_size < size else 0)


def build_header(head: Head, created: int) -> bytes:
    """The first 512 bytes of a fragment's file."""
    return format_.build_header(
        FragmentHeader(
            owner=head.key.owner,
            fragment_id=head.key.fragment,
            generation=head.order.generation,
            seq=head.order.seq,
            block_size=head.block_size,
            created=created,
        )
    )


def _unusable() -> PiccoloError:
    return PiccoloError(
        Kind.NOT_FOUND, "FILE_MISSING", "There is no half-written fragment that could be gone on with."
    )
