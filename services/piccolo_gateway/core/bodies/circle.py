"""Bodies about the circle, its members, and how people come in and go."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from piccolo_gateway.core.bodies.base import Asked, DeviceName, Hex, InvitationText, Seconds, Told

MemberState: TypeAlias = Literal["active", "leaving", "expelled", "compromised", "unknown"]

Departure: TypeAlias = Literal["leaving", "expelled", "compromised"]


class Member(Told, frozen=True):
    """One member as this device knows it."""

    owner_id: Hex
    number: int
    name: str
    state: MemberState
    admin: bool
    endpoints: list[str]
    offer_bytes: int
    generation: int
    invited_by: Hex
    verdict: str
    heard: Annotated[Seconds, msgspec.Meta(description="When it was last heard; 0 is never.")]
    self: bool


class CircleAlarm(Told, frozen=True):
    """Something about the circle that somebody should look at."""

    reason: Annotated[
        str,
        msgspec.Meta(
            description="CIRCLE_FROZEN (two valid rosters of one epoch), DEVICE_TWICE (two devices claim to"
            " be one generation of a member) or CERTIFICATE_TWICE (a member names another's certificate)."
        ),
    ]
    words: str
    member: Annotated[str, msgspec.Meta(description="Whom it is about, by name; or empty.")] = ""


class Circle(Told, frozen=True):
    """The circle as this device knows it."""

    circle_id: Hex
    owner_id: Hex
    epoch: int
    roster_hash: Hex
    members: list[Member]
    at_risk: bool
    attestation_policy: str
    unheard: Annotated[int, msgspec.Meta(description="Members that must be heard after a recovery.")]
    fenced: Annotated[
        str,
        msgspec.Meta(
            description="A device of a higher generation took over from this one: since when, in words;"
            " empty when none did."
        ),
    ]
    alarms: Annotated[list[str], msgspec.Meta(description="What somebody should look at, in words.")]
    alarm_facts: Annotated[
        list[CircleAlarm],
        msgspec.Meta(description="The same with reasons, but for `fenced`, which stands beside it."),
    ] = msgspec.field(default_factory=list)


class Contact(Told, frozen=True):
    """Where one member is reached."""

    owner_id: Hex
    name: str
    endpoint: str
    line: Annotated[str, msgspec.Meta(description="As it is printed; it finds out what was mistyped.")]


class Contacts(Told, frozen=True):
    """The circle's contacts, to be printed with the words."""

    words: Annotated[str, msgspec.Meta(description="What they are for, and what to do with them.")]
    circle: Annotated[str, msgspec.Meta(description="The line that names the circle.")]
    contacts: list[Contact]
    text: Annotated[str, msgspec.Meta(description="All lines, as a recovery takes them.")]


class Founding(Asked, frozen=True):
    """A circle to start."""

    device_name: DeviceName
    at_risk: Annotated[
        bool, msgspec.Meta(description="Two members only: keep files although one loss may destroy them.")
    ] = False


class Founded(Told, frozen=True):
    """A circle was started."""

    circle_id: Hex


class Inviting(Asked, frozen=True):
    """An invitation to make."""

    note: Annotated[str, msgspec.Meta(max_length=100, description="For yourself, as `Ana`.")] = ""
    lifetime: Annotated[int, msgspec.Meta(ge=0, le=86400, description="Seconds; 0 is 24 h, the longest.")] = 0


class MadeInvitation(Told, frozen=True):
    """A new invitation. Its code is shown this once."""

    invitation_id: Hex
    code: str
    link: str
    expires: Seconds
    qr: Annotated[str, msgspec.Meta(description="The link as a QR code: an SVG document.")]


class Invitation(Told, frozen=True):
    """One invitation as its maker remembers it."""

    invitation_id: Hex
    note: str
    expires: Seconds
    state: Annotated[str, msgspec.Meta(description="open, accepted, used, expired or revoked.")]
    owner_id: Annotated[Hex, msgspec.Meta(description="Who came by it.")]


class Invitations(Told, frozen=True):
    """All invitations, newest first."""

    invitations: list[Invitation]


class Opening(Asked, frozen=True):
    """An invitation to read."""

    invitation: InvitationText


class Opened(Told, frozen=True):
    """What an invitation says."""

    circle_id: Hex
    invited_by: Hex
    invited_by_name: str
    members: int


class Joining(Asked, frozen=True):
    """An invitation to accept."""

    invitation: InvitationText
    device_name: DeviceName


class Renaming(Asked, frozen=True):
    """Another name for this device."""

    device_name: DeviceName


class Joined(Told, frozen=True):
    """This device is a member."""

    circle_id: Hex
    members: int


class Proposal(Told, frozen=True):
    """A change of the roster that waits for admins."""

    roster_hash: Hex
    change: str
    wanted: Annotated[int, msgspec.Meta(description="Signatures still needed.")]
    needs_consent: Annotated[bool, msgspec.Meta(description="A person's word is needed here.")]
    kind: Annotated[
        str,
        msgspec.Meta(
            description="What it changes: JOINS, RETURNS, LEAVES, EXPELLED, COMPROMISED, NEW_WORDS, NOTHING."
        ),
    ] = ""
    member: Annotated[str, msgspec.Meta(description="Whom it is about, by name; or empty.")] = ""


class Proposals(Told, frozen=True):
    """All proposals, oldest first."""

    proposals: list[Proposal]


class Approved(Told, frozen=True):
    """The proposal is signed."""

    wanted: int


class Removal(Asked, frozen=True):
    """How a member goes."""

    state: Departure


class Proposed(Told, frozen=True):
    """The removal is proposed."""

    roster_hash: Hex
