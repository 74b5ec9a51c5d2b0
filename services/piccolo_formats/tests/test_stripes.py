"""Stripes and blocks tile the object; any k blocks of a stripe are the stripe."""

from __future__ import annotations

import itertools
import random

import pytest
import zfec
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_formats.errors import FormatError
from piccolo_formats.fek import Fek
from piccolo_formats.segments import SegmentPlan
from piccolo_formats.stripes import LONE_STRIPE_SIZE, StripePlan, check_k_m
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.vectors.objects import Stored

PLANS = st.builds(StripePlan, st.integers(1, 5000), st.integers(1, 700), st.integers(1, 40))


@given(PLANS)
def test_stripes_tile_the_object_and_blocks_the_fragment(plan: StripePlan) -> None:
    lengths = [plan.stripe_length(index) for index in range(plan.count)]
    assert sum(lengths) == plan.size
    assert lengths[:-1] == [plan.stripe_size] * (plan.count - 1)
    blocks = [plan.block_length(index) for index in range(plan.count)]
    assert blocks == [-(-length // plan.k) for length in lengths]
    assert sum(blocks) == plan.fragment_size
    assert [plan.block_offset(index) for index in range(plan.count)] == [
        sum(blocks[:index]) for index in range(plan.count)
    ]
    assert (max(blocks), blocks[-1]) == (plan.block_size, plan.last_block_size)
    for index in (-1, plan.count):
        with pytest.raises(FormatError):
            plan.block_offset(index)


@given(PLANS, st.data())
def test_a_range_is_covered_by_exactly_its_stripes(plan: StripePlan, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, plan.size - 1))
    length = data.draw(st.integers(1, plan.size - offset))
    wanted = {at // plan.stripe_size for at in range(offset, offset + length)}
    assert set(plan.covering(offset, length)) == wanted
    for wrong in ((offset, plan.size - offset + 1), (offset, 0), (-1, 2)):
        with pytest.raises(FormatError):
            plan.covering(*wrong)


@given(st.integers(0, 10 * 2**20))
def test_a_stripe_of_a_lone_file_is_a_sealed_segment(size: int) -> None:
    segments = SegmentPlan(size)
    stripes = StripePlan(segments.sealed_size, LONE_STRIPE_SIZE, 5)
    assert stripes.count == segments.count
    for index in range(segments.count):
        assert stripes.stripe_length(index) == segments.segment(index).sealed_length


def alpha_rows(k: int, m: int) -> list[list[int]]:
    """The generator as section 4 writes it, by hand, over GF(2^8) with 0x11d."""
    exp = [1]
    for _ in range(254):
        exp.append((exp[-1] << 1) ^ (0x11D if exp[-1] & 0x80 else 0))
    log = {value: power for power, value in enumerate(exp)}

    def times(a: int, b: int) -> int:
        return exp[(log[a] + log[b]) % 255] if a and b else 0

    v = [[1] + [0] * (k - 1), *[[exp[(r - 1) * c % 255] for c in range(k)] for r in range(1, m)]]
    left, inverse = [row[:] for row in v[:k]], [[int(i == j) for j in range(k)] for i in range(k)]
    for i in range(k):
        pivot = next(row for row in range(i, k) if left[row][i])
        left[i], left[pivot], inverse[i], inverse[pivot] = left[pivot], left[i], inverse[pivot], inverse[i]
        scale = exp[-log[left[i][i]] % 255]
        left[i], inverse[i] = [times(scale, x) for x in left[i]], [times(scale, x) for x in inverse[i]]
        for row in range(k):
            if row != i and left[row][i]:
                by = left[row][i]
                left[row] = [x ^ times(by, y) for x, y in zip(left[row], left[i], strict=True)]
                inverse[row] = [x ^ times(by, y) for x, y in zip(inverse[row], inverse[i], strict=True)]
    made = []
    for weights in v:
        out = [0] * k
        for weight, column in zip(weights, inverse, strict=True):
            out = [x ^ times(weight, y) for x, y in zip(out, column, strict=True)]
        made.append(out)
    return made


def multiply(row: list[int], blocks: list[bytes]) -> bytes:
    def times(a: int, b: int) -> int:
        product = 0
        while a:
            product ^= b if a & 1 else 0
            b = (b << 1) ^ (0x11D if b & 0x80 else 0)
            a >>= 1
        return product

    made = bytes(len(blocks[0]))
    for weight, block in zip(row, blocks, strict=True):
        made = bytes(x ^ times(weight, y) for x, y in zip(made, block, strict=True))
    return made


@pytest.mark.parametrize("each", published()["stripes"]["stripes"], ids=lambda e: f"{e['k']} of {e['m']}")
def test_published_blocks_are_the_page_s_code(each: dict[str, object]) -> None:
    k, m = each["k"], each["m"]
    assert isinstance(k, int)
    assert isinstance(m, int)
    stripe = hexed(str(each["stripe"]))
    size = -(-len(stripe) // k)
    padded = stripe.ljust(k * size, b"\0")
    primary = [padded[at : at + size] for at in range(0, k * size, size)]
    assert isinstance(each["blocks"], list)
    blocks = [hexed(block) for block in each["blocks"]]
    assert blocks == [multiply(row, primary) for row in alpha_rows(k, m)]
    subsets = list(itertools.islice(itertools.combinations(range(m), k), 200))
    subsets.append(tuple(random.Random(k).sample(range(m), k)))
    for chosen in subsets:
        assert zfec.Decoder(k, m).decode([blocks[i] for i in chosen], list(chosen)) == primary


@given(st.binary(min_size=1, max_size=500), st.integers(1, 6), st.integers(0, 4), st.integers(1, 200))
@settings(max_examples=40)
def test_any_k_fragments_are_the_object(data: bytes, k: int, more: int, stripe_size: int) -> None:
    m = k + more
    stored = Stored("x", Fek(bytes(32)), bytes(16), data, stripe_size, k, m)
    plan = stored.plan
    chosen = sorted(random.Random(len(data)).sample(range(m), k))
    rebuilt = b""
    for index in range(plan.count):
        blocks = zfec.Decoder(k, m).decode([stored.blocks[i][index] for i in chosen], chosen)
        rebuilt += b"".join(blocks)[: plan.stripe_length(index)]
    assert rebuilt == data
    assert all(len(b"".join(blocks)) == plan.fragment_size for blocks in stored.blocks)


@pytest.mark.parametrize(
    ("size", "stripe_size", "k"),
    [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 256), (-1, 1, 1), (1, 2**32, 1), (2**65, 1, 1)],
)
def test_impossible_objects_are_refused(size: int, stripe_size: int, k: int) -> None:
    with pytest.raises(FormatError):
        StripePlan(size, stripe_size, k)


@pytest.mark.parametrize(("k", "m"), [(0, 1), (2, 1), (1, 256), (-1, 1)])
def test_impossible_redundancy_is_refused(k: int, m: int) -> None:
    with pytest.raises(FormatError):
        check_k_m(k, m)
    check_k_m(1, 1)
    check_k_m(255, 255)
