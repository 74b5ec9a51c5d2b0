"""ISA-L and zfec write the same bytes, whatever is asked of them."""

from __future__ import annotations

import ctypes
import logging
from itertools import combinations

import pytest
import zfec
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_vault.adapters import codecs
from piccolo_vault.adapters.isal import LIBRARY, IsalCodec
from piccolo_vault.adapters.zfec_codec import ZfecCodec
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.ports.codec import Codec
from piccolo_vault.testing import random_bytes


def installed() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


needs_isal = pytest.mark.skipif(not installed(), reason=f"{LIBRARY} is not installed (Debian: libisal2)")
CODECS = [pytest.param(IsalCodec, marks=needs_isal, id="isa-l"), pytest.param(ZfecCodec, id="zfec")]
LENGTHS = st.sampled_from([1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 255, 1000, 4097, 20_011])


def stripe(code: Code, size: int) -> bytearray:
    return bytearray(random_bytes(code.k * size) + bytes((code.m - code.k) * size))


def blocks_of(whole: bytearray, code: Code, size: int) -> list[bytes]:
    return [bytes(whole[i * size : (i + 1) * size]) for i in range(code.m)]


@st.composite
def some_code(draw: st.DrawFn) -> Code:
    m = draw(st.integers(1, 40))
    return Code(draw(st.integers(1, m)), m)


@needs_isal
def test_a_buffer_that_is_used_again_for_another_code_and_size_gets_its_own_parity() -> None:
    codec, shared = IsalCodec(), bytearray(30 * 4096)
    for code, size in ((Code(2, 4), 4096), (Code(20, 30), 4096), (Code(2, 5), 4096), (Code(2, 4), 100)):
        fresh = stripe(code, size)
        shared[: len(fresh)] = fresh
        codec.encode(code, shared, size)
        ZfecCodec().encode(code, fresh, size)
        assert shared[: len(fresh)] == fresh


@needs_isal
@settings(max_examples=300, deadline=None)
@given(some_code(), LENGTHS, st.data())
def test_both_write_and_rebuild_the_same_bytes(code: Code, size: int, data: st.DataObject) -> None:
    fast, oracle = stripe(code, size), bytearray()
    oracle += fast
    IsalCodec().encode(code, fast, size)
    ZfecCodec().encode(code, oracle, size)
    assert fast == oracle
    blocks = blocks_of(fast, code, size)
    have = data.draw(st.permutations(range(code.m)))[: code.k]
    want = data.draw(st.lists(st.integers(0, code.m - 1), unique=True))
    for codec in (IsalCodec(), ZfecCodec()):
        room = {index: memoryview(bytearray(size)) for index in want}
        codec.rebuild(code, {index: blocks[index] for index in have}, room)
        assert all(bytes(made) == blocks[index] for index, made in room.items())


@needs_isal
@settings(max_examples=100, deadline=None)
@given(some_code(), LENGTHS)
def test_isal_writes_what_zfec_itself_writes(code: Code, size: int) -> None:
    whole = stripe(code, size)
    IsalCodec().encode(code, whole, size)
    blocks = blocks_of(whole, code, size)
    assert list(zfec.Encoder(code.k, code.m).encode(tuple(blocks[: code.k]))) == blocks


@pytest.mark.parametrize("make", CODECS)
@pytest.mark.parametrize("code", [Code(1, 1), Code(1, 4), Code(2, 4), Code(3, 5), Code(5, 9)], ids=str)
def test_every_k_blocks_rebuild_the_stripe(make: type[Codec], code: Code) -> None:
    codec, size = make(), 67
    whole = stripe(code, size)
    codec.encode(code, whole, size)
    blocks = blocks_of(whole, code, size)
    for have in combinations(range(code.m), code.k):
        room = {index: memoryview(bytearray(size)) for index in range(code.m)}
        codec.rebuild(code, {index: blocks[index] for index in have}, room)
        assert [bytes(room[index]) for index in range(code.m)] == blocks


@pytest.mark.parametrize("make", CODECS)
def test_wrong_blocks_are_an_error_and_never_a_crash(make: type[Codec]) -> None:
    code, codec = Code(2, 4), make()
    room = {0: memoryview(bytearray(4))}
    for have in ({0: b"abcd"}, {0: b"abcd", 9: b"abcd"}, {0: b"abcd", 1: b"abcd", 2: b"abcd"}):
        with pytest.raises(PiccoloError):
            codec.rebuild(code, have, room)


@needs_isal
def test_blocks_of_different_sizes_never_reach_the_library() -> None:
    codec = IsalCodec()
    with pytest.raises(PiccoloError):
        codec.rebuild(Code(2, 4), {0: b"abcd", 1: b"abc"}, {2: memoryview(bytearray(4))})
    with pytest.raises(PiccoloError):
        codec.encode(Code(2, 4), bytearray(15), 4)


@needs_isal
def test_views_and_bytes_are_taken_alike() -> None:
    code, size, codec = Code(3, 5), 100, IsalCodec()
    whole = stripe(code, size)
    codec.encode(code, whole, size)
    view = memoryview(whole)
    parts = [view[i * size : (i + 1) * size] for i in range(5)]
    room = memoryview(bytearray(size))
    codec.rebuild(code, {1: bytes(parts[1]), 3: parts[3].toreadonly(), 4: parts[4]}, {0: room})
    assert room == parts[0]


def test_without_isal_zfec_does_the_work_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("piccolo_vault.adapters.isal.LIBRARY", "libisal-is-not-here.so.2")
    with caplog.at_level(logging.INFO):
        assert codecs.best_codec().name == "zfec"
    assert [record.getMessage() for record in caplog.records] == ["erasure code chosen"]


@needs_isal
def test_isal_is_chosen_where_it_is() -> None:
    assert codecs.best_codec().name == "isa-l"
