"""The contacts that an owner prints with the 24 words: how a blank device finds the circle without the cloud.

Rules:
* Other members only: the own device is what is lost. Those with a voice, the longest-standing ones first,
  because they are the likeliest to be there in some years.
* A few are enough, whoever answers names all the others: so the sheet stays short in any circle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from piccolo_formats.contacts import Contact, Contacts, mark_of
from piccolo_formats.records.roster import MemberState
from piccolo_formats.tls import certificate_fingerprint

from piccolo_attestation.core.view import CircleView, Member

MOST: Final = 24
_VOICES: Final = (MemberState.ACTIVE, MemberState.LEAVING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A member and one of its contacts."""

    owner: bytes
    name: str
    contact: Contact


def entries(view: CircleView, own: bytes) -> list[Entry]:
    """The contacts of the circle for one owner."""
    others = [member for member in view.members if member.owner != own and member.state in _VOICES]
    return [each for member in others for each in _of(member)][:MOST]


def circle_line(anchor: bytes) -> str:
    """The line that names the circle, by the hash of its first roster."""
    return Contacts(mark_of(anchor), ()).text()


def _of(member: Member) -> Iterator[Entry]:
    if not member.server_certificate:
        return
    mark = mark_of(certificate_fingerprint(member.server_certificate))
    for endpoint in member.endpoints:
        yield Entry(member.owner, member.name, Contact(endpoint, mark))
