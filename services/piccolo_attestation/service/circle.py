"""piccolo.attestation.v1.CircleService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import circle_pb2_grpc, invitation_pb2

from piccolo_attestation.core import bundle, contacts
from piccolo_attestation.core.view import view_of
from piccolo_attestation.engine.changes import Changes, first
from piccolo_attestation.engine.circle import Circle, no_circle
from piccolo_attestation.engine.invitations import Invitations
from piccolo_attestation.engine.joining import Joining
from piccolo_attestation.engine.proposals import Proposals
from piccolo_attestation.service import convert

NAME = "piccolo.attestation.v1.CircleService"
T = TypeVar("T")


class CircleServicer(circle_pb2_grpc.CircleServiceServicer):
    """The circle for this device's own processes."""

    def __init__(
        self,
        circle: Circle,
        invitations: Invitations,
        joining: Joining,
        proposals: Proposals,
        registrations: Changes,
        stopping: asyncio.Event,
    ) -> None:
        self._circle, self._invitations = circle, invitations
        self._joining, self._proposals = joining, proposals
        self._registrations, self._stopping = registrations, stopping

    async def GetContacts(self, request: pb.GetContactsRequest, context: Any) -> pb.GetContactsResponse:
        """Where other members are reached."""
        trusted = self._circle.trusted
        found = contacts.entries(view_of(trusted), self._circle.owner)
        return pb.GetContactsResponse(
            circle=contacts.circle_line(trusted.anchor),
            contacts=[
                pb.Contact(
                    owner_id=each.owner,
                    name=each.name,
                    endpoint=each.contact.endpoint,
                    line=each.contact.text(),
                )
                for each in found
            ],
        )

    async def Found(self, request: pb.FoundRequest, context: Any) -> pb.FoundResponse:
        """Starts a circle."""
        await self._circle.found(request.roster)
        return pb.FoundResponse(circle=self._now())

    async def GetCircle(self, request: pb.GetCircleRequest, context: Any) -> pb.GetCircleResponse:
        """The circle."""
        return pb.GetCircleResponse(circle=self._now())

    async def WatchCircle(
        self, request: pb.WatchCircleRequest, context: Any
    ) -> AsyncIterator[pb.WatchCircleResponse]:
        """The circle now and at every change, and when a process of this device registers anew."""
        async for circle in self._watched(self._perhaps, self._circle.changes, self._registrations):
            yield pb.WatchCircleResponse(circle=circle)

    async def Invite(
        self, request: invitation_pb2.InviteRequest, context: Any
    ) -> invitation_pb2.InviteResponse:
        """Makes an invitation."""
        made = await self._invitations.make(request.note, request.lifetime)
        return invitation_pb2.InviteResponse(
            invitation_id=made.id, code=made.code, link=made.link, expires=made.expires
        )

    async def ListInvitations(
        self, request: invitation_pb2.ListInvitationsRequest, context: Any
    ) -> invitation_pb2.ListInvitationsResponse:
        """The invitations of this device."""
        listed = map(convert.invitation_to_wire, self._invitations.listing())
        return invitation_pb2.ListInvitationsResponse(invitations=listed)

    async def RevokeInvitation(
        self, request: invitation_pb2.RevokeInvitationRequest, context: Any
    ) -> invitation_pb2.RevokeInvitationResponse:
        """Ends an invitation."""
        await self._invitations.revoke(request.invitation_id)
        return invitation_pb2.RevokeInvitationResponse()

    async def OpenInvitation(
        self, request: invitation_pb2.OpenInvitationRequest, context: Any
    ) -> invitation_pb2.OpenInvitationResponse:
        """Reads an invitation."""
        opened = await self._joining.open(request.invitation)
        roster = opened.circle.head
        return invitation_pb2.OpenInvitationResponse(
            circle_id=roster.record.circle,
            roster_hash=roster.record_hash(),
            invited_by=opened.introduction.inviter.owner,
            invited_by_name=opened.introduction.inviter.name,
            members=len(roster.record.members),
        )

    async def Join(self, request: pb.JoinRequest, context: Any) -> pb.JoinResponse:
        """Accepts an invitation and waits until the roster names this device."""
        await self._joining.join(request.invitation, request.admin, request.enrol)
        return pb.JoinResponse(circle=self._now())

    async def ListProposals(self, request: pb.ListProposalsRequest, context: Any) -> pb.ListProposalsResponse:
        """What waits for signatures."""
        return pb.ListProposalsResponse(proposals=convert.proposals_to_wire(self._proposals))

    async def WatchProposals(
        self, request: pb.WatchProposalsRequest, context: Any
    ) -> AsyncIterator[pb.WatchProposalsResponse]:
        """The same now and at every change."""
        last: list[pb.Proposal] | None = None
        changes = (self._proposals.changes, self._circle.changes)
        async for listed in self._watched(lambda: convert.proposals_to_wire(self._proposals), *changes):
            if listed != last:
                last = listed
                yield pb.WatchProposalsResponse(proposals=listed)

    async def Approve(self, request: pb.ApproveRequest, context: Any) -> pb.ApproveResponse:
        """Takes the vault's signature."""
        wanted = await self._proposals.approve(request.roster_hash, request.key, request.signature)
        return pb.ApproveResponse(wanted=wanted)

    async def ProposeRemoval(
        self, request: pb.ProposeRemovalRequest, context: Any
    ) -> pb.ProposeRemovalResponse:
        """Proposes that a member goes."""
        hash_ = await self._proposals.remove(request.owner_id, convert.state_of(request.state))
        return pb.ProposeRemovalResponse(roster_hash=hash_)

    async def AdoptDevice(self, request: pb.AdoptDeviceRequest, context: Any) -> pb.AdoptDeviceResponse:
        """Admits a newer generation of a member's device."""
        await self._circle.adopt(request.device, request.claim, request.successors)
        return pb.AdoptDeviceResponse()

    async def Rename(self, request: pb.RenameRequest, context: Any) -> pb.RenameResponse:
        """Calls this device otherwise."""
        await self._circle.rename(request.name)
        return pb.RenameResponse()

    async def Rejoin(self, request: pb.RejoinRequest, context: Any) -> pb.RejoinResponse:
        """Takes this device back after a restore."""
        await self._circle.rejoin(bundle.decode(request.bundle), request.device)
        return pb.RejoinResponse(circle=self._now())

    def _now(self) -> pb.Circle:
        circle = self._perhaps()
        if circle is None:
            raise no_circle()
        return circle

    def _perhaps(self) -> pb.Circle | None:
        view = self._circle.view
        if view is None:
            return None
        return convert.circle_to_wire(self._circle, view, self._invitations.admissions())

    async def _watched(self, look: Callable[[], T], *changes: Changes) -> AsyncIterator[T]:
        """What `look` gives, now and at every change, until the process stops."""
        while not self._stopping.is_set():
            waiters = [each.waiter() for each in changes]
            yield look()
            await first(*waiters, self._stopping, seconds=None)
