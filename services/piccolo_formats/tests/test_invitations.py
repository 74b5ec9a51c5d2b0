"""An invitation is its code: readable by people, and useless to whoever has it not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats import tls
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.invitations import ALPHABET, InvitationCode, InvitationLink, mailbox_address
from piccolo_formats.records.joining import Acceptance
from piccolo_formats.tests import stranger
from piccolo_formats.tests.flips import all_refused
from piccolo_formats.tests.published import hexed, published
from piccolo_formats.tests.vectors.repeatable import counted

CODE, OTHER = InvitationCode(b"c" * 16), InvitationCode(b"d" * 16)
ACCEPTANCE = Acceptance(
    invitation_id=CODE.invitation_id(), roster=b"r" * 32, device=b"device", presence=b"presence"
)
VECTOR = published()["invitation"]


@given(st.binary(min_size=16, max_size=16))
def test_a_code_is_read_as_it_is_shown_and_as_people_write(value: bytes) -> None:
    code = InvitationCode(value)
    text = code.text()
    assert len(text) == 26
    assert set(text) <= set(ALPHABET)
    number = 0
    for character in text:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    assert number == int.from_bytes(value)
    grouped = "-".join(text[at : at + 5] for at in range(0, 26, 5))
    for written in (text, text.lower(), grouped, f" {grouped} \n", text.replace("0", "o").replace("1", "L")):
        assert InvitationCode.parse(written) == code


@pytest.mark.parametrize(
    "text", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "Z" * 26, "U" + "0" * 25, "0" * 25 + "é"]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        InvitationCode.parse(text)
    assert caught.value.reason == "invitation-code"


@given(st.text(max_size=40))
def test_arbitrary_text_is_a_code_or_refused(text: str) -> None:
    for parse in (InvitationCode.parse, InvitationLink.parse):
        try:
            parse(text)
        except FormatError:
            continue


ENDPOINTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(st.binary(min_size=16, max_size=16), ENDPOINTS, st.binary(min_size=32, max_size=32))
def test_a_link_comes_back(code: bytes, endpoint: str, fingerprint: bytes) -> None:
    link = InvitationLink(InvitationCode(code), endpoint, fingerprint)
    assert InvitationLink.parse(link.text()) == link
    assert link.text().isascii()
    assert link.code.text() not in repr(link)


@pytest.mark.parametrize(
    "change",
    [
        ("piccolo:join", "piccolo:leave"),
        ("&f=", "&g="),
        ("?c=", "?c=U"),
        ("&e=", "&e=%ff"),
        ("&e=%5B::1%5D:7443", "&e="),
        ("&e=", "&x=1&e="),
        ("&f=", "&f=0"),
    ],
)
def test_another_link_is_refused(change: tuple[str, str]) -> None:
    link: str = VECTOR["link"]
    assert change[0] in link
    with pytest.raises(FormatError):
        InvitationLink.parse(link.replace(*change))


def test_the_published_invitation() -> None:
    code = InvitationCode.parse(VECTOR["text"])
    secret = hexed(VECTOR["code"])
    assert code == InvitationCode(secret)
    link = InvitationLink.parse(VECTOR["link"])
    assert (link.code, link.endpoint, link.fingerprint.hex()) == (
        code,
        VECTOR["endpoint"],
        VECTOR["fingerprint"],
    )
    assert code.invitation_id() == stranger.hkdf(secret, b"piccolo/invite/id/v1")[:16]
    assert code.invitation_id().hex() == VECTOR["invitation_id"]
    assert code.mailbox_address() == stranger.digest("mailbox", code.invitation_id())
    assert mailbox_address(code.invitation_id()).hex() == VECTOR["mailbox_address"]
    assert tls.make_certificate(code.tls_key()).hex() == VECTOR["tls_certificate"]
    assert code.open_message(hexed(VECTOR["sealed_message"])) == VECTOR["message"].encode()
    assert code.open_acceptance(hexed(VECTOR["acceptance"])).roster == code_roster()


def code_roster() -> bytes:
    roster = next(each for each in published()["statements"] if each["type"] == "roster")
    return hexed(roster["hash"])


@given(st.binary(max_size=200))
def test_a_message_opens_with_its_code_only(message: bytes) -> None:
    sealed = CODE.seal_message(message, counted("message"))
    assert CODE.open_message(sealed) == message
    with pytest.raises(AuthenticationError):
        OTHER.open_message(sealed)


def test_every_changed_byte_of_message_and_acceptance_is_refused() -> None:
    all_refused(CODE.seal_message(b"hello", counted("message")), CODE.open_message)
    all_refused(CODE.seal_acceptance(ACCEPTANCE), CODE.open_acceptance)


def test_an_acceptance_is_of_its_code_and_invitation() -> None:
    assert CODE.open_acceptance(CODE.seal_acceptance(ACCEPTANCE)) == ACCEPTANCE
    with pytest.raises(AuthenticationError):
        OTHER.open_acceptance(CODE.seal_acceptance(ACCEPTANCE))
    elsewhere = replace(ACCEPTANCE, invitation_id=OTHER.invitation_id())
    with pytest.raises(AuthenticationError, match="another invitation"):
        CODE.open_acceptance(CODE.seal_acceptance(elsewhere))


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    for read in (CODE.open_message, CODE.open_acceptance):
        with pytest.raises(FormatError):
            read(data)


def test_a_code_does_not_show_itself() -> None:
    assert "hidden" in repr(CODE)
    assert CODE.text() not in repr(CODE)
