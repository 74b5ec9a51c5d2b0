"""A keeper's log loses its torn end and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats.errors import FormatError
from piccolo_formats.logs import MAX_FRAME, frame, is_torn, read_frames
from piccolo_formats.tests import stranger
from piccolo_formats.tests.published import published

ENTRIES = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@given(ENTRIES)
def test_what_was_appended_comes_back(entries: list[bytes]) -> None:
    log = b"".join(map(frame, entries))
    contents = read_frames(log)
    assert contents.frames == tuple(entries)
    assert contents.good_length == len(log)
    assert is_torn(log, contents)


@given(ENTRIES, st.binary(min_size=1, max_size=40), st.data())
def test_a_crash_at_any_byte_loses_the_last_frame_only(
    entries: list[bytes], last: bytes, data: st.DataObject
) -> None:
    good, torn = b"".join(map(frame, entries)), frame(last)
    cut = data.draw(st.integers(0, len(torn) - 1))
    zeros = data.draw(st.integers(0, 9))
    for log in (good + torn[:cut], good + bytes(zeros)):
        contents = read_frames(log)
        assert contents.frames == tuple(entries)
        assert contents.good_length == len(good)
        assert is_torn(log, contents)


def test_every_changed_byte_ends_the_log_before_it() -> None:
    first, second, third = frame(b"first"), frame(b"second"), frame(b"third")
    log = first + second + third
    for at in range(len(first), len(first) + len(second)):
        damaged = log[:at] + bytes([log[at] ^ 1]) + log[at + 1 :]
        contents = read_frames(damaged)
        assert contents.frames == (b"first",)
        assert contents.good_length == len(first)


def test_no_damage_before_the_last_frame_is_taken_for_a_torn_end() -> None:
    """Cutting there would lose tombstones; a damaged length is the one that looks most like it."""
    first, second = frame(b"first"), frame(b"second") + frame(b"third")
    for at in range(len(first)):
        for bit in range(8):
            log = bytearray(first + second)
            log[at] ^= 1 << bit
            assert not is_torn(bytes(log), read_frames(bytes(log)))


def test_a_frame_is_as_the_page_says() -> None:
    assert frame(b"entry").hex() == published()["objects"]["log_frame"]
    assert frame(b"entry")[-4:] == stranger.digest("log", b"\0\0\0\x05entry")[:4]


@pytest.mark.parametrize("data", [b"", bytes(MAX_FRAME + 1)])
def test_empty_and_huge_entries_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        frame(data)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_a_log_that_ends_early(data: bytes) -> None:
    contents = read_frames(data)
    assert b"".join(map(frame, contents.frames)) == data[: contents.good_length]
