from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.pages import PAGE_BYTES, Key, make_token, read_token, take

PARTS = st.one_of(st.integers(-(2**63), 2**63), st.text(max_size=20), st.binary(max_size=20))
KEYS = st.lists(PARTS, min_size=1, max_size=4)


@given(KEYS, KEYS)
def test_a_token_comes_back_as_its_key(listing: Key, key: Key) -> None:
    assert read_token(listing, make_token(listing, key)) == key


@given(KEYS, KEYS, KEYS)
def test_a_token_of_another_listing_is_refused(listing: Key, other: Key, key: Key) -> None:
    if listing == other:
        return
    with pytest.raises(PiccoloError) as refused:
        read_token(other, make_token(listing, key))
    assert refused.value.reason == "PAGE_TOKEN_FOREIGN"


@given(st.text(min_size=1, max_size=60))
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(PiccoloError) as refused:
        read_token(["list", "/"], text)
    assert refused.value.reason == "PAGE_TOKEN_FOREIGN"


@given(st.integers(0, 400), st.integers(0, 7))
def test_a_damaged_token_is_refused(position: int, bit: int) -> None:
    token = bytearray(make_token(["list", "/"], ["name"]).encode())
    token[position % len(token)] ^= 1 << bit
    text = token.decode("latin-1")
    with suppress(PiccoloError):  # the last character of base64 has bits that mean nothing
        assert read_token(["list", "/"], text) == ["name"]


def test_no_token_is_the_beginning() -> None:
    assert read_token(["list"], "") is None


@given(st.lists(st.integers(1, PAGE_BYTES), max_size=20), st.integers(1, 10))
def test_a_page_ends_at_its_count_or_its_weight(weights: list[int], most: int) -> None:
    page = take(weights, most, lambda weight: weight)
    assert page.items == weights[: len(page.items)]
    assert len(page.items) <= most
    assert sum(page.items[:-1]) <= PAGE_BYTES
    assert page.more == (len(page.items) < len(weights))
    assert page.items or not weights  # a page always gets on


def test_a_page_reads_no_further_than_it_must() -> None:
    read = []

    def items() -> object:
        for number in range(100):
            read.append(number)
            yield number

    page = take(items(), 3, lambda _: 1)  # type: ignore[arg-type, var-annotated]
    assert (page.items, page.more) == ([0, 1, 2], True)
    assert read == [0, 1, 2, 3]
