"""One value has one encoding, and only that is read."""

from __future__ import annotations

import struct

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from piccolo_formats import cbor
from piccolo_formats.errors import FormatError

KEYS = st.text("abcé", max_size=30)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=80)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
).filter(lambda value: depth(value) <= cbor.MAX_DEPTH)


def depth(value: object) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 0


def head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, form, limit in ((24, ">B", 2**8), (25, ">H", 2**16), (26, ">I", 2**32), (27, ">Q", 2**64)):
        if number < limit:
            return bytes([major << 5 | code]) + struct.pack(form, number)
    raise AssertionError(number)


def oracle(value: object) -> bytes:
    """RFC 8949, 4.2.1, written down plainly."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(oracle, value))
    assert isinstance(value, dict)
    pairs = sorted((oracle(key), oracle(item)) for key, item in value.items())
    return head(5, len(pairs)) + b"".join(key + item for key, item in pairs)


@given(VALUES)
def test_encoding_is_deterministic_cbor(value: cbor.Value) -> None:
    encoded = cbor.encode(value)
    assert encoded == oracle(value)
    assert cbor.decode(encoded) == value


@given(st.binary(max_size=60))
@example(b"\xa2aa\x01ab\x02")
def test_arbitrary_bytes_are_refused_or_are_the_one_encoding(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except FormatError:
        return
    assert oracle(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x02",  # something left over
        b"\x18\x17",  # 23 in two bytes
        b"\x19\x00\xff",  # 255 in three
        b"\x58\x01a",  # a length in two bytes
        b"\x5f\x41a\xff",  # indefinite bytes
        b"\x9f\x01\xff",  # indefinite array
        b"\xbf\xff",  # indefinite map
        b"\xa2ab\x01aa\x02",  # keys out of order
        b"\xa2baa\x01ab\x02",  # the longer key first
        b"\xa2aa\x01aa\x02",  # a key twice
        b"\xa1\x01\x02",  # a key that is no text
        b"\xf9\x3c\x00",  # a float
        b"\xfb\x3f\xf0\0\0\0\0\0\0",  # a double
        b"\xf7",  # undefined
        b"\xe0",  # a simple value
        b"\xf8\x14",  # false in two bytes
        b"\xc1\x01",  # a date
        b"\xc2\x41\x01",  # a bignum
        b"\xc5\x82\x1a\x7f\xff\xff\xff\x03",  # a bigfloat that would fill the memory
        b"\xd8\x1c\x80",  # a shared value
        b"\xd8\x23\x61(",  # a regular expression
        b"\xd9\xd9\xf7\x01",  # the self-describing tag
        b"\x61\xff",  # text that is not UTF-8
        b"\x63\xed\xa0\x80",  # a surrogate
        b"\x9b\x0f\xff\xff\xff\xff\xff\xff\xff",  # an array of 2^60 items
        b"\x5b\x0f\xff\xff\xff\xff\xff\xff\xff",  # 2^60 bytes
        b"\xbb\x0f\xff\xff\xff\xff\xff\xff\xff",  # a map of 2^60 pairs
        b"\x81" * 13 + b"\x80",  # deeper than allowed
        b"\x81" * 100_000 + b"\x01",  # very deep
        b"\xa1aa" * 100_000 + b"\x01",
    ],
)
def test_what_is_not_the_one_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        cbor.decode(data)


@pytest.mark.parametrize(
    "value",
    [1.5, 2**64, -(2**64) - 1, (1,), {1: 2}, {b"a": 1}, {"a": object()}, bytearray(b"a"), "\ud800", {1}],
)
def test_what_the_format_does_not_have_is_not_written(value: object) -> None:
    with pytest.raises(FormatError):
        cbor.encode(value)  # type: ignore[arg-type]


def test_depth_is_limited_alike_both_ways() -> None:
    allowed: cbor.Value = []
    for _ in range(cbor.MAX_DEPTH - 1):
        allowed = [allowed]
    assert cbor.decode(cbor.encode([allowed])) == [allowed]
    with pytest.raises(FormatError):
        cbor.encode([[allowed]])
    with pytest.raises(FormatError):
        cbor.decode(cbor2.dumps([[allowed]], canonical=True))
