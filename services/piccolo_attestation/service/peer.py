"""piccolo.attestation.v1.PeerService: what other devices ask, through the fragment-store's port.

Rules:
* Who calls is told by the fragment-store's proxy in two metadata keys: `piccolo-peer` ("kind/owner id in
  hex") and `piccolo-peer-bin` (the caller's certificate, DER). A call without them, or with several, is
  refused.
* What the proxy tells is checked against the admissions: the certificate must be admitted now, and as that
  kind and for that owner.
* Members call with their attestation certificate; a device that was replaced may only gossip, and so hears of
  it; a blank device with its owner's enrolment certificate may only gossip; a joiner may only be introduced
  and accept.
* Nothing here calls a peer.
"""

from __future__ import annotations

from typing import Any, Final

from piccolo.attestation.v1 import peer_pb2 as pb
from piccolo.attestation.v1 import peer_pb2_grpc
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.roster import MemberState

from piccolo_attestation.core import bundle
from piccolo_attestation.core.proposals import not_admin
from piccolo_attestation.core.view import Admission
from piccolo_attestation.engine.changes import within
from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.gossip import Gossip
from piccolo_attestation.engine.invitations import Invitations
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.engine.waiting import Proposal
from piccolo_attestation.ports import Evidence, Vote

NAME = "piccolo.attestation.v1.PeerService"
PEER: Final = "piccolo-peer"
CERTIFICATE: Final = "piccolo-peer-bin"
_MARGIN = 1.0


class PeerServicer(peer_pb2_grpc.PeerServiceServicer):
    """Answers peers."""

    def __init__(
        self, circle: Circle, invitations: Invitations, proposals: Proposals, gossip: Gossip, patience: float
    ) -> None:
        """`patience`: the most seconds that an answer may wait for a person or a vault."""
        self._circle, self._invitations = circle, invitations
        self._proposals, self._gossip = proposals, gossip
        self._patience = patience

    async def Gossip(self, request: pb.GossipRequest, context: Any) -> pb.GossipResponse:
        """Exchanges records."""
        caller = self._caller(context, "member", "enrol", "replaced")
        records = bundle.decode(request.bundle) if request.bundle else []
        heard = caller.owner if kind_of(caller) == "member" else b""
        answer = await self._gossip.answer(heard, records, list(request.have))
        return pb.GossipResponse(
            bundle=bundle.encode(answer.records) if answer.records else b"", want=answer.want
        )

    async def Introduce(self, request: pb.IntroduceRequest, context: Any) -> pb.IntroduceResponse:
        """Tells a joiner who invites it."""
        told = self._invitations.introduce(self._caller(context, "invited").certificate)
        return pb.IntroduceResponse(invitation=told.invitation, bundle=bundle.encode(told.records))

    async def Accept(self, request: pb.AcceptRequest, context: Any) -> pb.AcceptResponse:
        """Takes an acceptance, and waits a while until it has an effect."""
        caller = self._caller(context, "invited")
        answer = await self._invitations.accept(caller.certificate, request.acceptance, self._time(context))
        return pb.AcceptResponse(joined=answer.joined, bundle=bundle.encode(answer.records))

    async def Sign(self, request: pb.SignRequest, context: Any) -> pb.SignResponse:
        """Takes a proposal and waits a while for the own vault; releases its signature once it is chosen."""
        caller = self._caller(context, "member")
        evidence = Evidence(request.roster, request.acceptance, request.invitation)
        proposal = await self._proposals.hear(caller.owner, evidence)
        if request.chosen:
            return pb.SignResponse(ready=True, roster=self._proposals.release(proposal).to_bytes())
        return pb.SignResponse(ready=await self._signed(proposal, self._time(context)))

    async def Agree(self, request: pb.AgreeRequest, context: Any) -> pb.AgreeResponse:
        """Answers one step of Paxos."""
        caller = self._caller(context, "member")
        member = self._circle.trusted.head.record.member(caller.owner)
        if member is None or member.admin is None or request.ballot % 2**32 != member.number:
            raise not_admin("Only an admin's device holds a ballot, and only under its own number.")
        if request.roster_hash:
            vote = await self._proposals.accept(request.previous, request.ballot, request.roster_hash)
        else:
            vote = await self._proposals.prepare(request.previous, request.ballot)
        return _vote_to_wire(vote)

    async def _signed(self, proposal: Proposal, seconds: float) -> bool:
        """Whether this owner's vault has signed, after waiting for it."""
        while True:
            changed = self._proposals.changes.waiter()
            found = self._proposals.find(proposal.hash)
            if found is None or found.signature is not None:
                return found is not None
            if not await within(changed, seconds):
                return False

    def _caller(self, context: Any, *kinds: str) -> Admission:
        """The admission by which a call came. Raises PiccoloError DENIED, PEER_UNKNOWN or
        PEER_NOT_ALLOWED."""
        told = [value for key, value in context.invocation_metadata() or () if key == PEER]
        shown = [value for key, value in context.invocation_metadata() or () if key == CERTIFICATE]
        if len(told) != 1 or len(shown) != 1:
            raise _unknown("The call does not say, once, who makes it, as the peers' port would.")
        for admission in self._admissions():
            if admission.certificate == shown[0]:
                if told[0] != f"{admission.kind}/{admission.owner.hex()}":
                    break
                return _allowed(admission, kinds)
        raise _unknown("The certificate that the call shows is not admitted as what it says.")

    def _admissions(self) -> list[Admission]:
        view = self._circle.view
        return [*(view.admissions if view else ()), *self._invitations.admissions()]

    def _time(self, context: Any) -> float:
        remaining = context.time_remaining()
        return self._patience if remaining is None else min(self._patience, max(0.0, remaining - _MARGIN))


def _allowed(admission: Admission, kinds: tuple[str, ...]) -> Admission:
    by_role = admission.kind != "member" or admission.role == "attestation"
    # what was cut off is a device: its owner's words may still ask, to enrol another
    cut_off = admission.kind == "member" and admission.state is MemberState.COMPROMISED
    if kind_of(admission) not in kinds or not by_role or cut_off:
        raise PiccoloError(
            Kind.DENIED, "PEER_NOT_ALLOWED", f"This is not for a caller of kind {kind_of(admission)!r}."
        )
    return admission


def kind_of(admission: Admission) -> str:
    """What a caller is to this service: "member", "replaced" (a member's former device), "enrol" or
    "invited"."""
    return "replaced" if admission.replaced else admission.kind


def _unknown(message: str) -> PiccoloError:
    return PiccoloError(Kind.DENIED, "PEER_UNKNOWN", message)


def _vote_to_wire(vote: Vote) -> pb.AgreeResponse:
    answer = pb.AgreeResponse(
        agreed=vote.agreed, promised=vote.promised, accepted_ballot=vote.accepted_ballot
    )
    if vote.accepted is not None:
        answer.accepted.roster = vote.accepted.roster
        answer.accepted.acceptance = vote.accepted.acceptance
        answer.accepted.invitation = vote.accepted.invitation
    return answer
