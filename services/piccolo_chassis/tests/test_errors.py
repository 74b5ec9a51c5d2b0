"""Errors keep their kind, reason, words and facts on every way they take."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from piccolo_chassis import status
from piccolo_chassis.errors import TABLE, Kind, PiccoloError, kind_of_code

reasons = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}[A-Z0-9]", fullmatch=True)
words = st.text(max_size=60)
facts = st.dictionaries(
    st.text(min_size=1, max_size=20).filter(lambda key: key != "piccolo.kind"), words, max_size=5
)


def shown(error: PiccoloError) -> tuple[Kind, str, str, dict[str, str]]:
    return error.kind, error.reason, error.message, dict(error.details)


@given(kind=st.sampled_from(Kind), reason=reasons, message=words, details=facts)
def test_a_client_gets_the_very_error_back(
    kind: Kind, reason: str, message: str, details: dict[str, str]
) -> None:
    sent = PiccoloError(kind, reason, message, details)
    wire = status_pb2.Status.FromString(status.to_status(sent).SerializeToString())
    assert shown(status.from_status(wire)) == shown(sent)


@given(
    message=st.text(alphabet=st.characters(), max_size=5000),
    details=st.dictionaries(words, st.text(max_size=5000)),
)
def test_any_text_fits_into_a_trailer(message: str, details: dict[str, str]) -> None:
    wire = status.to_status(PiccoloError(Kind.INVALID, "TOO_LONG", message, details))
    assert len(wire.SerializeToString()) < 6000  # of the 8 KiB that HTTP/2 peers let pass


def test_stray_bytes_of_file_names_become_escapes() -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert status.to_status(PiccoloError(Kind.INVALID, "BAD_NAME", name)).message == "caf\\udce9"


def test_every_kind_has_a_row_and_every_code_a_kind() -> None:
    assert set(TABLE) == set(Kind)
    failures = {code.value[0] for code in grpc.StatusCode} - {0, 2}
    assert {row.grpc for row in TABLE.values()} == failures
    assert all(kind_of_code(number).grpc == number for number in failures)


@pytest.mark.parametrize(
    ("code", "kind"), [(9, Kind.PRECONDITION), (8, Kind.EXHAUSTED), (2, Kind.INTERNAL), (99, Kind.INTERNAL)]
)
def test_a_bare_code_is_read_as_its_commonest_kind(code: int, kind: Kind) -> None:
    found = status.from_status(status_pb2.Status(code=code, message="words"))
    assert (found.kind, found.message) == (kind, "words")


def test_locked_and_full_have_their_own_http_status() -> None:
    assert (Kind.LOCKED.grpc, Kind.LOCKED.http) == (9, 423)
    assert (Kind.FULL.grpc, Kind.FULL.http) == (8, 507)


def test_an_unknown_kind_of_a_newer_peer_falls_back_to_its_code() -> None:
    wire = status.to_status(PiccoloError(Kind.FULL, "DISK_FULL", "words"))
    packed = wire.details[0]
    packed.value = packed.value.replace(b"full", b"fuzz")
    found = status.from_status(wire)
    assert (found.kind, found.reason) == (Kind.EXHAUSTED, "DISK_FULL")


@pytest.mark.parametrize("reason", ["", "A", "lower", "WITH SPACE", "X" * 64, "_A"])
def test_a_malformed_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="no reason"):
        PiccoloError(Kind.INVALID, reason, "words")


def test_a_stranger_s_malformed_reason_does_not_break_the_reader() -> None:
    wire = status.to_status(PiccoloError(Kind.INVALID, "GOOD", "words"))
    wire.details[0].value = wire.details[0].value.replace(b"GOOD", b"goo!")
    assert status.from_status(wire).reason == "UNKNOWN"
