"""Which roster changes this owner's admin key signs: judged once more, from the records alone.

Attestation judges them first, but it is the process that strangers reach; so nothing that it says is taken on
its word here.

Rules:
* The roster follows the one in force: same circle, next epoch, its hash, same policy; nobody vanishes, nobody
  gets another number or owner, and no key is anybody's else. A root, and with it the enrolment certificate
  and the admin key, changes only where successors lead from the old one to the new one.
* Without a person, only two changes are signed. The admission of exactly one member (new, or one who had
  gone), when an acceptance by a device of that member's own root, bound to the roster in force, stands
  against an invitation that an active admin's device signed. And the new keys of one member who has new
  words, when each successor is signed by both roots and by the vault of the device of its generation, and
  the keys are those that this member's device names under the new root.
* The code's MAC on the acceptance cannot be checked here: the code is known to the inviting device only,
  which checked it before it asked. That is what the admins' majority is for. Nor is the invitation's time
  judged: the inviting device did, and this owner may unlock days later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, Protocol

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import owner_id
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.joining import Acceptance, Invitation
from piccolo_formats.records.roster import Member, MemberState, Roster
from piccolo_formats.signed import open_signed
from piccolo_formats.tls import check_certificate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from piccolo_formats.records.generations import Successor
    from piccolo_formats.signed import Signed


class CircleView(Protocol):
    """What is known of the circle besides its roster."""

    @property
    def devices(self) -> Mapping[bytes, bytes]:
        """Signed device certificates, by owner_id."""

    @property
    def replaced(self) -> Mapping[bytes, tuple[bytes, ...]]:
        """The certificates before those."""

    @property
    def successors(self) -> tuple[bytes, ...]:
        """Signed successors."""


MAX_ADMINS_UNASKED = 3


def open_roster(data: bytes) -> Signed[Roster]:
    """Opens Signed("roster"); raises PiccoloError DENIED (PROPOSAL_WRONG)."""
    try:
        return open_signed(Roster, data)
    except (AuthenticationError, FormatError) as refused:
        _refuse(f"the roster cannot be believed: {refused.message}")


def check_follows(head: Signed[Roster], proposed: Signed[Roster], successors: Sequence[bytes] = ()) -> None:
    """Raises PiccoloError DENIED (PROPOSAL_WRONG) unless the proposed roster may follow the one in force."""
    before, after = head.record, proposed.record
    if (after.circle, after.epoch, after.previous) != (before.circle, before.epoch + 1, head.record_hash()):
        _refuse("it does not follow the roster in force")
    for old in before.members:
        new = after.member(old.owner)
        if new is None or new.number != old.number:
            _refuse(f"member {old.number} vanishes or is changed")
        renewed = new.root != old.root and bool(_line(old, new.root, successors))
        if not renewed and (new.root, new.enrol) != (old.root, old.enrol):
            _refuse(f"member {old.number} vanishes or is changed")
        if new.admin is not None and (
            new.state is not MemberState.ACTIVE or not (renewed or old.admin in (None, new.admin))
        ):
            _refuse(f"member {old.number} gets an admin key that it cannot have")
    for new in newcomers(before, after):
        if owner_id(new.root) != new.owner:
            _refuse(f"member {new.number} is not named after its owner root")
        if before.member(new.owner) is not None or new.number <= before.members[-1].number:
            _refuse(f"member {new.number} has a number that was given before")
        _checked_certificate(new.enrol)
    if len({member.enrol for member in after.members}) != len(after.members):
        _refuse("two members have the same enrolment certificate")


def check_admission(
    head: Signed[Roster],
    proposed: Signed[Roster],
    acceptance: bytes,
    invitation: bytes,
    devices: Mapping[bytes, bytes],
) -> Member:
    """Returns the new member; raises PiccoloError DENIED (PROPOSAL_WRONG) unless it was invited and accepted.

    `devices` maps owner_ids to their Signed device certificates as the circle knows them.
    """
    check_follows(head, proposed)
    before, after = head.record, proposed.record
    changed = [member for member in after.members if before.member(member.owner) != member]
    if len(changed) != 1 or after.policy != before.policy:
        _refuse("it does something else than admit one member")
    said, device = _accepted(acceptance, before.circle)
    invited = _invited(invitation, before, devices)
    if (said.invitation_id, said.roster) != (invited.invitation_id, head.record_hash()):
        _refuse("the acceptance answers another invitation, or was made for another roster")
    old = before.member(changed[0].owner)
    if old is not None and old.state is MemberState.ACTIVE:
        _refuse("it changes an active member")
    _check_newcomer(changed[0], device, invited, len(before.admins()))
    return changed[0]


def check_renewal(head: Signed[Roster], proposed: Signed[Roster], view: CircleView) -> Member:
    """Returns the member whose new keys the proposal names; raises PiccoloError DENIED (PROPOSAL_WRONG).

    What proves it (successors, devices) is taken from the view and judged here.
    """
    check_follows(head, proposed, view.successors)
    before, after = head.record, proposed.record
    changed = [member for member in after.members if before.member(member.owner) != member]
    old = before.member(changed[0].owner) if changed else None
    if len(changed) != 1 or old is None or after.policy != before.policy:
        _refuse("it does something else than name one member's new keys")
    new, line = changed[0], _line(old, changed[0].root, view.successors)
    device = _vouched(view, new.owner, new.root, line)
    admin = device.admin if old.admin is not None else None
    if new != replace(old, root=device.root, enrol=device.enrol, admin=admin):
        _refuse("the new keys are not those that the member's device names")
    return new


def _vouched(view: CircleView, owner: bytes, root: bytes, line: Sequence[Signed[Successor]]) -> Device:
    """The member's device under the new root, after each successor was seen to be its device's word."""
    known = [view.devices.get(owner, b""), *view.replaced.get(owner, ())]
    try:
        for step in line:
            said = step.record
            makers = [each for each in map(_device_of, known) if each.generation == said.generation]
            if not any(m.root == said.old_root and m.signing.vault in step.signers for m in makers):
                _refuse("a successor is not the word of its owner's device")
        return open_device(known[0], root).record
    except (AuthenticationError, FormatError) as refused:
        _refuse(f"the member's devices cannot be believed: {refused.message}")


def _device_of(data: bytes) -> Device:
    root = open_signed(Device, data).record.root
    return open_device(data, root).record


def _line(old: Member, root: bytes, successors: Sequence[bytes]) -> Sequence[Signed[Successor]]:
    """The successors that lead from a member's root to another; none when they do not."""
    try:
        chain = follow(old.owner, old.root, [open_successor(each) for each in successors])
    except (AuthenticationError, FormatError) as refused:
        _refuse(f"a successor cannot be believed: {refused.message}")
    ends = [number for number, step in enumerate(chain, 1) if step.record.new_root == root]
    return chain[: ends[0]] if ends else ()


def newcomers(before: Roster, after: Roster) -> tuple[Member, ...]:
    """Returns the members whom the earlier roster does not have."""
    known = {member.number for member in before.members}
    return tuple(member for member in after.members if member.number not in known)


def _accepted(acceptance: bytes, circle: bytes) -> tuple[Acceptance, Device]:
    try:
        match cbor.decode(acceptance):
            case [bytes() as record, bytes()]:
                said = Acceptance.from_record(record)
            case _:
                _refuse("there is no acceptance")
        device = open_device(said.device).record
        presence = open_signed(Presence, said.presence, required=[device.signing.attestation]).record
    except (AuthenticationError, FormatError) as refused:
        _refuse(f"the acceptance cannot be believed: {refused.message}")
    if (presence.owner, presence.circle, presence.generation) != (device.owner, circle, device.generation):
        _refuse("the acceptance's presence is another device's")
    if device.circle != circle:
        _refuse("the acceptance is for another circle")
    return said, device


def _invited(invitation: bytes, roster: Roster, devices: Mapping[bytes, bytes]) -> Invitation:
    try:
        invited = open_signed(Invitation, invitation)
        by = roster.member(invited.record.by)
        if by is None or by.admin is None or by.state is not MemberState.ACTIVE:
            _refuse("who invited is no admin")
        device = open_device(devices.get(by.owner, b""), by.root).record
        invited.require(device.signing.attestation)
    except (AuthenticationError, FormatError) as refused:
        _refuse(f"the invitation cannot be believed: {refused.message}")
    if invited.record.circle != roster.circle or device.circle != roster.circle:
        _refuse("the invitation is into another circle")
    return invited.record


def _check_newcomer(member: Member, device: Device, invited: Invitation, admins: int) -> None:
    if (member.owner, member.root, member.enrol) != (device.owner, device.root, device.enrol):
        _refuse("the new member is not the one who accepted")
    if (member.state, member.recovered, member.invited_by) != (MemberState.ACTIVE, 0, invited.by):
        _refuse("the new member's entry is not that of somebody who was just invited")
    if member.admin is not None and (member.admin != device.admin or admins >= MAX_ADMINS_UNASKED):
        _refuse("the new member becomes an admin, which a person has to decide")


def _checked_certificate(der: bytes) -> None:
    try:
        check_certificate(der)
    except (AuthenticationError, FormatError) as refused:
        _refuse(f"an enrolment certificate cannot be believed: {refused.message}")


def _refuse(why: str) -> NoReturn:
    raise PiccoloError(Kind.DENIED, "PROPOSAL_WRONG", f"The proposed roster was not signed: {why}.")
