"""The circle, invitations and proposals as the wire shows them."""

from __future__ import annotations

from collections.abc import Iterable

from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import invitation_pb2
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.roster import MemberState

from piccolo_attestation.core import bundle
from piccolo_attestation.core.view import Admission, CircleView, Member
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.invitations import Listed
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.engine.waiting import Proposal

# Evidence is judged with a TPM; without one a verdict is never anything else.
UNATTESTED = "unattested"

STATES = {
    MemberState.ACTIVE: pb.MEMBER_STATE_ACTIVE,
    MemberState.LEAVING: pb.MEMBER_STATE_LEAVING,
    MemberState.EXPELLED: pb.MEMBER_STATE_EXPELLED,
    MemberState.COMPROMISED: pb.MEMBER_STATE_COMPROMISED,
}


def state_of(state: int) -> MemberState:
    """A member state off the wire."""
    for ours, theirs in STATES.items():
        if int(theirs) == state:
            return ours
    raise PiccoloError(Kind.INVALID, "REQUEST_INVALID", "The request names no state of a member.")


def circle_to_wire(circle: Circle, view: CircleView, invited: Iterable[Admission]) -> pb.Circle:
    """The circle, with the invitations of this device among the admissions."""
    return pb.Circle(
        circle_id=view.circle,
        epoch=view.epoch,
        roster_hash=view.roster_hash,
        roster=view.roster,
        members=[_member(circle, member) for member in view.members],
        admissions=[_admission(each) for each in (*view.admissions, *invited)],
        at_risk=view.policy.at_risk,
        attestation_policy=view.policy.attestation.value,
        bundle=bundle.encode(circle.trusted.records()),
        frozen=view.frozen,
        owner_id=circle.owner,
        unheard=circle.unheard,
        fenced=circle.fenced,
        alarms=[each.words for each in view.alarms],
        alarm_facts=[
            pb.Alarm(reason=each.reason, member=each.member, generation=each.generation)
            for each in view.alarms
        ],
        successors=[each.to_bytes() for each in circle.trusted.roots],
    )


def _member(circle: Circle, member: Member) -> pb.Member:
    return pb.Member(
        owner_id=member.owner,
        number=member.number,
        name=member.name,
        state=STATES[member.state],
        admin=member.admin,
        endpoints=member.endpoints,
        offer_bytes=member.offer,
        generation=member.generation,
        server_certificate=member.server_certificate,
        device=member.device,
        invited_by=member.invited_by or b"",
        verdict=UNATTESTED,
        heard=circle.heard.get(member.owner, 0),
        self=member.owner == circle.owner,
        claim=member.claim,
        root=member.root,
        continues=member.continues,
        replaced=[each.device.to_bytes() for each in circle.trusted.replaced(member.owner)],
    )


def _admission(admission: Admission) -> pb.Admission:
    return pb.Admission(
        certificate=admission.certificate,
        owner_id=admission.owner,
        kind=admission.kind,
        role=admission.role,
        generation=admission.generation,
        state=STATES[admission.state] if admission.state else pb.MEMBER_STATE_UNSPECIFIED,
        replaced=admission.replaced,
    )


def invitation_to_wire(listed: Listed) -> invitation_pb2.Invitation:
    """An invitation as its maker sees it."""
    return invitation_pb2.Invitation(
        invitation_id=listed.id,
        note=listed.note,
        expires=listed.expires,
        state=listed.state,
        owner_id=listed.owner or b"",
    )


def proposals_to_wire(proposals: Proposals) -> list[pb.Proposal]:
    """What the vault is asked to sign."""
    return [_proposal(proposals, each) for each in proposals.listing()]


def _proposal(proposals: Proposals, proposal: Proposal) -> pb.Proposal:
    change = proposals.change(proposal)
    return pb.Proposal(
        roster_hash=proposal.hash,
        roster=proposals.with_signature(proposal).to_bytes(),
        change=change.words,
        acceptance=proposal.evidence.acceptance,
        invited=proposal.joiner is not None,
        wanted=proposals.wanted(proposal),
        needs_consent=proposal.joiner is None and not proposals.is_renewal(proposal),
        invitation=proposal.evidence.invitation,
        kind=change.kind,
        member=change.member,
    )
