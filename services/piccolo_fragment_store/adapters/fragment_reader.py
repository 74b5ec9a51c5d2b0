"""A whole fragment's file, read: nothing leaves it that is not as it was written."""

from __future__ import annotations

from collections.abc import Sequence

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import merkle
from piccolo_formats.errors import FormatError
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.adapters.fragment_tails import Tails, read_tail
from piccolo_fragment_store.adapters.fragment_writer import read_header
from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.fragment import Fragment, Key, Place
from piccolo_fragment_store.core.order import NEVER, Order
from piccolo_fragment_store.ports import File


class FragmentReader:
    """Reads one fragment, whose tail was checked when it was opened."""

    def __init__(self, key: Key, place: Place, file: File, tails: Tails | None = None) -> None:
        """Raises PiccoloError DATA_LOSS, ROT."""
        self._key, self._place, self._file = key, place, file
        try:
            header, _ = read_header(key, file)
            self._tail = read_tail(file, header) if tails is None else tails.read(key, file, header)
        except FormatError as torn:
            raise refusals.rot() from torn
        except PiccoloError as foreign:
            raise (refusals.rot() if foreign.reason == "FILE_MISSING" else foreign) from foreign
        self._map, self._leaves = self._tail.map, self._tail.leaves

    @property
    def fragment(self) -> Fragment:
        """What the file says of itself, but for the order of its record; its tail was checked."""
        header, trailer = self._map.header, self._map.trailer
        return Fragment(
            key=self._key,
            place=self._place,
            block_size=header.block_size,
            blocks=trailer.blocks,
            last_block_size=trailer.last_block_size,
            root=trailer.root,
            put=Order(header.generation, header.seq),
            record=NEVER,
            file_size=self._map.file_size,
            record_size=0,
            since=0,
            stamp=self._file.stamp(),
        )

    @property
    def leaves(self) -> Sequence[bytes]:
        """The leaf of each block."""
        return self._leaves

    def proof(self, first: int, last: int) -> Sequence[bytes]:
        """The hashes that lead from the leaves of blocks [first, last) to the root."""
        return self._tail.tree.make_proof(first, last)

    def record(self) -> bytes:
        """The commit record in the file; empty when there is none."""
        return self._tail.record

    def read(self, first: int, count: int) -> bytes:
        """Blocks, joined, each checked against its leaf.

        Raises PiccoloError DATA_LOSS, ROT, with the first bad block in `details`.
        """
        data = self._read(first, count)
        view, size = memoryview(data), self._map.header.block_size
        for index in range(first, first + count):
            at = (index - first) * size
            length = self._map.block(index)[1]
            if merkle.leaf(view[at : at + length]) != self._leaves[index]:
                raise refusals.rot(index)
        return data

    def _read(self, first: int, count: int) -> bytes:
        begin = self._map.block(first)[0]
        offset, length = self._map.block(first + count - 1)
        try:
            return self._file.read_at(begin, offset + length - begin)
        except PiccoloError as lost:
            if lost.kind is not Kind.DATA_LOSS:
                raise
            if count > 1:  # which of them it is
                return b"".join(self._read(block, 1) for block in range(first, first + count))
            raise refusals.rot(first) from lost

    def close(self) -> None:
        """Lets go of the file. May be called twice."""
        self._file.close()


def record_order(record: bytes) -> Order:
    """Generation and seq of a commit record; NEVER for none, and for one that cannot be read."""
    if not record:
        return NEVER
    try:
        commit = open_signed(Commit, record).record
    except FormatError:
        return NEVER
    return Order(commit.generation, commit.seq)
