"""What this device keeps in its state folder, as strict records: what does not parse is damage, not a
default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Part, Record
from piccolo_formats.records.roster import MemberState

R = TypeVar("R", bound=Record)

_Text = Annotated[str, s.Text(1000, 0)]
_Signed = Annotated[bytes, s.Bytes(0, 2**24)]


def read(kind: type[R], content: bytes) -> R:
    """A kept record. Raises PiccoloError DATA_LOSS, STATE_DAMAGED."""
    try:
        return kind.from_record(content)
    except FormatError as broken:
        raise damaged(kind, broken.message) from broken


def damaged(kind: type[Record], why: str) -> PiccoloError:
    """A kept record that cannot be what was kept."""
    return damage(f"{kind.TYPE}: {why}")


def damage(what: str) -> PiccoloError:
    """The error of a state folder that is not what was kept."""
    return PiccoloError(
        Kind.DATA_LOSS,
        "STATE_DAMAGED",
        f"The attestation service's state is damaged: {what}. Nothing was changed. Put it back from a copy, "
        "or bring everything back with your 24 words on a blank device.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys(Record):
    """This service's own role keys: an Ed25519 seed and a P-256 private scalar."""

    TYPE: ClassVar[str] = "attestation-keys"

    signing: Annotated[bytes, s.Bytes(32, 32)]
    tls: Annotated[bytes, s.Bytes(32, 32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Part):
    """A role's public keys as its process registered them; empty where it has none."""

    role: s.Name
    signing: Annotated[bytes, s.Bytes(0, 32)]
    tls: Annotated[bytes, s.Bytes(0, 4096)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Record):
    """The registered roles, where the fragment-store is reached and what it offers, the certificate in
    force."""

    TYPE: ClassVar[str] = "attestation-identity"

    roles: tuple[Role, ...] = ()
    endpoint: _Text = ""
    offer: s.U64 = 0
    device: _Signed = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called(Record):
    """What this device calls itself in a circle instead of the name in its certificate."""

    TYPE: ClassVar[str] = "attestation-name"

    circle: s.Id
    instead: s.Name
    name: s.Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle(Record):
    """The circle's records, and whether a majority of its members is still to be heard after a restore."""

    TYPE: ClassVar[str] = "attestation-circle"

    records: Annotated[tuple[_Signed, ...], 1_000_000]
    unsettled: bool


class InvitationState(StrEnum):
    """How far an invitation is, apart from its time."""

    OPEN = "open"
    ACCEPTED = "accepted"
    USED = "used"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation(Part):
    """An invitation as its maker remembers it. The code is forgotten when the invitation is over."""

    id: s.Id
    code: Annotated[bytes, s.Bytes(0, 16)]
    signed: _Signed
    certificate: s.Certificate
    note: _Text
    expires: s.U64
    state: InvitationState
    owner: s.OwnerId | None
    mailed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitations(Record):
    """The invitations that this device made, oldest first."""

    TYPE: ClassVar[str] = "attestation-invitations"

    invitations: tuple[Invitation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Part):
    """A proposal for the epoch after the one in force; `signature` is this owner's, kept until it is
    chosen."""

    roster: _Signed
    acceptance: _Signed
    invitation: _Signed
    mine: bool
    signature: _Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish(Part):
    """A removal that this device's owner wants, whatever the epoch."""

    owner: s.OwnerId
    state: MemberState


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals(Record):
    """Proposals on top of the roster `base`, wishes, and what was promised and accepted (core.agreement)."""

    TYPE: ClassVar[str] = "attestation-proposals"

    base: Annotated[bytes, s.Bytes(0, 32)] = b""
    proposals: tuple[Proposal, ...] = ()
    wishes: tuple[Wish, ...] = ()
    promised: s.U64 = 0
    ballot: s.U64 = 0
    value: Annotated[bytes, s.Bytes(0, 32)] = b""
