"""The circle over attestation's socket."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any, Final

from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import invitation_pb2
from piccolo.attestation.v1.circle_pb2_grpc import CircleServiceStub
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.circle import (
    Circle,
    CircleAlarm,
    Contact,
    Contacts,
    Departure,
    Invitation,
    Invitations,
    MadeInvitation,
    Member,
    MemberState,
    Opened,
    Proposal,
    Proposals,
    Proposed,
)

_OUTSIDE_SECONDS: Final = 55.0  # the cloud or a peer is asked
_STATES: Final[dict[int, MemberState]] = {
    pb.MEMBER_STATE_ACTIVE: "active",
    pb.MEMBER_STATE_LEAVING: "leaving",
    pb.MEMBER_STATE_EXPELLED: "expelled",
    pb.MEMBER_STATE_COMPROMISED: "compromised",
}
_WANTED: Final[dict[Departure, pb.MemberState.ValueType]] = {
    "leaving": pb.MEMBER_STATE_LEAVING,
    "expelled": pb.MEMBER_STATE_EXPELLED,
    "compromised": pb.MEMBER_STATE_COMPROMISED,
}

_PRINT: Final = (
    "With these lines and your 24 words your files come back even if the cloud is gone. Print them and keep "
    "them with the words; print them anew when members come, go or get another device."
)
_NOBODY: Final = "No other member has told an address yet. Come back when one is online."


class AttestedCircle:
    """The circle as this device knows it."""

    def __init__(self, channel: Channel) -> None:
        self._stub = CircleServiceStub(channel)

    async def get(self) -> Circle | None:
        """The circle; None before there is one."""
        try:
            return _circle((await self._stub.GetCircle(pb.GetCircleRequest())).circle)
        except PiccoloError as failed:
            if failed.kind is Kind.NOT_FOUND:
                return None
            raise

    async def watch(self) -> AsyncIterator[Circle | None]:
        """The circle now and at every change."""
        call: Any = self._stub.WatchCircle(pb.WatchCircleRequest())
        try:
            async for told in call:
                yield _circle(told.circle) if told.HasField("circle") else None
        finally:
            call.cancel()

    async def rename(self, name: str) -> None:
        """Calls this device otherwise."""
        await self._stub.Rename(pb.RenameRequest(name=name))

    async def invite(self, note: str, lifetime: int) -> MadeInvitation:
        """Makes an invitation."""
        made = await self._stub.Invite(
            invitation_pb2.InviteRequest(note=note, lifetime=lifetime), timeout=_OUTSIDE_SECONDS
        )
        return MadeInvitation(
            invitation_id=made.invitation_id.hex(),
            code=made.code,
            link=made.link,
            expires=made.expires,
            qr=_qr(made.link),
        )

    async def invitations(self) -> Invitations:
        """All that were made."""
        told = await self._stub.ListInvitations(invitation_pb2.ListInvitationsRequest())
        return Invitations(invitations=[_invitation(one) for one in told.invitations])

    async def revoke(self, invitation_id: bytes) -> None:
        """Ends an unused one."""
        await self._stub.RevokeInvitation(invitation_pb2.RevokeInvitationRequest(invitation_id=invitation_id))

    async def open(self, invitation: str) -> Opened:
        """Reads somebody's invitation."""
        told = await self._stub.OpenInvitation(
            invitation_pb2.OpenInvitationRequest(invitation=invitation), timeout=_OUTSIDE_SECONDS
        )
        return Opened(
            circle_id=told.circle_id.hex(),
            invited_by=told.invited_by.hex(),
            invited_by_name=told.invited_by_name,
            members=told.members,
        )

    async def contacts(self) -> Contacts:
        """Where other members are reached."""
        told = await self._stub.GetContacts(pb.GetContactsRequest())
        found = [
            Contact(owner_id=one.owner_id.hex(), name=one.name, endpoint=one.endpoint, line=one.line)
            for one in told.contacts
        ]
        return Contacts(
            words=_PRINT if found else _NOBODY,
            circle=told.circle,
            contacts=found,
            text="\n".join([told.circle, *(one.line for one in found)]),
        )

    async def proposals(self) -> Proposals:
        """What waits for signatures."""
        told = await self._stub.ListProposals(pb.ListProposalsRequest())
        return Proposals(proposals=[_proposal(one) for one in told.proposals])

    async def propose_removal(self, owner_id: bytes, state: Departure) -> Proposed:
        """Proposes that a member goes."""
        request = pb.ProposeRemovalRequest(owner_id=owner_id, state=_WANTED[state])
        return Proposed(
            roster_hash=(await self._stub.ProposeRemoval(request, timeout=_OUTSIDE_SECONDS)).roster_hash.hex()
        )


def _qr(link: str) -> str:
    """The link as an SVG document."""
    import segno  # few invite, and none of them often: no place in memory for it until then

    out = io.BytesIO()
    segno.make(link, error="m", micro=False).save(out, kind="svg", scale=4, border=4, xmldecl=False)
    return out.getvalue().decode().strip()


def _circle(told: pb.Circle) -> Circle:
    return Circle(
        circle_id=told.circle_id.hex(),
        owner_id=told.owner_id.hex(),
        epoch=told.epoch,
        roster_hash=told.roster_hash.hex(),
        members=[_member(one) for one in told.members],
        at_risk=told.at_risk,
        attestation_policy=told.attestation_policy,
        unheard=told.unheard,
        fenced=told.fenced,
        alarms=[text for text in (told.frozen, told.fenced, *told.alarms) if text],
        alarm_facts=_alarms(told),
    )


def _alarms(told: pb.Circle) -> list[CircleAlarm]:
    names = {one.number: one.name for one in told.members}
    frozen = [CircleAlarm(reason="CIRCLE_FROZEN", words=told.frozen)] if told.frozen else []
    pairs = zip(told.alarm_facts, told.alarms, strict=True)
    return frozen + [
        CircleAlarm(reason=one.reason, words=words, member=names.get(one.member, "")) for one, words in pairs
    ]


def _member(told: pb.Member) -> Member:
    return Member(
        owner_id=told.owner_id.hex(),
        number=told.number,
        name=told.name,
        state=_STATES.get(told.state, "unknown"),
        admin=told.admin,
        endpoints=list(told.endpoints),
        offer_bytes=told.offer_bytes,
        generation=told.generation,
        invited_by=told.invited_by.hex(),
        verdict=told.verdict,
        heard=told.heard,
        self=told.self,
    )


def _invitation(told: invitation_pb2.Invitation) -> Invitation:
    return Invitation(
        invitation_id=told.invitation_id.hex(),
        note=told.note,
        expires=told.expires,
        state=told.state,
        owner_id=told.owner_id.hex(),
    )


def _proposal(told: pb.Proposal) -> Proposal:
    return Proposal(
        roster_hash=told.roster_hash.hex(),
        change=told.change,
        wanted=told.wanted,
        needs_consent=told.needs_consent,
        kind=told.kind,
        member=told.member,
    )
