"""Which roster may follow which, and whose signatures put it in force.

Rules:
* Epoch 1 names one member, number 0, active, the only admin, and is signed by its admin key.
* Epoch n+1 names n's hash and is signed by a majority of n's admins. Where the admins are lost, two thirds of
  the owner roots of n's active members do as well.
* Nobody vanishes: every member of n is in n+1 with the same number and owner. New members get numbers above
  all that were ever given.
* A newcomer is named after its root. A member's root, enrolment certificate and admin key change only
  together, and only where successors lead from the old root to the new one (`roots`): its owner has new
  words.
* An enrolment certificate is of the one form that the format allows, and nobody else's. Who is not active is
  no admin.
"""

from __future__ import annotations

from collections.abc import Iterable

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.kek import owner_id
from piccolo_formats.records.roster import Member, MemberState, Roster
from piccolo_formats.signed import Signed, open_signed
from piccolo_formats.tls import check_certificate

from piccolo_attestation.core.bundle import Entry
from piccolo_attestation.core.judging import forged, judged, out_of_order
from piccolo_attestation.core.roots import Roots


def check_first(signed: Signed[Roster]) -> None:
    """Raises PiccoloError (RECORD_FORGED, ROSTER_WRONG) unless this is a circle's first roster."""
    roster = signed.record
    if roster.epoch != 1:
        raise _wrong("A circle begins with epoch 1.")
    founder = roster.members[0]
    if len(roster.members) != 1 or founder.number != 0 or founder.state is not MemberState.ACTIVE:
        raise _wrong("A circle begins with one active member, number 0.")
    _check_members(roster, known=frozenset())
    _check_name(founder)
    if founder.admin not in signed.signers:
        raise forged("The first roster is not signed by its only admin.")


def first_of(entries: Iterable[Entry]) -> bytes:
    """The first roster among a bundle's records; others may have signed it too, and left junk beside it.

    Raises PiccoloError RECORD_EARLY when there is none, or more than one.
    """
    found: dict[bytes, bytes] = {}
    for entry in entries:
        if entry.place[:2] == (0, 1) and entry.hash not in found and _is_first(entry.data):
            found[entry.hash] = entry.data
    if len(found) != 1:
        raise out_of_order("The circle bundle must hold exactly one roster of epoch 1.")
    return next(iter(found.values()))


def _is_first(data: bytes) -> bool:
    try:
        check_first(open_signed(Roster, data))
    except (FormatError, PiccoloError):
        return False
    return True


def check_next(previous: Signed[Roster], signed: Signed[Roster], roots: Roots) -> None:
    """Raises PiccoloError unless `signed` follows `previous`: RECORD_EARLY, ROSTER_WRONG or RECORD_FORGED."""
    _check_place(previous, signed.record)
    if wanted := signatures_wanted(previous.record, signed.signers):
        raise forged(
            f"The roster of epoch {signed.record.epoch} lacks {wanted} signature{'s' if wanted > 1 else ''} "
            f"of the admins of epoch {previous.record.epoch}."
        )
    check_change(previous, signed.record, roots)  # last: what it rests on costs more than to count signatures


def check_change(previous: Signed[Roster], roster: Roster, roots: Roots) -> None:
    """Raises PiccoloError RECORD_EARLY or ROSTER_WRONG unless `roster` may follow, whoever signs it."""
    _check_place(previous, roster)
    before = previous.record
    _check_members(roster, known=frozenset(member.enrol for member in before.members))
    for old in before.members:
        _check_kept(old, roster.member(old.owner), roots)
    for new in roster.members[len(before.members) :]:
        if before.member(new.owner):
            raise _wrong("The roster gives a member another number.")
        _check_name(new)


def _check_place(previous: Signed[Roster], roster: Roster) -> None:
    before = previous.record
    if roster.circle != before.circle:
        raise _wrong("The roster is of another circle.")
    if roster.epoch != before.epoch + 1 or roster.previous != previous.record_hash():
        raise out_of_order(
            f"The roster of epoch {roster.epoch} does not follow the one of epoch {before.epoch} known here."
        )


def signatures_wanted(roster: Roster, signers: frozenset[bytes]) -> int:
    """How many signatures of admins are missing before the next roster is in force; 0: none."""
    roots = {member.root for member in roster.members if member.state is MemberState.ACTIVE}
    if 3 * len(signers & roots) >= 2 * len(roots):
        return 0
    return max(0, majority(len(roster.admins())) - len(signers & roster.admins()))


def majority(count: int) -> int:
    """More than half of so many."""
    return count // 2 + 1


def _check_members(roster: Roster, *, known: frozenset[bytes]) -> None:
    """`known` are the enrolment certificates that were checked with an earlier roster."""
    for member in roster.members:
        if member.admin is not None and member.state is not MemberState.ACTIVE:
            raise _wrong(f"Member {member.number} is an admin and not active.")
        if member.enrol not in known:
            with judged("The roster"):
                check_certificate(member.enrol)
    if len({member.enrol for member in roster.members}) != len(roster.members):
        raise _wrong("Two members have the same enrolment certificate.")


def _check_name(newcomer: Member) -> None:
    if owner_id(newcomer.root) != newcomer.owner:
        raise _wrong(f"Member {newcomer.number} is not named after its owner root.")


def _check_kept(old: Member, new: Member | None, roots: Roots) -> None:
    if new is None:
        raise _wrong(f"Member {old.number} is missing in the next roster.")
    if old.number != new.number:
        raise _wrong(f"Member {old.number} has another number.")
    if old.root != new.root:
        if not roots.proof(old.owner, old.root, new.root):
            raise out_of_order(f"Nothing known here leads to the new root of member {old.number}.")
        return
    if old.enrol != new.enrol:
        raise _wrong(f"Member {old.number} has another enrolment certificate.")
    if old.admin is not None and new.admin not in (old.admin, None):
        raise _wrong(f"Member {old.number} has another admin key.")


def _wrong(message: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "ROSTER_WRONG", message)
