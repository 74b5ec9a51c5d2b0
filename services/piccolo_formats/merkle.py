"""Merkle roots over a fragment's blocks, and proofs for ranges (section 5; the tree of RFC 6962, 2.1)."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from piccolo_formats.digests import DIGEST_SIZE, digest, digests
from piccolo_formats.errors import AuthenticationError, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cryptography.utils import Buffer

MAX_BLOCKS = 2**40


def leaf(block: Buffer) -> bytes:
    """Return the leaf of one block."""
    return digest("leaf", block)


def leaves_of(blocks: Iterable[Buffer]) -> tuple[bytes, ...]:
    """Return the leaf of each block."""
    return digests("leaf", blocks)


class RootBuilder:
    """Computes a root from leaves one at a time, keeping one hash per level of the tree."""

    __slots__ = ("_count", "_peaks")

    def __init__(self) -> None:
        """Begin with no leaf."""
        self._count = 0
        self._peaks: list[bytes] = []

    @property
    def count(self) -> int:
        """Leaves added so far."""
        return self._count

    def add(self, leaf_hash: bytes) -> None:
        """Add the next leaf."""
        _check_hash(leaf_hash)
        node = leaf_hash
        # Each trailing one bit of the count is a finished subtree of that size.
        size = self._count
        while size & 1:
            node = _node(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self._count += 1

    def root(self, block_size: int, last_block_size: int) -> bytes:
        """Return the root of the leaves added so far. Raises FormatError when there is none."""
        if not self._peaks:
            raise FormatError("merkle-empty", "a fragment has at least one block")
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _node(peak, node)
        return _root(self._count, block_size, last_block_size, node)


def root(leaves: Iterable[bytes], block_size: int, last_block_size: int) -> bytes:
    """Return the root over all leaves of a fragment."""
    builder = RootBuilder()
    for each in leaves:
        builder.add(each)
    return builder.root(block_size, last_block_size)


class Tree:
    """All nodes over a fragment's leaves, for whoever proves many ranges of it: twice the leaves' memory."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Hash each level from the one below; a node without a neighbour is its own parent."""
        levels = [list(leaves)]
        while len(below := levels[-1]) > 1:
            pairs = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            levels.append(pairs + below[2 * len(pairs) :])
        self._levels = levels

    @property
    def leaves(self) -> Sequence[bytes]:
        """The leaves."""
        return self._levels[0]

    def make_proof(self, start: int, stop: int) -> list[bytes]:
        """Return the same as `make_proof` of these leaves, with no hash computed."""
        count = len(self.leaves)
        _check_range(count, start, stop)
        return list(_proof(self._at, 0, count, start, stop))

    def _at(self, low: int, high: int) -> bytes:
        # the tree splits at powers of two, so a subtree begins at a multiple of its width
        level = (high - low - 1).bit_length()
        return self._levels[level][low >> level]


def make_proof(leaves: Sequence[bytes], start: int, stop: int) -> list[bytes]:
    """Return the proof for leaves [start, stop): the hashes that their reader lacks, from left to right."""
    _check_range(len(leaves), start, stop)
    return list(_proof(partial(_tree, leaves), 0, len(leaves), start, stop))


def verify_range(
    root_hash: bytes,
    count: int,
    block_size: int,
    last_block_size: int,
    start: int,
    leaves: Sequence[bytes],
    proof: Sequence[bytes],
) -> None:
    """Check that `leaves` are leaves start, start+1, ... of the `count` under a root.

    Raises AuthenticationError (`merkle-root`) when they are not; FormatError for an impossible range or a
    proof of the wrong length.
    """
    _check_range(count, start, start + len(leaves))
    for each in (*leaves, *proof):
        _check_hash(each)
    given = iter(proof)
    tree = _rebuild(0, count, start, leaves, given)
    if next(given, None) is not None:
        raise FormatError("merkle-proof", "the proof has hashes left over")
    if _root(count, block_size, last_block_size, tree) != root_hash:
        raise AuthenticationError("merkle-root", "the blocks are not those that the root stands for")


def proof_length(count: int, start: int, stop: int) -> int:
    """Return how many hashes the proof for leaves [start, stop) of `count` has."""
    _check_range(count, start, stop)
    return _proof_length(0, count, start, stop)


def _proof_length(low: int, high: int, start: int, stop: int) -> int:
    if high <= start or low >= stop:
        return 1
    if start <= low and high <= stop:
        return 0
    middle = low + _split(high - low)
    return _proof_length(low, middle, start, stop) + _proof_length(middle, high, start, stop)


def _proof(tree: Callable[[int, int], bytes], low: int, high: int, start: int, stop: int) -> Iterator[bytes]:
    if high <= start or low >= stop:
        yield tree(low, high)
    elif not (start <= low and high <= stop):
        middle = low + _split(high - low)
        yield from _proof(tree, low, middle, start, stop)
        yield from _proof(tree, middle, high, start, stop)


def _rebuild(low: int, high: int, start: int, leaves: Sequence[bytes], proof: Iterator[bytes]) -> bytes:
    stop = start + len(leaves)
    if high <= start or low >= stop:
        given = next(proof, None)
        if given is None:
            raise FormatError("merkle-proof", "the proof is too short")
        return given
    if high - low == 1:
        return leaves[low - start]
    middle = low + _split(high - low)
    left = _rebuild(low, middle, start, leaves, proof)
    return _node(left, _rebuild(middle, high, start, leaves, proof))


def _tree(leaves: Sequence[bytes], low: int, high: int) -> bytes:
    if high - low == 1:
        return leaves[low]
    middle = low + _split(high - low)
    return _node(_tree(leaves, low, middle), _tree(leaves, middle, high))


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _node(left: bytes, right: bytes) -> bytes:
    return digest("node", left, right)


def _root(count: int, block_size: int, last_block_size: int, tree: bytes) -> bytes:
    if not 1 <= last_block_size <= block_size < 2**32:
        raise FormatError("block-size", "a block has between 1 byte and 4 GiB, and the last is no longer")
    return digest("root", struct.pack(">QII", count, block_size, last_block_size), tree)


def _check_range(count: int, start: int, stop: int) -> None:
    if not 0 <= start < stop <= count <= MAX_BLOCKS:
        raise FormatError("merkle-range", f"there are no blocks {start} to {stop} in a fragment of {count}")


def _check_hash(value: bytes) -> None:
    if len(value) != DIGEST_SIZE:
        raise FormatError("hash-size", f"a hash has {DIGEST_SIZE} bytes, not {len(value)}")
