"""Proposals that wait for signatures: what one is, and how many have room.

Rules:
* What this device proposes has room of its own: nobody else's can take it.
* Somebody else has one proposal for each member and state; the newest takes the place of the one before.
* Each other admin has room for a few, and so have all together who are no admins: they propose to leave only.
  The newest takes the place of the oldest, so that what the admins chose meanwhile can always be heard.
* What was signed here, or accepted for a ballot, stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.roster import MemberState, Roster
from piccolo_formats.signed import Signed, open_signed

from piccolo_attestation.core import joining, kept, proposals
from piccolo_attestation.core.joining import Joiner
from piccolo_attestation.core.judging import judged
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.ports import Evidence

_OWN = 64
_OF_ANOTHER = 16


@dataclass(frozen=True, slots=True)
class Proposal:
    """A roster that may follow the one in force.

    Attributes:
        roster: signed by the attestation role key of the device that proposes it.
        evidence: the same, with what it follows from, as it travels.
        joiner: who comes in; None for a removal.
        mine: whether this device proposed it.
        signature: Signed("roster") by this owner's admin key; None while the vault has not signed.
    """

    roster: Signed[Roster]
    evidence: Evidence
    joiner: Joiner | None
    mine: bool
    signature: Signed[Roster] | None = None

    @property
    def hash(self) -> bytes:
        """The proposed roster's hash."""
        return self.roster.record_hash()


def added(
    waiting: Iterable[Proposal], new: Proposal, trusted: TrustedCircle, accepted: bytes
) -> dict[bytes, Proposal]:
    """What waits once `new` has come, by hash; `accepted` is the hash of what was accepted for a ballot.

    Raises PiccoloError EXHAUSTED, TOO_MANY_PROPOSALS.
    """
    known = {each.hash: each for each in waiting}
    if new.hash in known:
        return known | {new.hash: new}
    most = _OWN if new.mine else _OF_ANOTHER
    room, about = _room(trusted, new), _about(trusted, new)
    same = [each for each in known.values() if _room(trusted, each) == room]
    loose = [each for each in same if not (each.mine or each.signature or each.hash == accepted)]
    gone = [each for each in loose if _about(trusted, each) == about]
    gone = gone or loose[: max(0, len(same) + 1 - most)]
    if len(same) - len(gone) >= most:
        raise too_many()
    for each in gone:
        del known[each.hash]
    return known | {new.hash: new}


def too_many() -> PiccoloError:
    """There is no room for another proposal now."""
    return PiccoloError(
        Kind.EXHAUSTED, "TOO_MANY_PROPOSALS", "Too many roster changes wait; sign some of them first."
    )


def _room(trusted: TrustedCircle, proposal: Proposal) -> bytes:
    """Whose room a proposal takes: an admin's; nobody's for those of all others; this device's own."""
    if proposal.mine:
        return b"mine"
    proposer = proposals.find_proposer(trusted, proposal.roster)
    member = trusted.head.record.member(proposer) if proposer else None
    return member.owner if member and member.admin else b""


def _about(trusted: TrustedCircle, proposal: Proposal) -> tuple[bytes | None, bytes, MemberState] | None:
    member = proposals.subject(trusted, proposal.roster.record)
    return (proposals.find_proposer(trusted, proposal.roster), member.owner, member.state) if member else None


def packed(proposal: Proposal) -> kept.Proposal:
    """A proposal as it is kept."""
    return kept.Proposal(
        roster=proposal.evidence.roster,
        acceptance=proposal.evidence.acceptance,
        invitation=proposal.evidence.invitation,
        mine=proposal.mine,
        signature=proposal.signature.to_bytes() if proposal.signature else b"",
    )


def unpacked(kept_: kept.Proposal) -> Proposal:
    """A proposal that was kept."""
    with judged("A proposal in the state folder"):
        signed = open_signed(Roster, kept_.roster)
        signature = open_signed(Roster, kept_.signature) if kept_.signature else None
    joiner = joining.open_acceptance(joining.unsealed(kept_.acceptance)) if kept_.acceptance else None
    evidence = Evidence(kept_.roster, kept_.acceptance, kept_.invitation)
    return Proposal(signed, evidence, joiner, kept_.mine, signature)
