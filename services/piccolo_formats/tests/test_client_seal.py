"""Passphrases and words between client and vault: only the right key and purpose open them."""

from __future__ import annotations

import os
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats.client_seal import MAX_SIZE, OVERHEAD, Purpose, open_text, seal_text
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import SealingKey

KEY = SealingKey(bytes(range(32)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(text=TEXTS, purpose=st.sampled_from(Purpose))
def test_what_is_sealed_opens(text: str, purpose: Purpose) -> None:
    sealed = seal_text(purpose, text, KEY.public)
    assert len(sealed) == len(text.encode()) + OVERHEAD
    assert open_text(purpose, sealed, KEY) == text


@pytest.mark.parametrize("other", [purpose for purpose in Purpose if purpose is not Purpose.PASSPHRASE])
def test_another_purpose_does_not_open_it(other: Purpose) -> None:
    sealed = seal_text(Purpose.PASSPHRASE, "correct horse", KEY.public)
    with pytest.raises(AuthenticationError, match="does not open"):
        open_text(other, sealed, KEY)


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_flipped_bit_does_not_open(at: int, bit: int) -> None:
    sealed = bytearray(seal_text(Purpose.WORDS, "abandon ability able", KEY.public))
    sealed[at % len(sealed)] ^= 1 << bit
    # The highest bit of an X25519 key is not used (RFC 7748), but HPKE binds the bytes as they came.
    with pytest.raises(AuthenticationError):
        open_text(Purpose.WORDS, bytes(sealed), KEY)


def test_another_key_does_not_open_it() -> None:
    sealed = seal_text(Purpose.WORDS, "abandon", KEY.public)
    with pytest.raises(AuthenticationError):
        open_text(Purpose.WORDS, sealed, SealingKey(os.urandom(32)))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_no_key_and_keys_of_low_order_are_refused(key: bytes) -> None:
    with pytest.raises(FormatError):
        seal_text(Purpose.PASSPHRASE, "correct horse", key)


@pytest.mark.parametrize("size", [0, 1, OVERHEAD - 1, MAX_SIZE + 1])
def test_impossible_lengths_are_refused(size: int) -> None:
    with pytest.raises(FormatError):
        open_text(Purpose.PASSPHRASE, bytes(size), KEY)


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(FormatError, match="longer"):
        seal_text(Purpose.PASSPHRASE, "x" * (MAX_SIZE - OVERHEAD + 1), KEY.public)


def test_errors_do_not_hold_the_text() -> None:
    secret = "".join(["hunt", "er2", "\ud800"])
    with pytest.raises(FormatError) as caught:
        seal_text(Purpose.PASSPHRASE, secret, KEY.public)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
