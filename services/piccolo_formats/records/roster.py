"""The roster: who is in the circle, by epoch (section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Part, Record


class MemberState(StrEnum):
    """A member's standing in the circle."""

    ACTIVE = "active"
    LEAVING = "leaving"
    EXPELLED = "expelled"
    COMPROMISED = "compromised"


class AttestationPolicy(StrEnum):
    """What a circle wants to know of a device before it gets a fragment."""

    OFF = "off"
    PREFERRED = "preferred"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Part):
    """What the circle agreed."""

    attestation: AttestationPolicy
    at_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Part):
    """One owner of the circle. `admin` is null for those who are none; `recovered` a generation, or 0."""

    number: s.U32
    owner: s.OwnerId
    root: s.PublicKey
    admin: s.PublicKey | None
    enrol: s.Certificate
    state: MemberState
    since: s.U64
    invited_by: s.OwnerId | None
    recovered: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster(Record):
    """The circle's members in one epoch, signed by a majority of the previous epoch's admins."""

    TYPE: ClassVar[str] = "roster"

    circle: s.Id
    epoch: s.Epoch
    previous: s.Hash | None
    policy: Policy
    members: Annotated[tuple[Member, ...], 16_384]

    def check(self) -> None:
        """Raise FormatError unless members are in order, no owner or key is there twice, and one is admin."""
        if (self.epoch == 1) != (self.previous is None):
            raise FormatError("roster-previous", "exactly the roster of epoch 1 has no predecessor")
        if any(before.number >= after.number for before, after in pairwise(self.members)):
            raise FormatError("roster-members", "the members are not in the order of their numbers")
        admins = self.admins()
        if not admins:
            raise FormatError("roster-members", "a circle has at least one admin")
        owners = {member.owner for member in self.members}
        roots = {member.root for member in self.members}
        keyed = sum(member.admin is not None for member in self.members)
        if not len(owners) == len(roots) == len(self.members) or len(admins) != keyed:
            raise FormatError("roster-members", "two members have the same owner, root or admin key")

    def admins(self) -> frozenset[bytes]:
        """Return the admin keys."""
        return frozenset(member.admin for member in self.members if member.admin is not None)

    def member(self, owner: bytes) -> Member | None:
        """Return the member of that owner_id, in whatever state."""
        return next((member for member in self.members if member.owner == owner), None)
