"""Bodies about the care of what is kept: what members do for this owner, and this device for them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Hex, Seconds, Told
from piccolo_gateway.core.bodies.circle import MemberState

Ago = Annotated[int, msgspec.Meta(description="Seconds since 1970-01-01T00:00:00Z; 0 is never.")]
Words = Annotated[str, msgspec.Meta(description="A sentence for a person.")]
Reason = Annotated[str, msgspec.Meta(description="The same for programs; stable, UPPER_SNAKE.")]
NextStep = Annotated[str, msgspec.Meta(description="What helps; empty when there is nothing to do.")]


class Attention(Told, frozen=True):
    """Something that somebody should look at."""

    reason: Reason
    words: Words
    next_step: NextStep
    member: Annotated[str, msgspec.Meta(description="Whose device it is about; empty for this one.")] = ""


class MemberNotice(Told, frozen=True):
    """A member's signed notice to this owner."""

    kind: Annotated[
        str,
        msgspec.Meta(
            description="`evict` or `full`: it needs back what was borrowed; `leaving`: it goes. Nothing is"
            " deleted."
        ),
    ]
    since: Seconds
    until: Seconds


class MemberFigures(Told, frozen=True):
    """One other member, as this device knows it."""

    owner_id: Hex
    name: str
    state: MemberState
    away_since: Annotated[Seconds, msgspec.Meta(description="Since when it has not answered; 0: it does.")]
    availability: Annotated[
        float | None,
        msgspec.Meta(description="The share of the last 30 days' looks that it answered, 0 to 1."),
    ]
    last_audit: Ago
    audited_blocks: Annotated[int, msgspec.Meta(description="Blocks read at random to check on it.")]
    failed_blocks: Annotated[int, msgspec.Meta(description="Of these, not there or not as written.")]
    last_failure: Ago
    heard: Annotated[Seconds, msgspec.Meta(description="When it told the bytes that follow; 0 is never.")]
    offer_bytes: Annotated[int, msgspec.Meta(description="What it gives to the circle.")]
    used_bytes: Annotated[int, msgspec.Meta(description="How much of that is taken, by all.")]
    owner_bytes: Annotated[int, msgspec.Meta(description="What you have there, the trash included.")]
    share_bytes: Annotated[int, msgspec.Meta(description="What you are sure of there.")]
    beyond_bytes: Annotated[int, msgspec.Meta(description="What it asks you to move away.")]
    damaged_fragments: Annotated[int, msgspec.Meta(description="Fragments of yours that its disk damaged.")]
    notices: list[MemberNotice]
    reason: Reason
    stuck: Annotated[bool, msgspec.Meta(description="Nobody takes what is to leave it.")]
    words: Words
    next_step: NextStep


class SeenMembers(Told, frozen=True):
    """What of the members may be another than at the last look; nobody is answered so."""

    figures: list[MemberFigures]
    urgent: list[Attention]


class Members(Told, frozen=True):
    """What the circle does for this owner."""

    objects: int
    survives: Annotated[int, msgspec.Meta(description="The least that any object survives, in devices.")]
    words: Words
    last_audit: Ago
    last_backup: Ago
    members: Annotated[list[MemberFigures], msgspec.Meta(description="All but this device.")]
    attention: Annotated[list[Attention], msgspec.Meta(description="The gravest first; empty: all is well.")]


class KeptFor(Told, frozen=True):
    """What one member keeps on this device."""

    owner_id: Hex
    fragments: int
    bytes: int


class Scrub(Told, frozen=True):
    """How far the reading of everything that is kept here is."""

    running: bool
    read_bytes: int
    total_bytes: int
    damaged_fragments: Annotated[int, msgspec.Meta(description="Found in this round.")]
    last_ended: Ago
    last_damaged_fragments: Annotated[int, msgspec.Meta(description="Found in the round that ended last.")]


class Keeping(Told, frozen=True):
    """What this device keeps for the others."""

    offer_bytes: Annotated[int, msgspec.Meta(description="What it gives to the circle.")]
    used_bytes: int
    disk_free_bytes: int
    refusing: Annotated[str, msgspec.Meta(description="Why it takes nothing new, in words; or empty.")]
    damaged_fragments: Annotated[
        int, msgspec.Meta(description="Damaged here, and not healed by their owners yet.")
    ]
    owners: list[KeptFor]
    scrub: Scrub
    attention: list[Attention]
    refusing_reason: Annotated[
        str,
        msgspec.Meta(
            description="The same for programs: CIRCLE_UNKNOWN, NO_CIRCLE, DEVICE_LEAVING, DEVICE_EXPELLED,"
            " DEVICE_COMPROMISED, DISK_FULL or OFFER_USED; or empty."
        ),
    ] = ""
