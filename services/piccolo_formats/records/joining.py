"""How a new owner comes in: the invitation and its acceptance (sections 9 and 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation(Record):
    """What the inviter leaves in the mailbox, signed by its attestation role key."""

    TYPE: ClassVar[str] = "invitation"

    circle: s.Id
    roster: s.Hash
    invitation_id: s.Id = field(metadata=key("invitation"))
    by: s.OwnerId
    endpoint: s.Name
    fingerprint: s.Hash
    expires: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance(Record):
    """The joiner's answer, under the code's MAC. `device` and `presence` are Signed, their bytes."""

    TYPE: ClassVar[str] = "acceptance"

    invitation_id: s.Id = field(metadata=key("invitation"))
    roster: s.Hash
    device: s.SignedBytes
    presence: s.SignedBytes
