"""The circle's contacts, to be printed with the 24 words: where members are reached, and how they are known.

With them a blank device finds its circle when the cloud is gone. They hold no secret. One line a contact:
`endpoint#check`, where the check binds the address to the certificate that answers there, and finds out what
was mistyped. The line `circle#check` names the circle by the hash of its first roster (section 10).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError
from piccolo_formats.invitations import ALPHABET

MARK_SIZE: Final = 16
_CHECK_BITS: Final = 12
_DIGITS: Final = (8 * MARK_SIZE + _CHECK_BITS) // 5
_GROUP: Final = 4
_CIRCLE: Final = "circle"
_LOOKALIKES: Final = str.maketrans("OIL", "011", "-")
_LINE: Final = re.compile(r"([^\s#]{1,255})#([0-9A-Za-z-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Contact:
    """An address ("host:port"), and the mark of the certificate that answers there."""

    endpoint: str
    mark: bytes

    def text(self) -> str:
        """Return its line."""
        return _line(self.endpoint, self.mark)


@dataclass(frozen=True, slots=True)
class Contacts:
    """A circle by the mark of its first roster, and some of its members."""

    circle: bytes
    contacts: tuple[Contact, ...]

    def text(self) -> str:
        """Return the lines, the circle's first."""
        return "\n".join([_line(_CIRCLE, self.circle), *(contact.text() for contact in self.contacts)])

    @classmethod
    def parse(cls, text: str) -> Contacts:
        """Read contacts; words without `#` between them do not matter.

        Raises FormatError: `contact-line` (cannot be read), `contact-check` (was mistyped), both with the
        line in the message, `contacts-circle` (not exactly one circle), `contacts-none`.
        """
        lines = [_read(word) for word in text.split() if "#" in word]
        circles = {mark for name, mark in lines if name == _CIRCLE}
        if len(circles) != 1:
            raise FormatError("contacts-circle", "the contacts name no circle, or several: look for its line")
        contacts = [Contact(name, mark) for name, mark in lines if name != _CIRCLE]
        if not contacts:
            raise FormatError("contacts-none", "the contacts name no member")
        return cls(circles.pop(), tuple(dict.fromkeys(contacts)))


def mark_of(hash_: bytes) -> bytes:
    """Return the mark of a certificate's fingerprint or a record's hash: its first 16 bytes."""
    return hash_[:MARK_SIZE]


def contacts_of(first_roster: bytes, members: Sequence[tuple[str, bytes]]) -> Contacts:
    """Return the contacts of a circle: the hash of its first roster, and (endpoint, fingerprint) pairs."""
    found = (Contact(endpoint, mark_of(fingerprint)) for endpoint, fingerprint in members)
    return Contacts(mark_of(first_roster), tuple(found))


def _line(name: str, mark: bytes) -> str:
    value = int.from_bytes(mark) << _CHECK_BITS | _check(name, mark)
    digits = "".join(ALPHABET[value >> shift & 31] for shift in range(5 * (_DIGITS - 1), -1, -5))
    groups = [digits[at : at + _GROUP] for at in range(0, _DIGITS, _GROUP)]
    return f"{name}#{'-'.join(groups)}"


def _check(name: str, mark: bytes) -> int:
    return int.from_bytes(digest("contact", mark + name.encode())[:2]) >> (16 - _CHECK_BITS)


def _read(word: str) -> tuple[str, bytes]:
    match = _LINE.fullmatch(word)
    digits = match[2].upper().translate(_LOOKALIKES) if match else ""
    if match is None or len(digits) != _DIGITS or set(digits) - set(ALPHABET):
        raise FormatError(
            "contact-line", f"the contact {word[:80]!r} cannot be read; compare it with your note"
        )
    value = 0
    for digit in digits:
        value = value << 5 | ALPHABET.index(digit)
    name, mark = match[1], (value >> _CHECK_BITS).to_bytes(MARK_SIZE)
    name = _CIRCLE if name.lower() == _CIRCLE else name
    if value & ((1 << _CHECK_BITS) - 1) != _check(name, mark):
        raise FormatError(
            "contact-check", f"the contact {word[:80]!r} was mistyped; compare it with your note"
        )
    return name, mark
