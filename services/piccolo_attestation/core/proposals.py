"""The next roster: who comes in, who goes, who is an admin.

Rules:
* A proposal changes one thing, and anybody can make it again from the roster in force and what it follows
  from: so an admin's device checks a proposal by making it, and comparing.
* Numbers are given once: a newcomer gets the one above the highest. Who comes back keeps its own.
* **Admins:** the founder; then those who join become admins until there are three. When an admin goes, the
  longest-standing active member whose device is known takes the place. So a circle of three or more has three
  admins, and needs two of them for a change; in a circle of two both must agree.
* Leaving is the member's own wish or an admin's; expelling and cutting off are the admins'. The last admin
  cannot go, for nobody could sign anything afterwards.
* Cut off as compromised is the device that is known now; the owner root may bring a device of the next
  generation (`recovered`).
* Where an owner has new words, the roster follows: it names the root in force, and the admin and enrolment
  keys that the owner's device names under it. That is proposed and signed without a person, as an admission
  is. It follows nobody who was expelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.roster import Member, MemberState, Roster
from piccolo_formats.signed import Signed

from piccolo_attestation.core import joining, judging, succession
from piccolo_attestation.core.joining import Joiner
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import standing

ADMINS = 3
# Nobody gets a certificate back by being removed in a milder way.
_SEVERITY = (MemberState.ACTIVE, MemberState.LEAVING, MemberState.EXPELLED, MemberState.COMPROMISED)
_KINDS = {
    MemberState.LEAVING: "LEAVES",
    MemberState.EXPELLED: "EXPELLED",
    MemberState.COMPROMISED: "COMPROMISED",
}
_WORDS = {
    "JOINS": "{} joins the circle.",
    "RETURNS": "{} comes back to the circle.",
    "LEAVES": "{} leaves the circle.",
    "EXPELLED": "{} is expelled.",
    "COMPROMISED": "{} is cut off as compromised.",
    "NEW_WORDS": "{} has new words.",
    "NOTHING": "Nothing changes.",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposal changes, and the name of whom it is about: a kind is a key of `_WORDS`."""

    kind: str
    member: str = ""

    @property
    def words(self) -> str:
        """The same as a sentence."""
        return _WORDS[self.kind].format(self.member)


def admit(circle: TrustedCircle, joiner: Joiner, inviter: bytes, now: int) -> Roster:
    """The roster that lets a joiner in; `now` in seconds since 1970. Raises as `joining.check_joiner`."""
    joining.check_joiner(circle, joiner)
    before, device = circle.head.record, joiner.device.record
    old = before.member(device.owner)
    newcomer = Member(
        number=old.number if old else before.members[-1].number + 1,
        owner=device.owner,
        root=device.root,
        admin=device.admin if len(before.admins()) < ADMINS else None,
        enrol=device.enrol,
        state=MemberState.ACTIVE,
        since=now,
        invited_by=inviter,
        recovered=0,
    )
    others = (member for member in before.members if member.owner != device.owner)
    return _next(circle, (*others, newcomer))


def remove(circle: TrustedCircle, owner: bytes, state: MemberState, now: int) -> Roster:
    """The roster that puts a member into another state; `now` in seconds since 1970.

    Raises PiccoloError NOT_FOUND (NO_SUCH_MEMBER), CONFLICT (MEMBER_GONE) or PRECONDITION (LAST_ADMIN).
    """
    before = circle.head.record
    member = before.member(owner)
    if member is None:
        raise PiccoloError(Kind.NOT_FOUND, "NO_SUCH_MEMBER", "The circle has no such member.")
    holders = circle.holders(owner)
    generation = holders[0].device.record.generation if holders else 0
    present = standing(member, generation)
    if _SEVERITY.index(state) <= _SEVERITY.index(present):
        raise PiccoloError(Kind.CONFLICT, "MEMBER_GONE", f"The member is {present} already.")
    recovered = generation + 1 if state is MemberState.COMPROMISED else 0
    gone = replace(member, state=state, admin=None, since=now, recovered=recovered)
    members = tuple(gone if each.owner == owner else each for each in before.members)
    return _next(circle, _promoted(circle, members))


def renewals(circle: TrustedCircle) -> list[bytes]:
    """The owners whose new root, and the device under it, the roster does not name yet."""
    return [each.owner for each in circle.head.record.members if _renewed(circle, each) is not None]


def renew(circle: TrustedCircle, owner: bytes) -> Roster:
    """The roster that names an owner's new keys. Raises PiccoloError CONFLICT (NOTHING_NEW)."""
    before = circle.head.record
    member = before.member(owner)
    new = _renewed(circle, member) if member else None
    if new is None:
        raise PiccoloError(
            Kind.CONFLICT, "NOTHING_NEW", "The roster names the newest keys of this owner that are known."
        )
    return _next(circle, tuple(new if each.owner == owner else each for each in before.members))


def renewal_of(circle: TrustedCircle, proposed: Roster) -> bytes | None:
    """The owner whose root a proposal changes; None when it changes nobody's."""
    before = circle.head.record
    changed = (
        each for each in proposed.members if (old := before.member(each.owner)) and old.root != each.root
    )
    return next((each.owner for each in changed), None)


def check_renewal(circle: TrustedCircle, proposed: Roster, owner: bytes) -> None:
    """Raises PiccoloError PROPOSAL_WRONG unless the proposal names an owner's new keys and does nothing else.

    What is not known here yet is EPOCH_MOVED: one of the two devices is behind.
    """
    try:
        wanted = renew(circle, owner)
    except PiccoloError as early:
        raise joining.epoch_moved() from early
    if proposed != wanted:
        raise _wrong()


def check_admission(circle: TrustedCircle, proposed: Roster, joiner: Joiner, inviter: bytes) -> None:
    """Raises PiccoloError PROPOSAL_WRONG unless the proposal lets this joiner in and does nothing else."""
    owner = joiner.owner
    _check_same(circle, proposed, owner, lambda since: admit(circle, joiner, inviter, since))


def removal_of(circle: TrustedCircle, proposed: Roster) -> tuple[bytes, MemberState]:
    """Whom a proposal removes, and how. Raises PiccoloError PROPOSAL_WRONG when it does anything else."""
    before = circle.head.record
    changed = [member for member in proposed.members if _moved(before.member(member.owner), member)]
    if len(changed) != 1 or changed[0].state is MemberState.ACTIVE:
        raise _wrong()
    owner, state = changed[0].owner, changed[0].state
    _check_same(circle, proposed, owner, lambda since: remove(circle, owner, state, since))
    return owner, state


def describe(circle: TrustedCircle, proposed: Roster, name: str = "") -> Change:
    """What a proposal changes; `name` is that of a joiner, whom the circle does not know yet."""
    member = subject(circle, proposed)
    if member is None:
        return Change("NOTHING")
    old = circle.head.record.member(member.owner)
    if _moved(old, member):
        kind = _KINDS.get(member.state, "JOINS" if old is None else "RETURNS")
        return Change(kind, name or _name(circle, member))
    return Change("NEW_WORDS", _name(circle, member))


def subject(circle: TrustedCircle, proposed: Roster) -> Member | None:
    """Whom a proposal is about, as it would have it; None when nothing changes."""
    before = circle.head.record
    for member in proposed.members:
        old = before.member(member.owner)
        if old is None or _moved(old, member) or old.root != member.root:
            return member
    return None


def not_admin(message: str) -> PiccoloError:
    """Somebody without the right asked for a roster change."""
    return PiccoloError(Kind.DENIED, "NOT_ADMIN", message)


def proposer(trusted: TrustedCircle, signed: Signed[Roster]) -> bytes:
    """The owner whose device signed the proposal as its maker. Raises PiccoloError DENIED, NOT_ADMIN."""
    owner = find_proposer(trusted, signed)
    if owner is None:
        raise not_admin("The proposal is not signed by the device of a member.")
    return owner


def find_proposer(trusted: TrustedCircle, signed: Signed[Roster]) -> bytes | None:
    """The same; None when it was no member's device that is in force."""
    for member in trusted.head.record.members:
        for holder in trusted.holders(member.owner):
            if holder.device.record.signing.attestation in signed.signers:
                return member.owner
    return None


def check_admins(trusted: TrustedCircle, *owners: bytes) -> None:
    """Raises PiccoloError DENIED (NOT_ADMIN) unless all are admins by the roster in force."""
    for owner in owners:
        member = trusted.head.record.member(owner)
        if member is None or member.admin is None:
            raise not_admin("Only the devices of admins propose this change.")


def _moved(old: Member | None, new: Member) -> bool:
    return old is None or (old.state, old.recovered) != (new.state, new.recovered)


def _renewed(circle: TrustedCircle, member: Member) -> Member | None:
    """The member's entry with its new keys; None when they are not new, or not told by its device yet."""
    root = circle.root(member.owner)
    holders = circle.holders(member.owner)
    device = holders[0].device.record if holders else None
    if root is None or root == member.root or device is None or device.root != root:
        return None
    if member.state is MemberState.EXPELLED:
        return None
    return replace(member, root=root, admin=device.admin if member.admin else None, enrol=device.enrol)


def _name(circle: TrustedCircle, member: Member) -> str:
    holders = circle.holders(member.owner)
    return holders[0].name if holders else f"Member {member.number}"


def _next(circle: TrustedCircle, members: tuple[Member, ...]) -> Roster:
    if circle.frozen_epoch:
        raise judging.frozen(circle.frozen_epoch)
    before = circle.head.record
    if not any(member.admin for member in members):
        raise PiccoloError(
            Kind.PRECONDITION,
            "LAST_ADMIN",
            "This is the circle's last admin; it can go when another member has become one.",
        )
    roster = Roster(
        circle=before.circle,
        epoch=before.epoch + 1,
        previous=circle.head.record_hash(),
        policy=before.policy,
        members=tuple(sorted(members, key=lambda member: member.number)),
    )
    succession.check_change(circle.head, roster, circle.roots)
    return roster


def _promoted(circle: TrustedCircle, members: tuple[Member, ...]) -> tuple[Member, ...]:
    result = list(members)
    for place, member in enumerate(members):
        holders = circle.holders(member.owner)
        if sum(each.admin is not None for each in result) >= ADMINS:
            break
        settled = circle.root(member.owner) == member.root
        if member.state is MemberState.ACTIVE and member.admin is None and holders and settled:
            result[place] = replace(member, admin=holders[0].device.record.admin)
    return tuple(result)


def _check_same(circle: TrustedCircle, proposed: Roster, owner: bytes, make: Callable[[int], Roster]) -> None:
    if proposed.previous != circle.head.record_hash():
        raise joining.epoch_moved()
    member = proposed.member(owner)
    if member is None or make(member.since) != proposed:
        raise _wrong()


def _wrong() -> PiccoloError:
    return PiccoloError(
        Kind.DENIED, "PROPOSAL_WRONG", "The proposed roster changes other things than it says."
    )
