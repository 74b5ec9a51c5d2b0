"""A fragment file tells of itself all that a keeper needs, and every lost or changed byte shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_formats import fragment_file as ff
from piccolo_formats import merkle
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.records.fragment import FragmentHeader
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.strategies import instances

HEADER = FragmentHeader(
    owner=b"o" * 32, fragment_id=b"f" * 16, generation=1, seq=2, block_size=10, created=1_780_000_000
)


def make_file(blocks: list[bytes], record: bytes = b"") -> bytes:
    header = ff.build_header(replace(HEADER, block_size=len(blocks[0])))
    leaves = b"".join(map(merkle.leaf, blocks))
    return header + b"".join(blocks) + ff.build_tail(header, leaves, len(blocks[-1]), record)


def read_file(data: bytes) -> tuple[list[bytes], bytes]:
    """What a keeper does with a file, in one go: all of it, blocks too."""
    header = ff.parse_header(data[: ff.HEADER_SIZE])
    footer = ff.parse_footer(data[-ff.FOOTER_SIZE :])
    trailer_at = len(data) - ff.FOOTER_SIZE - footer.trailer_length
    if trailer_at < ff.HEADER_SIZE:
        raise FormatError("fragment-size", "too short")
    trailer = data[trailer_at : len(data) - ff.FOOTER_SIZE]
    parts = ff.map_file(header, trailer, len(data))
    leaves = data[parts.leaves_offset : parts.record_offset]
    record = data[parts.record_offset : parts.trailer_offset]
    ff.verify_tail(data[: ff.HEADER_SIZE], leaves, record, trailer, footer)
    blocks = []
    for index, leaf in enumerate(ff.split_leaves(leaves)):
        offset, length = parts.block(index)
        blocks.append(data[offset : offset + length])
        if merkle.leaf(blocks[-1]) != leaf:
            raise AuthenticationError("merkle-root", "block")
    return blocks, record


@given(st.integers(1, 40), st.integers(1, 20), st.data())
@settings(max_examples=50)
def test_a_file_comes_back(size: int, count: int, data: st.DataObject) -> None:
    last = data.draw(st.integers(1, size))
    record = data.draw(st.binary(max_size=100))
    blocks = [bytes([number]) * size for number in range(count - 1)] + [b"l" * last]
    if count == 1:
        blocks = [b"l" * size]
    assert read_file(make_file(blocks, record)) == (blocks, record)


def test_every_changed_byte_of_a_file_is_refused() -> None:
    """Header, padding, blocks, leaves, record, trailer, footer; cut anywhere, or one byte longer."""
    all_refused(make_file([b"a" * 10, b"b" * 10, b"c" * 3], b"commit record"), read_file)
    all_refused(make_file([b"a" * 10]), read_file)


def test_a_file_without_a_tail_is_incomplete_and_keeps_its_header() -> None:
    data = make_file([b"a" * 10, b"b" * 10])
    torn = data[: ff.HEADER_SIZE + 20]
    assert ff.parse_header(torn[: ff.HEADER_SIZE]) == HEADER
    with pytest.raises(FormatError) as caught:
        ff.parse_footer(torn[-ff.FOOTER_SIZE :])
    assert caught.value.reason == "fragment-incomplete"


@given(instances(FragmentHeader))
def test_every_header_fits_its_block(header: FragmentHeader) -> None:
    block = ff.build_header(header)
    assert len(block) == ff.HEADER_SIZE
    assert ff.parse_header(block) == header


def test_published_files_are_read() -> None:
    objects = published()["objects"]
    for name in ("lone", "pack"):
        for each in objects[name]["fragment_files"]:
            _, record = read_file(hexed(each))
            assert record.hex() == objects[name]["commit"]
    assert read_file(hexed(objects["provisional"]))[1] == b""


def test_a_root_that_is_not_the_leaves_is_refused_though_the_check_agrees() -> None:
    data = make_file([b"a" * 10, b"b" * 10])
    header = data[: ff.HEADER_SIZE]
    other = b"".join(map(merkle.leaf, (b"a" * 10, b"x" * 10)))
    tail = ff.build_tail(header, other, 10)
    footer = ff.parse_footer(tail[-ff.FOOTER_SIZE :])
    trailer = data[-ff.FOOTER_SIZE - footer.trailer_length : -ff.FOOTER_SIZE]
    forged = ff.Footer(ff._check(header, other, b"", trailer), footer.trailer_length)
    with pytest.raises(AuthenticationError) as caught:
        ff.verify_tail(header, other, b"", trailer, forged)
    assert caught.value.reason == "merkle-root"


def test_there_is_no_block_beyond_the_last() -> None:
    data = make_file([b"a" * 10, b"b" * 3])
    footer = ff.parse_footer(data[-ff.FOOTER_SIZE :])
    trailer = data[-ff.FOOTER_SIZE - footer.trailer_length : -ff.FOOTER_SIZE]
    parts = ff.map_file(HEADER, trailer, len(data))
    assert [parts.block(0), parts.block(1)] == [(512, 10), (522, 3)]
    for index in (-1, 2):
        with pytest.raises(FormatError):
            parts.block(index)


@given(st.binary(max_size=700))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    for parse in (ff.parse_header, ff.parse_footer, ff.split_leaves, read_file):
        block = data.ljust(512, b"\0") if parse is ff.parse_header else data
        if parse is ff.split_leaves and data and len(data) % 32 == 0:
            continue
        with pytest.raises(FormatError):
            parse(block)
