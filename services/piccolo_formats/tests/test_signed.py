"""A record counts only with the signatures that it needs, and a changed byte undoes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats import cbor
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.generations import Claim
from piccolo_formats.records.keeping import Tombstone, Undelete
from piccolo_formats.signed import MAX_SIGNATURES, Signed, countersign, merge, open_signed, sign
from piccolo_formats.tests.flips import all_refused

ROOT, OTHER, THIRD = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
TOMBSTONE = Tombstone(owner=bytes(32), generation=1, seq=2, purge=True, fragments=(b"f" * 16,), time=3)


def rewritten(signed: bytes, pairs: list[tuple[bytes, bytes]]) -> bytes:
    value = cbor.decode(signed)
    assert isinstance(value, list)
    return cbor.encode([value[0], [[key, signature] for key, signature in pairs]])


def test_rfc_8032_known_answers() -> None:
    """RFC 8032, 7.1, tests 1 and 3."""
    key = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    key = SigningKey(bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"))
    assert key.sign(bytes.fromhex("af82")).hex() == (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a"
    )


def test_what_is_signed_opens_for_its_signer() -> None:
    signed = sign(TOMBSTONE, ROOT)
    opened = open_signed(Tombstone, signed.to_bytes(), required=[ROOT.public])
    assert opened == signed
    assert opened.record == TOMBSTONE
    assert opened.record_hash() == TOMBSTONE.record_hash()


def test_every_changed_byte_is_refused() -> None:
    """Of one signature and of two, required or not."""
    for signed in (sign(TOMBSTONE, ROOT), sign(TOMBSTONE, ROOT, OTHER)):
        all_refused(signed.to_bytes(), lambda data: open_signed(Tombstone, data))


def test_a_missing_signer_is_named() -> None:
    data = sign(TOMBSTONE, OTHER).to_bytes()
    with pytest.raises(AuthenticationError, match=ROOT.public[:4].hex()) as caught:
        open_signed(Tombstone, data, required=[ROOT.public, OTHER.public])
    assert caught.value.reason == "not-signed"


def test_a_bad_signature_is_refused_even_when_nobody_asked_for_it() -> None:
    good = sign(TOMBSTONE, ROOT)
    forged = sorted([*good.signatures, (OTHER.public, bytes(64))])
    with pytest.raises(AuthenticationError) as caught:
        open_signed(Tombstone, rewritten(good.to_bytes(), forged), required=[ROOT.public])
    assert caught.value.reason == "bad-signature"


def test_a_signature_over_one_type_is_none_over_another() -> None:
    undelete = Undelete(owner=bytes(32), generation=1, seq=2, fragments=(b"f" * 16,), time=3)
    signature = ROOT.sign(b"piccolo/tombstone/v1\0" + undelete.to_record())
    data = cbor.encode([undelete.to_record(), [[ROOT.public, signature]]])
    with pytest.raises(AuthenticationError):
        open_signed(Undelete, data)
    with pytest.raises(FormatError):
        open_signed(Tombstone, data)


def test_signers_are_sorted_and_each_is_there_once() -> None:
    signed = sign(TOMBSTONE, ROOT, OTHER, THIRD)
    data, pairs = signed.to_bytes(), list(signed.signatures)
    assert pairs == sorted(pairs)
    for wrong in (pairs[::-1], [pairs[0], *pairs], []):
        with pytest.raises(FormatError):
            open_signed(Tombstone, rewritten(data, wrong))


def test_nobody_signs_nothing() -> None:
    with pytest.raises(FormatError):
        sign(TOMBSTONE)


def test_signatures_have_a_limit() -> None:
    keys = [SigningKey(bytes([number]) * 32) for number in range(MAX_SIGNATURES + 1)]
    assert len(open_signed(Tombstone, sign(TOMBSTONE, *keys[:-1]).to_bytes()).signers) == MAX_SIGNATURES
    with pytest.raises(FormatError):
        sign(TOMBSTONE, *keys)


@given(st.permutations([ROOT, OTHER, THIRD]), st.integers(1, 2))
def test_the_order_of_signing_does_not_matter(order: list[SigningKey], cut: int) -> None:
    apart = merge(sign(TOMBSTONE, *order[:cut]), sign(TOMBSTONE, *order[cut:]))
    one_by_one = countersign(countersign(sign(TOMBSTONE, order[0]), order[1]), order[2], order[0])
    assert apart == one_by_one == sign(TOMBSTONE, ROOT, OTHER, THIRD)
    assert apart.signers == {ROOT.public, OTHER.public, THIRD.public}


def test_signatures_over_different_records_are_not_joined() -> None:
    with pytest.raises(FormatError):
        merge(sign(TOMBSTONE, ROOT), sign(replace(TOMBSTONE, purge=False), OTHER))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        open_signed(Claim, data)


@given(payload=st.binary(max_size=60))
def test_a_signature_makes_no_record_of_garbage(payload: bytes) -> None:
    signature = ROOT.sign(b"piccolo/claim/v1\0" + payload)
    with pytest.raises(FormatError):
        open_signed(Claim, cbor.encode([payload, [[ROOT.public, signature]]]))


def test_keys_that_are_none_are_refused() -> None:
    """Points off the curve, of the wrong length, and of low order."""
    payload = TOMBSTONE.to_record()
    for key in (b"\xff" * 32, b"\x02" + bytes(31), bytes(31)):
        with pytest.raises(FormatError):
            open_signed(Tombstone, cbor.encode([payload, [[key, bytes(64)]]]))


def test_a_signed_value_shows_no_more_than_was_signed() -> None:
    signed: Signed[Tombstone] = sign(TOMBSTONE, ROOT)
    signed.require()
    signed.require(ROOT.public)
    with pytest.raises(AuthenticationError):
        signed.require(ROOT.public, OTHER.public)
