from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_fragment_store.core.blocks import MAX_BLOCKS, BlockCutter


@given(st.integers(256, 600), st.lists(st.integers(1, 4), max_size=6), st.integers(0, 600))
def test_messages_cut_to_the_same_blocks_as_the_whole(size: int, counts: list[int], tail: int) -> None:
    tail = min(tail, size - 1)
    total = bytes(i % 251 for i in range(size * sum(counts) + tail))
    cutter, at, pieces = BlockCutter(size), 0, []
    for count in counts:
        pieces += cutter.cut(total[at : at + count * size])
        at += count * size
    pieces += cutter.cut(total[at:])
    assert b"".join(pieces) == total
    assert cutter.count == len(pieces) == sum(counts) + (1 if tail else 0)
    assert all(len(piece) == size for piece in pieces[:-1])
    if pieces:
        assert cutter.last_block_size == len(pieces[-1])
    assert cutter.full_blocks == sum(counts)


def test_nothing_follows_a_short_block() -> None:
    cutter = BlockCutter(256)
    cutter.cut(bytes(300))
    with pytest.raises(PiccoloError, match="only the last may be short"):
        cutter.cut(bytes(256))


def test_one_tiny_block_is_fine_and_many_are_not() -> None:
    assert len(BlockCutter(1).cut(b"x")) == 1
    with pytest.raises(PiccoloError) as refused:
        BlockCutter(1).cut(b"xy")
    assert refused.value.reason == "BLOCKS_TOO_SMALL"


def test_very_many_blocks_must_be_larger() -> None:
    cutter = BlockCutter(256, count=4096)
    with pytest.raises(PiccoloError) as refused:
        cutter.cut(bytes(256))
    assert refused.value.reason == "BLOCKS_TOO_SMALL"


def test_the_number_of_blocks_is_bounded() -> None:
    cutter = BlockCutter(4096, count=MAX_BLOCKS)
    with pytest.raises(PiccoloError) as refused:
        cutter.cut(bytes(4096))
    assert refused.value.reason == "TOO_MANY_BLOCKS"
    assert cutter.count == MAX_BLOCKS
