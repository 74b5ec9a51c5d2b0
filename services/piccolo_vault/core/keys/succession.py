"""A device's step to a new generation: the draft, what a keeper's answer means, how many are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_formats.device_record import open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.records.generations import Claim, Promise
from piccolo_formats.signed import open_signed

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.keys.records import SuccessionJournal

if TYPE_CHECKING:
    from piccolo_formats.records.device import Device
    from piccolo_formats.signed import Signed

    from piccolo_vault.core.circle import Circle, Member
    from piccolo_vault.core.keys.records import OwnerRecord


@dataclass(frozen=True, slots=True)
class Draft:
    """A certificate and its claim, as they are shown to keepers. `promised`: a majority said yes."""

    device: Signed[Device]
    claim: Signed[Claim]
    promised: bool = False

    @property
    def generation(self) -> int:
        """The generation that is claimed."""
        return self.device.record.generation

    def journal(self) -> SuccessionJournal:
        """Returns what is kept of it."""
        return SuccessionJournal(
            device=self.device.to_bytes(), claim=self.claim.to_bytes(), promised=self.promised
        )


def read_draft(content: bytes, owner: OwnerRecord) -> Draft | None:
    """Returns a draft that was kept; None, so that a new one is made, when it is foreign or unreadable."""
    try:
        journal = SuccessionJournal.from_record(content)
        device = open_device(journal.device, owner.root)
        claim = open_signed(Claim, journal.claim, required=[owner.root])
    except FormatError:
        return None
    if device.record.owner != owner.owner or claim.record.device != device.record_hash():
        return None
    return Draft(device, claim, journal.promised)


def judge_promise(promise: bytes, member: Member, draft: Draft) -> bool:
    """Whether the bytes are this keeper's promise to this very device."""
    try:
        said = open_signed(Promise, promise, required=[member.receipt_key]).record
    except FormatError:
        return False
    device = draft.device.record
    return (said.circle, said.keeper, said.owner, said.generation, said.device) == (
        device.circle,
        member.owner_id,
        device.owner,
        device.generation,
        draft.device.record_hash(),
    )


def judge_rival(fenced_by: bytes, owner: OwnerRecord, draft: Draft) -> int:
    """Returns the generation that another device of this owner claimed, when it bars this one; else 0."""
    rival = read_claim(fenced_by, owner)
    if rival is None or rival.device == draft.device.record_hash():
        return 0
    return rival.generation if rival.generation >= draft.generation else 0


def read_claim(claim: bytes, owner: OwnerRecord) -> Claim | None:
    """Returns a claim that this owner's root signed, None for anything else: a keeper could make it up."""
    try:
        said = open_signed(Claim, claim, required=[owner.root]).record
    except FormatError:
        return None
    return said if said.owner == owner.owner else None


def electorate(circle: Circle) -> tuple[Member, ...]:
    """Returns the other members that can be asked for a promise that counts."""
    return tuple(m for m in circle.members if m.standing in (Standing.ACTIVE, Standing.LEAVING))


def wanted_promises(voters: int) -> int:
    """Returns how many promises are a majority; none are needed where nobody else is."""
    return voters // 2 + 1 if voters else 0
