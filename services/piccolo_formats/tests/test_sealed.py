"""What is sealed to an owner opens with the owner's words, and a commit record is one owner's, whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piccolo_formats import cbor
from piccolo_formats.commit_record import make_commit, open_commit
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.fek import Fek, Scope
from piccolo_formats.keypairs import SealingKey
from piccolo_formats.records.commit import Commit, ObjectKind
from piccolo_formats.sealed import MAX_SEALED, open_key, open_sealed, seal, seal_key
from piccolo_formats.segments import SegmentPlan, SegmentSealer, padme
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tests import stranger
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.vectors.objects import LONE, Stored, summary_of
from piccolo_formats.tests.vectors.people import ADA, BEN
from piccolo_formats.tests.vectors.repeatable import counted, hpke

KEY = SealingKey(b"k" * 32)
RANDOM = counted("sealed")
OBJECT = Stored("lone", LONE.key, LONE.scope.version_id, b"".join(LONE.sealed), 304, 3, 5)
SUMMARY = summary_of(OBJECT, ObjectKind.FILE, (LONE.entry(),))


@given(st.binary(max_size=3000))
@settings(max_examples=40, deadline=None)
def test_what_is_sealed_opens_and_shows_its_padded_size_only(data: bytes) -> None:
    sealed = seal("summary", data, KEY.public, RANDOM)
    assert open_sealed("summary", sealed, KEY) == data
    value = cbor.decode(sealed)
    assert isinstance(value, list)
    assert isinstance(value[2], bytes)
    assert len(value[2]) == padme(4 + len(data)) + 48


def test_every_changed_byte_is_refused() -> None:
    all_refused(seal("a", b"hello", KEY.public, RANDOM), lambda data: open_sealed("a", data, KEY))


def test_it_opens_for_its_key_and_type_only() -> None:
    sealed = seal("a", b"hello", KEY.public, RANDOM)
    for kind, key in (("b", KEY), ("a", SealingKey(b"j" * 32))):
        with pytest.raises(AuthenticationError) as caught:
            open_sealed(kind, sealed, key)
        assert caught.value.reason == "not-for-this-key"


def test_published_commit_records_open() -> None:
    """Made by an HPKE written down from RFC 9180, opened by the library's."""
    for name in ("lone", "pack"):
        vector = published()["objects"][name]
        commit = open_signed(Commit, hexed(vector["commit"]), required=[ADA.role("vault").public])
        assert open_commit(commit, ADA.kek.backup()).to_record() == hexed(vector["summary"])


@given(st.binary(max_size=100), st.binary(min_size=32, max_size=32))
@settings(max_examples=20)
def test_hpke_is_rfc_9180(info: bytes, ephemeral: bytes) -> None:
    """Both ways between the library and one written down from the RFC."""
    key = Fek(b"b" * 32)
    assert open_key(hpke(KEY.public, info, key.reveal(), ephemeral), KEY, info) == key
    assert stranger.hpke_open(KEY.reveal(), seal_key(key, KEY.public, info), info) == key.reveal()


@pytest.mark.parametrize("public", [bytes(32), b"short", b"\x01" + bytes(31)])
def test_keys_that_anybody_could_open_are_refused(public: bytes) -> None:
    """Points of low order make a secret that everyone knows."""
    with pytest.raises(FormatError):
        seal("a", b"hello", public, RANDOM)


def test_too_much_is_refused() -> None:
    with pytest.raises(FormatError):
        seal("a", bytes(MAX_SEALED), KEY.public, RANDOM)


@pytest.mark.parametrize(
    "plain", [b"\0\0\0\x05hell", b"\0\0\0\x01a\x01\0\0", b"\0\0\0\x01a\0\0\0\0\0\0", b"\xff\xff\xff\xff"]
)
def test_wrong_padding_is_refused(plain: bytes) -> None:
    key = Fek(b"b" * 32)
    segment = SegmentPlan(len(plain), len(plain), padded=False).segment(0)
    body = SegmentSealer(key, Scope(bytes(16), bytes(16)), RANDOM).seal(segment, plain)
    sealed = cbor.encode([1, seal_key(key, KEY.public, b"piccolo/sealed/a/v1"), body])
    with pytest.raises(FormatError) as caught:
        open_sealed("a", sealed, KEY)
    assert caught.value.reason == "sealed-padding"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        open_sealed("a", data, KEY)
    with pytest.raises(FormatError):
        open_key(data, KEY, b"")


@pytest.mark.parametrize("suite", [0, 2, True, None])
def test_another_suite_is_refused(suite: int) -> None:
    value = cbor.decode(seal("a", b"hello", KEY.public, RANDOM))
    assert isinstance(value, list)
    with pytest.raises(FormatError):
        open_sealed("a", cbor.encode([suite, *value[1:]]), KEY)


def test_a_commit_record_comes_back() -> None:
    commit = make_commit(SUMMARY, ADA.kek.backup().public, ADA.role("vault"), RANDOM)
    opened = open_signed(Commit, commit.to_bytes(), required=[ADA.role("vault").public])
    assert open_commit(opened, ADA.kek.backup()) == SUMMARY
    with pytest.raises(AuthenticationError):
        open_commit(opened, BEN.kek.backup())


@pytest.mark.parametrize("change", [{"owner": BEN.id}, {"generation": 2}, {"seq": 8}])
def test_a_commit_record_around_another_s_summary_is_refused(change: dict[str, Any]) -> None:
    commit = make_commit(SUMMARY, ADA.kek.backup().public, ADA.role("vault"), RANDOM)
    forged = sign(replace(commit.record, **change), ADA.role("vault"))
    with pytest.raises(AuthenticationError) as caught:
        open_commit(forged, ADA.kek.backup())
    assert caught.value.reason == "commit-mismatch"
