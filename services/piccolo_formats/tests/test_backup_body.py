"""The body of a backup entry opens with the words alone, whole, in its place, in bounded memory."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats.backup_body import BodySealer, EntryPlace, open_body, open_body_key
from piccolo_formats.changesets import frame_changeset, read_changesets
from piccolo_formats.digests import digest
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import Fek
from piccolo_formats.kek import Kek
from piccolo_formats.records.backup import Changeset, EntryHeader
from piccolo_formats.segments import SEGMENT_SIZE, SegmentPlan, SegmentSealer
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.logs_made import (
    KEK,
    LOCATOR,
    SNAPSHOT,
    header,
    pieces,
)
from piccolo_formats.tests.vectors.repeatable import counted


@pytest.mark.parametrize("size", [0, 1, 5000, SEGMENT_SIZE * 2 + 3])
@pytest.mark.parametrize("step", [997, 10**7])
def test_a_body_comes_back_in_pieces(size: int, step: int) -> None:
    plain = counted(f"body {size}")(size)
    record, sealed = sealed_body(pieces(plain, 70_001))
    key = open_body_key(record, KEK.backup())
    assert b"".join(open_body(record, key, pieces(b"".join(sealed), step))) == plain
    assert record.plain_size == size
    assert all(len(each) <= SEGMENT_SIZE + 48 for each in sealed)


def sealed_body(chunks: Iterator[bytes]) -> tuple[EntryHeader, list[bytes]]:
    sealer = BodySealer(EntryPlace(LOCATOR, 1, 1), counted("body"))
    sealed = list(sealer.seal(chunks))
    told = sealer.summary()
    record = header(SNAPSHOT, 1, None).record
    return replace(
        record,
        plain_size=told.plain_size,
        body_size=told.body_size,
        body_hash=told.body_hash,
        sealed_key=sealer.sealed_key(KEK.backup().public),
    ), sealed


def test_memory_is_bounded_while_a_bomb_is_refused() -> None:
    """A few kilobytes that unpack to a quarter of a gigabyte: no more comes out than was promised."""
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(256)) + packer.flush()
    record, key, body = body_of(bomb, plain_size=10)
    opened = open_body(record, key, [body])
    tracemalloc.start()
    with pytest.raises(FormatError, match="longer than its header"):
        next(opened)
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()


def body_of(packed: bytes, plain_size: int) -> tuple[EntryHeader, Fek, bytes]:
    key, place = Fek(b"b" * 32), EntryPlace(LOCATOR, 1, 1)
    plan = SegmentPlan(len(packed), padded=False)
    sealer = SegmentSealer(key, place.scope, counted("by hand"))
    step = SEGMENT_SIZE
    body = b"".join(
        sealer.seal(plan.segment(index), packed[index * step : (index + 1) * step])
        for index in range(plan.count)
    )
    record = header(
        SNAPSHOT, 1, None, plain_size=plain_size, body_size=len(body), body_hash=digest("body", body)
    ).record
    return record, key, body


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"not zlib",
        zlib.compress(b"hello") + b"more",
        zlib.compress(b"hello")[:-1],
        zlib.compress(b"hell"),
    ],
)
def test_wrong_compression_is_refused(packed: bytes) -> None:
    record, key, body = body_of(packed, 5)
    with pytest.raises(FormatError):
        list(open_body(record, key, [body]))


def test_every_changed_byte_of_a_body_is_refused() -> None:
    record, sealed = sealed_body(iter([b"hello"]))
    key = open_body_key(record, KEK.backup())
    all_refused(b"".join(sealed), lambda data: list(open_body(record, key, [data])))
    all_refused(record.sealed_key, lambda data: open_body_key(replace(record, sealed_key=data), KEK.backup()))


def test_a_body_opens_in_its_place_only() -> None:
    record, sealed = sealed_body(iter([b"hello"]))
    key = open_body_key(record, KEK.backup())
    for change in ({"seq": 2}, {"generation": 2}, {"locator": bytes(32)}):
        moved: EntryHeader = replace(record, **change)
        with pytest.raises(AuthenticationError):
            open_body_key(moved, KEK.backup())
        with pytest.raises(AuthenticationError):
            list(open_body(moved, key, sealed))
    with pytest.raises(AuthenticationError):
        open_body_key(record, Kek(bytes(32)).backup())


@pytest.mark.parametrize(
    "change", [{"plain_size": 4}, {"plain_size": 6}, {"body_hash": bytes(32)}, {"body_size": 47}]
)
def test_a_header_that_says_otherwise_is_refused(change: dict[str, Any]) -> None:
    record, sealed = sealed_body(iter([b"hello"]))
    key = open_body_key(record, KEK.backup())
    with pytest.raises(FormatError):
        list(open_body(replace(record, **change), key, sealed))


@given(st.integers(0, 200), st.binary(max_size=200))
def test_arbitrary_bodies_are_refused(size: int, body: bytes) -> None:
    record = header(SNAPSHOT, 1, None, body_size=size, plain_size=5).record
    with pytest.raises(FormatError):
        list(open_body(record, Fek(bytes(32)), [body]))


def test_a_body_is_sealed_once_and_told_at_its_end() -> None:
    sealer = BodySealer(EntryPlace(LOCATOR, 1, 1), counted("body"))
    with pytest.raises(FormatError):
        sealer.summary()
    list(sealer.seal([]))
    sealer.summary()
    with pytest.raises(FormatError):
        list(sealer.seal([b"again"]))


CHANGES = [
    Changeset(schema=1, first=number, last=number + 1, digest=bytes(32), changeset=b"c" * number)
    for number in (1, 3, 7)
]


@given(st.integers(1, 60))
def test_changesets_come_back_however_they_come(step: int) -> None:
    stream = b"".join(map(frame_changeset, CHANGES))
    assert list(read_changesets(pieces(stream, step))) == CHANGES


def test_changesets_out_of_order_or_cut_short_are_refused() -> None:
    frames = [frame_changeset(each) for each in CHANGES]
    for stream in (
        frames[1] + frames[0],
        frames[0] * 2,
        b"".join(frames)[:-1],
        frames[0] + b"\0",
        bytes(4),
    ):
        with pytest.raises(FormatError):
            list(read_changesets([stream]))
    with pytest.raises(FormatError, match="not allowed"):
        list(read_changesets([frames[0]], limit=20))


@given(st.binary(min_size=1, max_size=100))
def test_arbitrary_streams_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        list(read_changesets([data]))
