"""Roots and range proofs, held against a tree that is written down naively."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_formats import merkle
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.tests import stranger


def leaves_of(count: int) -> list[bytes]:
    return [merkle.leaf(bytes([number % 256, number // 256])) for number in range(count)]


def naive_root(leaves: list[bytes], block_size: int, last: int) -> bytes:
    return stranger.digest("root", struct.pack(">QII", len(leaves), block_size, last) + stranger.tree(leaves))


def naive_proof(leaves: Sequence[bytes], low: int, high: int, start: int, stop: int) -> list[bytes]:
    """Every largest subtree wholly outside the range, from the left."""
    if high <= start or low >= stop:
        return [stranger.tree(list(leaves[low:high]))]
    if high - low == 1:
        return []
    split = 1
    while split * 2 < high - low:
        split *= 2
    return naive_proof(leaves, low, low + split, start, stop) + naive_proof(
        leaves, low + split, high, start, stop
    )


def test_roots_of_every_small_size() -> None:
    for count in range(1, 70):
        assert merkle.root(leaves_of(count), 9, 4) == naive_root(leaves_of(count), 9, 4)


def test_every_range_of_every_small_tree() -> None:
    for count in range(1, 18):
        leaves, root = leaves_of(count), merkle.root(leaves_of(count), 9, 9)
        for start in range(count):
            for stop in range(start + 1, count + 1):
                proof = merkle.make_proof(leaves, start, stop)
                assert proof == naive_proof(leaves, 0, count, start, stop)
                assert proof == merkle.Tree(leaves).make_proof(start, stop)
                assert len(proof) == merkle.proof_length(count, start, stop)
                merkle.verify_range(root, count, 9, 9, start, leaves[start:stop], proof)


@given(st.integers(1, 3_000), st.data())
@settings(max_examples=60, deadline=None)
def test_a_tree_that_is_kept_proves_the_same(count: int, data: st.DataObject) -> None:
    leaves = leaves_of(count)
    start = data.draw(st.integers(0, count - 1))
    stop = data.draw(st.integers(start + 1, count))
    tree = merkle.Tree(leaves)
    assert tree.leaves == leaves
    assert tree.make_proof(start, stop) == merkle.make_proof(leaves, start, stop)
    with pytest.raises(FormatError):
        tree.make_proof(start, count + 1)


@given(st.integers(1, 300), st.data())
@settings(max_examples=60, deadline=None)
def test_a_proof_is_refused_when_anything_in_it_changes(count: int, data: st.DataObject) -> None:
    leaves = leaves_of(count)
    start = data.draw(st.integers(0, count - 1))
    stop = data.draw(st.integers(start + 1, count))
    root, proof = merkle.root(leaves, 9, 9), merkle.make_proof(leaves, start, stop)
    merkle.verify_range(root, count, 9, 9, start, leaves[start:stop], proof)
    hashes = [*leaves[start:stop], *proof]
    for at in range(min(len(hashes), 12)):
        changed = [*hashes[:at], merkle.leaf(b"other"), *hashes[at + 1 :]]
        with pytest.raises(AuthenticationError):
            merkle.verify_range(root, count, 9, 9, start, changed[: stop - start], changed[stop - start :])
    for wrong in (proof[:-1], [*proof, merkle.leaf(b"more")]):
        if wrong != proof:
            with pytest.raises(FormatError):
                merkle.verify_range(root, count, 9, 9, start, leaves[start:stop], wrong)


def test_place_count_and_sizes_are_part_of_the_root() -> None:
    leaves = leaves_of(8)
    root, proof = merkle.root(leaves, 9, 4), merkle.make_proof(leaves, 2, 4)
    merkle.verify_range(root, 8, 9, 4, 2, leaves[2:4], proof)
    for count, block_size, last, start in ((8, 9, 4, 4), (8, 10, 4, 2), (8, 9, 5, 2), (8, 9, 4, 0)):
        with pytest.raises(AuthenticationError):
            merkle.verify_range(root, count, block_size, last, start, leaves[2:4], proof)
    for count in (7, 9):
        with pytest.raises(FormatError):
            merkle.verify_range(root, count, 9, 4, 2, leaves[2:4], proof)


def test_a_node_is_no_leaf() -> None:
    """A tree of two cannot be passed off as a block whose bytes are its two hashes."""
    left, right = leaves_of(2)
    assert merkle.root([merkle.leaf(left + right)], 9, 9) != merkle.root([left, right], 9, 9)
    assert merkle.leaf(left + right) != stranger.tree([left, right])


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (3, 2), (-1, 1), (0, 6), (5, 6)])
def test_impossible_ranges_are_refused(start: int, stop: int) -> None:
    with pytest.raises(FormatError):
        merkle.make_proof(leaves_of(5), start, stop)
    with pytest.raises(FormatError):
        merkle.proof_length(5, start, stop)


def test_a_claimed_size_beyond_all_measure_costs_nothing() -> None:
    with pytest.raises(FormatError):
        merkle.verify_range(bytes(32), 2**64, 9, 9, 0, leaves_of(1), [])
    with pytest.raises(FormatError):
        merkle.verify_range(bytes(32), 2**40, 9, 9, 2**39, leaves_of(1), [])


def test_nothing_has_no_root() -> None:
    with pytest.raises(FormatError):
        merkle.root([], 1, 1)
    for sizes in ((0, 0), (1, 0), (1, 2), (2**32, 1)):
        with pytest.raises(FormatError):
            merkle.root(leaves_of(1), *sizes)
    with pytest.raises(FormatError):
        merkle.root([b"short"], 1, 1)


def test_the_builder_keeps_a_hash_a_level() -> None:
    builder = merkle.RootBuilder()
    for number, leaf in enumerate(leaves_of(1000), 1):
        builder.add(leaf)
        assert builder.count == number
        assert len(builder._peaks) == number.bit_count()
    assert builder.root(9, 9) == merkle.root(leaves_of(1000), 9, 9)
