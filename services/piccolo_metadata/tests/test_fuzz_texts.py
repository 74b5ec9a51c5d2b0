"""Texts and tokens that clients send: any of them is a value, or refused in words."""

from __future__ import annotations

import base64
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.tests.mutations import FUZZ, mutated

from piccolo_metadata.core import settings
from piccolo_metadata.core.pages import _check, make_token, read_token
from piccolo_metadata.engine.audit import _check_json

LISTING: Final[list[int | str | bytes]] = ["list", "/"]
DEEP: Final = ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000]


@pytest.mark.parametrize("text", DEEP)
def test_json_without_a_bottom_is_refused(text: str) -> None:
    with pytest.raises(PiccoloError, match="JSON"):
        settings.parse("storage.k", text)
    with pytest.raises(PiccoloError, match="JSON"):
        _check_json(text)


@FUZZ
@given(st.sampled_from(sorted(settings.CATALOGUE)), st.data())
def test_a_setting_of_any_text_is_taken_or_refused(name: str, data: st.DataObject) -> None:
    texts = mutated(b'{"a": [1, "b", 1e9, null]}').map(lambda each: each.decode(errors="replace"))
    odd = st.sampled_from(["1" * 5_000, "-1", "1.5", "NaN", "Infinity", "true", '"x"', "null", "1e400", "[]"])
    try:
        settings.parse(name, data.draw(texts | odd | st.text(max_size=30)))
    except PiccoloError as refused:
        reason = refused.reason
    else:
        reason = "SETTING_WRONG"
    assert reason == "SETTING_WRONG"


@FUZZ
@given(mutated(make_token(LISTING, ["name", 7, b"id"]).encode()))
def test_a_token_of_anything_goes_on_or_is_foreign(token: bytes) -> None:
    text = token.decode(errors="replace")
    try:
        key = read_token(LISTING, text)
    except PiccoloError as refused:
        assert refused.reason == "PAGE_TOKEN_FOREIGN"  # noqa: PT017
    else:
        assert key == (["name", 7, b"id"] if text else None)


@pytest.mark.parametrize("body", [b"\x9f", b"\xff", b"\x81" * 40, b""])
def test_a_token_whose_check_was_reckoned_is_foreign_all_the_same(body: bytes) -> None:
    token = base64.urlsafe_b64encode(_check(LISTING, body) + body).decode().rstrip("=")
    with pytest.raises(PiccoloError) as refused:
        read_token(LISTING, token)
    assert refused.value.reason == "PAGE_TOKEN_FOREIGN"
