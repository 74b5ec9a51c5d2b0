"""Segments tile the file, open only where they belong, and hide the size as Padme does."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.segments import (
    MAX_SIZE,
    OVERHEAD,
    SEGMENT_SIZE,
    Segment,
    SegmentOpener,
    SegmentPlan,
    SegmentSealer,
    padme,
)
from piccolo_formats.tests import stranger
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.vectors.repeatable import counted

FEK, SCOPE = Fek(b"k" * 32), Scope(b"f" * 16, b"v" * 16)
OPENER = SegmentOpener(FEK, SCOPE, FEK.commitment(SCOPE))
PLANS = st.builds(SegmentPlan, st.integers(0, 3000), st.integers(1, 700), st.booleans())


def sealer() -> SegmentSealer:
    return SegmentSealer(FEK, SCOPE, counted("salt"))


def sealed_file(plan: SegmentPlan, data: bytes) -> list[bytes]:
    made = sealer()
    step = plan.segment_size
    segments = [plan.segment(index) for index in range(plan.count)]
    return [
        made.seal(each, data[each.index * step : each.index * step + each.data_length]) for each in segments
    ]


@given(st.integers(0, 2**62))
@example(2**62 - 1)
@example(9)
def test_padme_is_as_the_paper_defines_it(length: int) -> None:
    """PURBs (Nikitin et al., 2019), algorithm 1, in exact arithmetic."""
    padded = padme(length)
    if length < 2:
        assert padded == length
        return
    e = length.bit_length() - 1
    assert 2**e <= length < 2 ** (e + 1)
    s = math.floor(math.log2(e)) + 1 if e else 0
    unit = 2 ** (e - s)
    assert padded == -(-length // unit) * unit
    assert length <= padded
    assert (padded - length) * 25 <= length * 3  # 12 %
    assert padme(padded) == padded


def test_padme_of_the_small_numbers() -> None:
    assert [padme(length) for length in range(18)] == [*range(9), 10, 10, 12, 12, 14, 14, 16, 16, 18]


@given(PLANS)
def test_segments_tile_the_file(plan: SegmentPlan) -> None:
    segments = [plan.segment(index) for index in range(plan.count)]
    assert sum(each.length for each in segments) == plan.padded_size
    assert sum(each.data_length for each in segments) == plan.size
    assert sum(each.sealed_length for each in segments) == plan.sealed_size
    assert [each.last for each in segments] == [False] * (plan.count - 1) + [True]
    offset = 0
    for each in segments:
        assert plan.sealed_offset(each.index) == offset
        offset += each.sealed_length
    for index in (-1, plan.count):
        with pytest.raises(FormatError):
            plan.segment(index)


@given(PLANS, st.integers(0, 3100), st.integers(0, 3100))
def test_a_range_is_covered_by_exactly_its_segments(plan: SegmentPlan, offset: int, length: int) -> None:
    wanted = set(range(offset, min(offset + length, plan.size)))
    step = plan.segment_size
    assert set(plan.covering(offset, length)) == {at // step for at in wanted}


def test_an_empty_file_is_one_empty_segment() -> None:
    plan = SegmentPlan(0)
    assert (plan.count, plan.sealed_size) == (1, OVERHEAD)
    assert plan.segment(0) == Segment(0, last=True, length=0, data_length=0)
    (sealed,) = sealed_file(plan, b"")
    assert OPENER.open(plan.segment(0), sealed) == b""


@pytest.mark.parametrize("size", [SEGMENT_SIZE - 1, SEGMENT_SIZE, SEGMENT_SIZE + 1])
def test_around_one_segment(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    plan = SegmentPlan(size)
    sealed = sealed_file(plan, data)
    opened = [OPENER.open(plan.segment(index), each) for index, each in enumerate(sealed)]
    assert b"".join(opened) == data
    assert len(sealed) == (1 if size <= SEGMENT_SIZE else 2)


@given(PLANS, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_a_file_comes_back_here_and_to_a_stranger(plan: SegmentPlan, random: object) -> None:
    data = counted(str(plan))(plan.size)
    opened, read = b"", b""
    for index, sealed in enumerate(sealed_file(plan, data)):
        segment = plan.segment(index)
        opened += OPENER.open(segment, sealed)
        read += stranger.open_segment(
            FEK.reveal(),
            SCOPE.to_bytes(),
            sealed,
            index,
            segment.last,
            segment.data_length,
            plan.segment_size,
        )
    assert opened == read == data


def test_every_changed_byte_is_refused() -> None:
    plan = SegmentPlan(10, 64)
    (sealed,) = sealed_file(plan, b"ten bytes.")
    all_refused(sealed, lambda data: OPENER.open(plan.segment(0), data))


def test_a_segment_opens_in_its_place_only() -> None:
    plan = SegmentPlan(130, 64, padded=False)
    sealed = sealed_file(plan, b"a" * 130)
    first = plan.segment(0)
    assert OPENER.open(first, sealed[0]) == b"a" * 64
    for wrong in (
        plan.segment(1),
        replace(first, index=2**64 - 1),
        replace(first, last=True),
        replace(first, data_length=63),
        replace(first, last=True, segment_size=65),
    ):
        with pytest.raises(AuthenticationError) as caught:
            OPENER.open(wrong, sealed[0])
        assert caught.value.reason == "segment-altered"


@pytest.mark.parametrize(
    ("key", "scope"),
    [
        (Fek(b"j" * 32), SCOPE),
        (FEK, Scope(SCOPE.version_id, SCOPE.file_id)),
        (FEK, Scope(SCOPE.file_id, b"w" * 16)),
    ],
)
def test_a_segment_opens_for_its_key_and_file_only(key: Fek, scope: Scope) -> None:
    plan = SegmentPlan(5)
    (sealed,) = sealed_file(plan, b"hello")
    with pytest.raises(AuthenticationError) as caught:
        SegmentOpener(key, scope).open(plan.segment(0), sealed)
    assert caught.value.reason == "segment-altered"
    with pytest.raises(AuthenticationError) as caught:
        SegmentOpener(key, scope, FEK.commitment(SCOPE))
    assert caught.value.reason == "wrong-key"


def test_what_was_refused_leaves_no_plaintext() -> None:
    plan = SegmentPlan(5, 64)
    (sealed,) = sealed_file(plan, b"hello")
    out = bytearray(b"\xee" * 64)
    with pytest.raises(AuthenticationError):
        OPENER.open_into(plan.segment(0), sealed[:-1] + bytes([sealed[-1] ^ 1]), out)
    assert out == bytes(5) + b"\xee" * 59


def test_the_same_bytes_are_never_sealed_alike() -> None:
    plan, made = SegmentPlan(5), sealer()
    assert made.seal(plan.segment(0), b"hello")[:32] != made.seal(plan.segment(0), b"hello")[:32]


def test_buffers_are_reused_and_their_ends_left_alone() -> None:
    plan = SegmentPlan(100, 64, padded=False)
    out, back = bytearray(b"\xee" * 200), bytearray(b"\xee" * 200)
    for index, data in enumerate((b"a" * 64, b"b" * 36)):
        segment = plan.segment(index)
        length = sealer().seal_into(segment, memoryview(data), memoryview(out)[8:])
        assert length == segment.sealed_length
        assert out[:8] == b"\xee" * 8
        assert out[8 + 64 + OVERHEAD :] == b"\xee" * (200 - 72 - OVERHEAD)
        assert OPENER.open_into(segment, memoryview(out)[8 : 8 + length], back) == len(data)
        assert back[: len(data)] == data


def test_wrong_sizes_are_refused_before_anything_is_written() -> None:
    plan = SegmentPlan(5, 64)
    segment, out = plan.segment(0), bytearray(200)
    for data in (b"", b"hell", b"hello!"):
        with pytest.raises(FormatError):
            sealer().seal_into(segment, data, out)
    with pytest.raises(FormatError):
        sealer().seal_into(segment, b"hello", bytearray(segment.sealed_length - 1))
    with pytest.raises(FormatError):
        OPENER.open_into(segment, bytes(segment.sealed_length), bytearray(segment.length - 1))
    assert not any(out)


def test_one_sealer_serves_several_threads() -> None:
    plan = SegmentPlan(64 * 4096, 4096, padded=False)
    data = counted("threads")(plan.size)
    made = SegmentSealer(FEK, SCOPE, os.urandom)

    def seal(index: int) -> bytes:
        return made.seal(plan.segment(index), data[index * 4096 : (index + 1) * 4096])

    with ThreadPoolExecutor(4) as pool:
        sealed = list(pool.map(seal, range(plan.count)))
    assert b"".join(OPENER.open(plan.segment(i), each) for i, each in enumerate(sealed)) == data


@pytest.mark.parametrize(("size", "segment_size"), [(-1, 1), (MAX_SIZE + 1, 1), (1, 0), (1, 2**32), (1, -5)])
def test_impossible_plans_are_refused(size: int, segment_size: int) -> None:
    with pytest.raises(FormatError):
        SegmentPlan(size, segment_size)


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_impossible_ranges_are_refused(offset: int, length: int) -> None:
    with pytest.raises(FormatError):
        SegmentPlan(10).covering(offset, length)


@pytest.mark.parametrize(
    ("index", "last", "length", "data_length"),
    [(0, True, 1, 2), (0, False, 63, 1), (-1, True, 1, 1), (0, True, 65, 1)],
)
def test_impossible_segments_are_refused(index: int, last: bool, length: int, data_length: int) -> None:
    with pytest.raises(FormatError):
        Segment(index, last=last, length=length, data_length=data_length, segment_size=64)
