"""Ranges of blocks, with the leaves and the proof that tie them to their root.

Rules:
* A block that is not as it was written is never served; that it is not is remembered.
* What is whole is served, in whatever state: also provisional, also from the trash.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.fragment import Fragment, Key
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.ports import Reader

_CHUNK: Final = 1 << 20
MAX_RANGE: Final = 1 << 17  # blocks: their leaves are 4 MiB, and travel in one message


@dataclass(frozen=True, slots=True)
class Opening:
    """What precedes the blocks of a range: their leaves, and the hashes that lead to the root, joined."""

    fragment: Fragment
    leaves: bytes
    proof: bytes


class Range:
    """Blocks of one fragment, read piece by piece. Its methods run in worker threads, one after the other."""

    def __init__(self, holdings: Holdings, reader: Reader, first: int, last: int) -> None:
        self._holdings, self._reader = holdings, reader
        self._next, self._last = first, last
        self._lock = threading.Lock()
        self._fragment = reader.fragment
        self._step = max(1, _CHUNK // self._fragment.block_size)
        leaves, proof = b"".join(reader.leaves[first:last]), b"".join(reader.proof(first, last))
        self.opening = Opening(self._fragment, leaves, proof)

    @property
    def step_bytes(self) -> int:
        """At most so many bytes has a piece."""
        return min(self._step, self._last - self._next) * self._fragment.block_size

    @property
    def size(self) -> int:
        """How many bytes are left to be read; the fragment's last block may be short."""
        if self.over:
            return 0
        whole = self._fragment
        last = whole.last_block_size if self._last == whole.blocks else whole.block_size
        return (self._last - self._next - 1) * whole.block_size + last

    @property
    def over(self) -> bool:
        """Whether everything has been read."""
        return self._next >= self._last

    def read(self) -> bytes:
        """The next blocks, about 1 MiB; empty at the end.

        Raises PiccoloError DATA_LOSS, ROT; the blocks before the bad one were served by then.
        """
        with self._lock:
            count = min(self._step, self._last - self._next)
            if count <= 0:
                return b""
            try:
                data = self._reader.read(self._next, count)
            except PiccoloError as failed:
                return self._before(failed)
            self._next += count
            return data

    def close(self) -> None:
        """Lets go of the file, once nobody reads it."""
        with self._lock:
            self._last = self._next
            self._reader.close()

    def _before(self, failed: PiccoloError) -> bytes:
        """The good blocks in front of a bad one; raises when there are none."""
        if failed.kind is not Kind.DATA_LOSS:
            raise failed
        bad = int(failed.details["block"])
        self._holdings.damaged(self._fragment.key, self._fragment.root)
        if bad == self._next:
            raise failed
        data = self._reader.read(self._next, bad - self._next)
        self._next = bad
        return data


def open_range(holdings: Holdings, key: Key, first: int, count: int) -> Range:
    """Opens blocks `first` and following; `count` 0 is to the end.

    Raises PiccoloError NOT_FOUND (NO_FRAGMENT), PRECONDITION (NOT_WHOLE), OUT_OF_RANGE (NO_SUCH_BLOCK,
    RANGE_TOO_LONG), DATA_LOSS (ROT).
    """
    reader = _opened(holdings, key)
    try:
        blocks = reader.fragment.blocks
        last = first + count if count else blocks
        _check_range(first, last, blocks)
        return Range(holdings, reader, first, last)
    except BaseException:
        reader.close()
        raise


def _check_range(first: int, last: int, blocks: int) -> None:
    if not first < last <= blocks:
        raise PiccoloError(
            Kind.OUT_OF_RANGE,
            "NO_SUCH_BLOCK",
            f"The fragment has {blocks} blocks; ask for some of these.",
            {"blocks": str(blocks)},
        )
    if last - first > MAX_RANGE:
        raise PiccoloError(
            Kind.OUT_OF_RANGE,
            "RANGE_TOO_LONG",
            f"At most {MAX_RANGE} blocks are sent at once; ask for the rest afterwards.",
            {"blocks": str(blocks)},
        )


def _opened(holdings: Holdings, key: Key) -> Reader:
    for _ in range(2):  # the fragment may move between looking it up and opening it
        kept = holdings.index.kept(key)
        whole = kept.whole
        if whole is None:
            raise refusals.not_whole(kept.incoming.blocks) if kept.incoming else refusals.not_here()
        try:
            return holdings.shelves.open(key, whole.place)
        except PiccoloError as failed:
            if failed.kind is Kind.DATA_LOSS:
                holdings.damaged(key, whole.root)
            if failed.reason != "FILE_MISSING":
                raise
    holdings.doubted = True  # the index knows a file that is not there
    raise refusals.rot()
