"""What follows the blocks in a fragment's file: leaves, commit record, and the check over both.

Rules:
* A tail is checked when it is read. To check that of a large fragment takes longer than to read some of its
  blocks, and a large download asks for some of them at a time: so a few checked ones are remembered.
* One that is remembered stands for a file only while header and footer are the same byte by byte: the footer
  is a digest of all that lies around the blocks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from piccolo_formats import fragment_file as format_
from piccolo_formats import merkle

from piccolo_fragment_store.core.fragment import LEAF_BYTES, Key
from piccolo_fragment_store.ports import File

_REMEMBERED: Final = 96 * 1024
"""Blocks, over all that are remembered: some 200 bytes each, with their tree."""
_FEW: Final = 16
"""Blocks of a fragment that is read at once, and checked as fast."""


@dataclass(frozen=True)
class Tail:
    """A file's map, its leaves and its commit record, all checked."""

    map: format_.FragmentMap
    leaves: list[bytes]
    record: bytes
    identity: tuple[bytes, bytes]

    @cached_property
    def tree(self) -> merkle.Tree:
        """All nodes over the leaves, for proofs."""
        return merkle.Tree(self.leaves)


def read_tail(file: File, header: bytes) -> Tail:
    """Reads and checks what follows the blocks. Raises FormatError."""
    return _read(file, header, _footer(file))


class Tails:
    """The tails that were read last, and may be asked for again. Used by several threads."""

    def __init__(self, blocks: int = _REMEMBERED) -> None:
        self._most, self._blocks = blocks, 0
        self._read = OrderedDict[Key, Tail]()
        self._lock = threading.Lock()

    def read(self, key: Key, file: File, header: bytes) -> Tail:
        """Returns a file's tail, read or remembered. Raises FormatError."""
        footer = _footer(file)
        with self._lock:
            known = self._read.get(key)
            if known is not None and known.identity == (header, footer):
                self._read.move_to_end(key)
                return known
        tail = _read(file, header, footer)
        if len(tail.leaves) > _FEW:
            self._remember(key, tail)
        return tail

    def _remember(self, key: Key, tail: Tail) -> None:
        with self._lock:
            known = self._read.pop(key, None)
            self._blocks -= len(known.leaves) if known else 0
            self._read[key] = tail
            self._blocks += len(tail.leaves)
            while self._blocks > self._most:
                self._blocks -= len(self._read.popitem(last=False)[1].leaves)


def _footer(file: File) -> bytes:
    return file.read_at(max(0, file.size() - format_.FOOTER_SIZE), format_.FOOTER_SIZE)


def _read(file: File, header: bytes, footer: bytes) -> Tail:
    size = file.size()
    told = format_.parse_footer(footer)
    trailer = file.read_at(max(0, size - format_.FOOTER_SIZE - told.trailer_length), told.trailer_length)
    found = format_.map_file(format_.parse_header(header), trailer, size)
    leaves = file.read_at(found.leaves_offset, LEAF_BYTES * found.trailer.blocks)
    record = file.read_at(found.record_offset, found.trailer.record_length)
    format_.verify_tail(header, leaves, record, trailer, told)
    return Tail(found, format_.split_leaves(leaves), record, (header, footer))
