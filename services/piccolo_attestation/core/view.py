"""The circle as the rest of the device sees it: members, and whose certificate may call the peers' port.

Rules:
* Members are those of the roster in force. A member without a known device has no addresses and no keys.
* One whose device has not spoken yet is looked for where the device before it said it was; who answers there
  must show the certificate of the device in force.
* A member cut off as compromised acts again with a device of the generation from which on the roster lets it
  (`recovered`): the words vouch for that one, not for the one that was lost.
* An owner's enrolment certificate is the roster's; once its root was succeeded, that which its device names
  under the new one. The words that were replaced get in nowhere.
* Admitted are, by exact certificate: every owner's enrolment certificate, and the vault and attestation
  certificates of devices in force, except those cut off. What each may do is the port's to decide, by `kind`,
  `role` and `state`.
* The certificates of a device that was replaced stay admitted, as `replaced`: by them it hears who took over,
  whatever it tries. It may get what is its owner's, and do nothing else.
* A certificate acts for one owner. When two name the same, the roster's word (enrolment) comes before a
  device's, and a longer-standing member before a newer one; the other gets an alarm, not the admission: else
  a member could have another's calls counted as its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from piccolo_formats.records.device import Device
from piccolo_formats.records.roster import Member as RosterMember
from piccolo_formats.records.roster import MemberState, Policy

from piccolo_attestation.core import judging
from piccolo_attestation.core.endpoints import is_dialable
from piccolo_attestation.core.trusted_circle import TrustedCircle


@dataclass(frozen=True, slots=True)
class Member:
    """One member. `device` is Signed("device"), empty while it is not known; `claim` likewise.

    `root` is the owner root in force. `continues` is the generation whose very device goes on in this one
    under new words; 0: this is another device.
    """

    owner: bytes
    number: int
    name: str
    state: MemberState
    admin: bool
    invited_by: bytes | None
    endpoints: tuple[str, ...] = ()
    offer: int = 0
    generation: int = 0
    certificate: Device | None = None
    device: bytes = b""
    claim: bytes = b""
    root: bytes = b""
    continues: int = 0

    @property
    def server_certificate(self) -> bytes:
        """DER of the certificate that its fragment-store shows; empty while its device is not known."""
        return self.certificate.tls.fragment_store if self.certificate else b""


@dataclass(frozen=True, slots=True)
class Admission:
    """A certificate that may call the peers' port."""

    certificate: bytes
    kind: str
    owner: bytes
    role: str = ""
    generation: int = 0
    state: MemberState | None = None
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about the member of that number that somebody should look at.

    Attributes:
        reason: DEVICE_TWICE (two devices claim to be one generation) or CERTIFICATE_TWICE.
        generation: the one that is claimed twice; else 0.
    """

    reason: str
    member: int
    generation: int = 0

    @property
    def words(self) -> str:
        """The same as a sentence."""
        if self.generation:
            return f"Two devices claim to be generation {self.generation} of member {self.member}."
        return f"Member {self.member} names a certificate that is another member's."


@dataclass(frozen=True, slots=True)
class CircleView:
    """The circle at one moment. `roster` is Signed("roster"): whose signatures it has may differ by
    device."""

    circle: bytes
    epoch: int
    roster_hash: bytes
    policy: Policy
    members: tuple[Member, ...]
    admissions: tuple[Admission, ...]
    frozen: str
    alarms: tuple[Alarm, ...]
    roster: bytes = field(compare=False)

    def member(self, owner: bytes) -> Member | None:
        """The member of that owner_id, in whatever state."""
        return next((member for member in self.members if member.owner == owner), None)


def view_of(circle: TrustedCircle) -> CircleView:
    """The view that a circle's records amount to."""
    roster = circle.head.record
    admissions, doubles = _unambiguous(circle)
    numbers = {member.owner: member.number for member in roster.members}
    alarms = [Alarm("DEVICE_TWICE", numbers[owner], generation) for owner, generation in _twins(circle)]
    alarms += [Alarm("CERTIFICATE_TWICE", numbers[owner]) for owner in doubles]
    return CircleView(
        circle=circle.circle_id,
        epoch=roster.epoch,
        roster_hash=circle.head.record_hash(),
        policy=roster.policy,
        members=tuple(_member(circle, member) for member in roster.members),
        admissions=admissions,
        frozen=judging.frozen_words(circle.frozen_epoch) if circle.frozen_epoch else "",
        alarms=tuple(alarms),
        roster=circle.head.to_bytes(),
    )


def standing(member: RosterMember, generation: int) -> MemberState:
    """What a member may do with a device of that generation."""
    if member.state is MemberState.COMPROMISED and 0 < member.recovered <= generation:
        return MemberState.ACTIVE
    return member.state


def _member(circle: TrustedCircle, member: RosterMember) -> Member:
    holders, root = circle.holders(member.owner), circle.roots.newest(member)
    if not holders:
        return Member(
            owner=member.owner,
            number=member.number,
            name="",
            state=member.state,
            admin=member.admin is not None,
            invited_by=member.invited_by,
            root=root,
        )
    holder = holders[0]
    device, said = holder.device.record, circle.presence(member.owner)
    return Member(
        owner=member.owner,
        number=member.number,
        name=holder.name,
        state=standing(member, device.generation),
        admin=member.admin is not None,
        invited_by=member.invited_by,
        endpoints=tuple(filter(is_dialable, said.endpoints)) if said else (),
        offer=said.offer if said else 0,
        generation=device.generation,
        certificate=device,
        device=holder.device.to_bytes(),
        claim=holder.claim.to_bytes() if holder.claim else b"",
        root=root,
        continues=circle.roots.continued(device),
    )


def _twins(circle: TrustedCircle) -> Iterator[tuple[bytes, int]]:
    for member in circle.head.record.members:
        holders = circle.holders(member.owner)
        if len(holders) > 1:
            yield member.owner, holders[0].generation


def _unambiguous(circle: TrustedCircle) -> tuple[tuple[Admission, ...], list[bytes]]:
    """The admissions, one a certificate, and the owners who named a certificate that is another's."""
    taken: dict[bytes, Admission] = {}
    doubles: dict[bytes, None] = {}
    for admission in (*_enrolments(circle), *_new_enrolments(circle), *_devices(circle)):
        first = taken.setdefault(admission.certificate, admission)
        if first.owner != admission.owner:
            doubles[admission.owner] = None
    return tuple(taken.values()), list(doubles)


def _enrolments(circle: TrustedCircle) -> Iterator[Admission]:
    for member in circle.head.record.members:
        if circle.roots.newest(member) == member.root:
            yield _enrolment(circle, member, member.enrol)


def _new_enrolments(circle: TrustedCircle) -> Iterator[Admission]:
    for member in circle.head.record.members:
        root = circle.roots.newest(member)
        for holder in circle.holders(member.owner) if root != member.root else ():
            if holder.device.record.root == root:
                yield _enrolment(circle, member, holder.device.record.enrol)


def _enrolment(circle: TrustedCircle, member: RosterMember, certificate: bytes) -> Admission:
    holders = circle.holders(member.owner)
    generation = holders[0].generation if holders else 0
    state = standing(member, generation)
    return Admission(certificate, "enrol", member.owner, generation=generation, state=state)


def _devices(circle: TrustedCircle) -> Iterator[Admission]:
    for member in circle.head.record.members:
        for holder in circle.holders(member.owner):
            yield from _roles(member, holder.device.record, replaced=False)
        for holder in circle.replaced(member.owner):
            yield from _roles(member, holder.device.record, replaced=True)


def _roles(member: RosterMember, device: Device, *, replaced: bool) -> Iterator[Admission]:
    state = standing(member, device.generation)
    if state is MemberState.COMPROMISED:
        return
    roles = {"vault": device.tls.vault, "attestation": device.tls.attestation}
    for role, certificate in roles.items():
        yield Admission(certificate, "member", member.owner, role, device.generation, state, replaced)
