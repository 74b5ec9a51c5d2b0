"""Ranges and conditions, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core import conditions, ranges
from piccolo_gateway.core.conditions import Outcome, Present

PRESENT = Present("abc", 1_700_000_000)
AT = "Tue, 14 Nov 2023 22:13:20 GMT"
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"
AFTER = "Tue, 14 Nov 2023 22:13:21 GMT"
GO, SAME, FAIL = "go on", "not modified", "PRECONDITION_FAILED"


def judged(present: Present | None, headers: dict[str, str], *, reading: bool) -> str:
    try:
        outcome = conditions.read(**headers).judge(present, reading=reading)
    except PiccoloError as failed:
        return failed.reason
    return SAME if outcome is Outcome.NOT_MODIFIED else GO


@pytest.mark.parametrize(
    ("headers", "reading", "writing", "absent"),
    [
        ({}, GO, GO, GO),
        ({"if_match": '"abc"'}, GO, GO, FAIL),
        ({"if_match": '"x", "abc"'}, GO, GO, FAIL),
        ({"if_match": "*"}, GO, GO, FAIL),
        ({"if_match": '"x"'}, FAIL, FAIL, FAIL),
        ({"if_match": 'W/"abc"'}, FAIL, FAIL, FAIL),  # If-Match compares strongly
        ({"if_none_match": "*"}, SAME, FAIL, GO),
        ({"if_none_match": '"abc"'}, SAME, FAIL, GO),
        ({"if_none_match": 'W/"abc"'}, SAME, FAIL, GO),  # If-None-Match compares weakly
        ({"if_none_match": '"x"'}, GO, GO, GO),
        ({"if_modified_since": AT}, SAME, GO, GO),
        ({"if_modified_since": AFTER}, SAME, GO, GO),
        ({"if_modified_since": BEFORE}, GO, GO, GO),
        ({"if_modified_since": "no date"}, GO, GO, GO),
        ({"if_unmodified_since": AT}, GO, GO, FAIL),
        ({"if_unmodified_since": BEFORE}, FAIL, FAIL, FAIL),
        ({"if_unmodified_since": "no date"}, GO, GO, GO),
        ({"if_match": '"abc"', "if_unmodified_since": BEFORE}, GO, GO, FAIL),  # the tag wins
        ({"if_none_match": '"x"', "if_modified_since": AFTER}, GO, GO, GO),  # the tag wins
        ({"if_match": '"abc"', "if_none_match": '"abc"'}, SAME, FAIL, FAIL),
    ],
)
def test_the_table_of_conditions(headers: dict[str, str], reading: str, writing: str, absent: str) -> None:
    assert judged(PRESENT, headers, reading=True) == reading
    assert judged(PRESENT, headers, reading=False) == writing
    assert judged(None, headers, reading=False) == absent


@pytest.mark.parametrize("header", ["", "abc", '"abc', 'w/"abc"', '"a" "b', '"a\x7f"', "*, *"])
def test_tags_that_cannot_be_read_are_an_error(header: str) -> None:
    with pytest.raises(PiccoloError) as refused:
        conditions.read(if_match=header)
    assert refused.value.reason == "TAG_INVALID"


@given(st.text(max_size=60))
def test_no_header_breaks_the_reader(text: str) -> None:
    for name in ("if_match", "if_none_match", "if_modified_since", "if_unmodified_since"):
        assert judged(PRESENT, {name: text}, reading=True) in {GO, SAME, FAIL, "TAG_INVALID"}
    conditions.range_still_fits(text, PRESENT)
    ranges_or_error(text, 10)


@given(st.integers(min_value=-62_135_596_800, max_value=253_402_300_799))
def test_dates_come_back(seconds: int) -> None:
    text = conditions.date(seconds)
    assert text is not None
    if seconds >= -2_000_000_000:  # two-digit years of RFC 850 are read as others
        assert conditions.read_date(text) == seconds


def test_times_without_a_date_have_no_header() -> None:
    assert conditions.date(2**62) is None


def test_if_range_wants_exactly_what_is_there() -> None:
    for header, fits in ((None, True), ('"abc"', True), ('W/"abc"', False), (AT, True), (AFTER, False)):
        assert conditions.range_still_fits(header, PRESENT) is fits


def ranges_or_error(header: str, size: int) -> ranges.Span | str | None:
    try:
        return ranges.parse(header, size)
    except PiccoloError as refused:
        return f"{refused.kind} {refused.details['size']}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=2-4", (2, 3)),
        ("bytes=5-", (5, 5)),
        ("bytes=5-99999999999", (5, 5)),
        ("bytes=-3", (7, 3)),
        ("bytes=-99", (0, 10)),
        ("BYTES = 1-1", (1, 1)),
        ("bytes=1-1,", (1, 1)),
        ("bytes=10-", "out_of_range 10"),
        ("bytes=-0", "out_of_range 10"),
        ("bytes=10-11", "out_of_range 10"),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=0-1x", None),
        ("bytes=\u0661-\u0662", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_ranges_of_ten_bytes(header: str, expected: tuple[int, int] | str | None) -> None:
    found = ranges_or_error(header, 10)
    assert (found.offset, found.length) == expected if isinstance(found, ranges.Span) else found == expected


def test_nothing_of_an_empty_file_can_be_asked_for() -> None:
    for header in ("bytes=0-", "bytes=-1", "bytes=0-0"):
        assert ranges_or_error(header, 0) == "out_of_range 0"


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_span_lies_in_the_file(size: int, first: int, last: int) -> None:
    found = ranges_or_error(f"bytes={first}-{last}", size)
    if isinstance(found, ranges.Span):
        assert 0 <= found.offset < found.offset + found.length <= size
        assert found.content_range == f"bytes {found.offset}-{found.offset + found.length - 1}/{size}"
