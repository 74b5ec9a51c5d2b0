"""Contacts survive paper: what was printed is read back, and what was mistyped is found out."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_formats.contacts import Contact, Contacts
from piccolo_formats.errors import FormatError
from piccolo_formats.invitations import ALPHABET

marks = st.binary(min_size=16, max_size=16)
endpoints = st.from_regex(r"([a-z0-9.-]{1,40}|\[[0-9a-f:]{2,39}\]):[0-9]{1,5}", fullmatch=True)
contacts = st.builds(
    Contacts,
    marks,
    st.lists(st.builds(Contact, endpoints, marks), min_size=1, max_size=5, unique=True).map(tuple),
)


@given(contacts)
def test_what_was_printed_is_read_back(printed: Contacts) -> None:
    assert Contacts.parse(printed.text()) == printed
    noted = "The contacts of my circle:\n\n  " + printed.text().replace("\n", "   \r\n ") + "\nin the safe\n"
    assert Contacts.parse(noted) == printed


@given(contacts, st.data())
def test_case_and_lookalikes_do_not_matter(printed: Contacts, data: st.DataObject) -> None:
    typed = []
    for line in printed.text().splitlines():
        name, _, digits = line.partition("#")
        digits = digits.replace("0", data.draw(st.sampled_from("0oO"))).replace("1", "l").lower()
        typed.append(f"{name}#{digits.replace('-', data.draw(st.sampled_from(['', '-'])))}")
    assert Contacts.parse("\n".join(typed)) == printed


@given(contacts, st.data())
def test_one_wrong_digit_is_found_out_nearly_always(printed: Contacts, data: st.DataObject) -> None:
    """The check has 12 bits: of the digits before it, a wrong one passes once in 4,096."""
    line = printed.contacts[0].text()
    at = data.draw(st.sampled_from([n for n, sign in enumerate(line) if n > line.index("#") and sign != "-"]))
    wrong = data.draw(st.sampled_from([digit for digit in ALPHABET if digit != line[at]]))
    with suppress(FormatError):
        read = Contacts.parse(f"{Contacts(bytes(16), ()).text()}\n{line[:at]}{wrong}{line[at + 1 :]}")
        assert read.contacts[0].mark != printed.contacts[0].mark


def test_every_single_wrong_digit_of_a_line_is_found_out() -> None:
    line, circle = Contact("box.example:7443", bytes(range(16))).text(), Contacts(bytes(16), ()).text()
    at = [n for n, sign in enumerate(line) if n > line.index("#") and sign != "-"]
    wrong = [f"{line[:n]}{digit}{line[n + 1 :]}" for n in at for digit in ALPHABET if digit != line[n]]
    passed = 0
    for typed in wrong:
        with suppress(FormatError):
            Contacts.parse(f"{circle} {typed}")
            passed += 1
    assert passed <= 2


def test_a_wrong_address_is_found_out() -> None:
    line = Contact("10.0.0.1:7443", bytes(range(16))).text()
    with pytest.raises(FormatError, match="mistyped"):
        Contacts.parse(f"{Contacts(bytes(16), ()).text()} {line.replace('10.0.0.1', '10.0.0.7')}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "contacts-circle"),
        (Contact("a:1", bytes(16)).text(), "contacts-circle"),
        (Contacts(bytes(16), ()).text(), "contacts-none"),
        (Contacts(bytes(16), ()).text() + " " + Contacts(b"x" * 16, ()).text(), "contacts-circle"),
        ("a:1#", "contact-line"),
        ("a:1#0000", "contact-line"),
        ("#0000-0000-0000-0000-0000-0000-0000", "contact-line"),
        ("a:1#UUUU-UUUU-UUUU-UUUU-UUUU-UUUU-UUUU", "contact-line"),
    ],
)
def test_what_is_none_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError) as refused:
        Contacts.parse(text)
    assert refused.value.reason == reason
