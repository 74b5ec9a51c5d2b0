"""attestation's CircleService in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import circle_pb2_grpc as wire
from piccolo.attestation.v1 import invitation_pb2
from piccolo_chassis.errors import Kind, PiccoloError

Context = Any
_OTHER = b"o" * 32
_SELF = b"s" * 32


class FakeCircle(wire.CircleServiceServicer):
    """A circle of two, once it is founded."""

    circle_id = b"c" * 16

    def __init__(self) -> None:
        self.name = ""
        self.told = True
        self.frozen, self.fenced = "", ""
        self.alarms: dict[str, pb.Alarm] = {}
        self.proposals: dict[bytes, int] = {}
        self.admins_away = False
        self.invitations: dict[bytes, invitation_pb2.Invitation] = {}
        self.gate, self.entered = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Condition()

    async def found(self, name: str) -> None:
        """There is a circle from now on; while the gate is shut, it takes long."""
        self.entered.set()
        await self.gate.wait()
        if self.name:
            raise PiccoloError(Kind.PRECONDITION, "CIRCLE_EXISTS", "This device is in a circle already.")
        async with self._changed:
            self.name = name
            self._changed.notify_all()

    async def Rename(self, request: pb.RenameRequest, context: Context) -> pb.RenameResponse:
        self._require()
        async with self._changed:
            self.name = request.name
            self._changed.notify_all()
        return pb.RenameResponse()

    def check_invitation(self, text: str) -> None:
        """Refuses what is no invitation."""
        if not text.startswith("piccolo:"):
            raise PiccoloError(Kind.INVALID, "INVITATION_UNREADABLE", "This is no invitation.")

    async def GetCircle(self, request: pb.GetCircleRequest, context: Context) -> pb.GetCircleResponse:
        self._require()
        return pb.GetCircleResponse(circle=self._circle())

    async def WatchCircle(
        self, request: pb.WatchCircleRequest, context: Context
    ) -> AsyncIterator[pb.WatchCircleResponse]:
        while True:
            yield pb.WatchCircleResponse(circle=self._circle() if self.name else None)
            async with self._changed:
                await self._changed.wait()

    async def Invite(
        self, request: invitation_pb2.InviteRequest, context: Context
    ) -> invitation_pb2.InviteResponse:
        self._require()
        number = (len(self.invitations) + 1).to_bytes(16)
        self.invitations[number] = invitation_pb2.Invitation(
            invitation_id=number, note=request.note, state="open"
        )
        code = "A" * 26
        return invitation_pb2.InviteResponse(
            invitation_id=number, code=code, link=f"piccolo://join?code={code}", expires=1
        )

    async def ListInvitations(
        self, request: invitation_pb2.ListInvitationsRequest, context: Context
    ) -> invitation_pb2.ListInvitationsResponse:
        self._require()
        return invitation_pb2.ListInvitationsResponse(invitations=reversed(self.invitations.values()))

    async def RevokeInvitation(
        self, request: invitation_pb2.RevokeInvitationRequest, context: Context
    ) -> invitation_pb2.RevokeInvitationResponse:
        if request.invitation_id not in self.invitations:
            raise PiccoloError(Kind.NOT_FOUND, "NO_INVITATION", "There is no such invitation.")
        self.invitations[request.invitation_id].state = "revoked"
        return invitation_pb2.RevokeInvitationResponse()

    async def OpenInvitation(
        self, request: invitation_pb2.OpenInvitationRequest, context: Context
    ) -> invitation_pb2.OpenInvitationResponse:
        self.check_invitation(request.invitation)
        return invitation_pb2.OpenInvitationResponse(
            circle_id=self.circle_id, invited_by=_OTHER, invited_by_name="Ana", members=1
        )

    async def GetContacts(self, request: pb.GetContactsRequest, context: Context) -> pb.GetContactsResponse:
        self._require()
        contact = pb.Contact(owner_id=_OTHER, name="Ana", endpoint="127.0.0.1:2", line="127.0.0.1:2#0000")
        return pb.GetContactsResponse(circle="circle#0000", contacts=[contact] if self.told else [])

    async def ListProposals(
        self, request: pb.ListProposalsRequest, context: Context
    ) -> pb.ListProposalsResponse:
        self._require()
        return pb.ListProposalsResponse(
            proposals=[
                pb.Proposal(
                    roster_hash=one,
                    change="Ana leaves",
                    wanted=1,
                    needs_consent=True,
                    kind="LEAVES",
                    member="Ana",
                )
                for one in self.proposals
            ]
        )

    async def ProposeRemoval(
        self, request: pb.ProposeRemovalRequest, context: Context
    ) -> pb.ProposeRemovalResponse:
        self._require()
        if request.owner_id != _OTHER:
            raise PiccoloError(Kind.NOT_FOUND, "NO_MEMBER", "There is no such member.")
        made = bytes([request.state]) * 32
        self.proposals[made] = request.state
        return pb.ProposeRemovalResponse(roster_hash=made)

    def _require(self) -> None:
        if not self.name:
            raise PiccoloError(Kind.NOT_FOUND, "NO_CIRCLE", "This device is in no circle yet.")

    def _circle(self) -> pb.Circle:
        members = [
            pb.Member(
                owner_id=_SELF,
                number=1,
                name=self.name,
                state=pb.MEMBER_STATE_ACTIVE,
                admin=True,
                endpoints=["127.0.0.1:1"],
                self=True,
            ),
            pb.Member(
                owner_id=_OTHER,
                number=2,
                name="Ana",
                state=pb.MEMBER_STATE_ACTIVE,
                endpoints=["127.0.0.1:2"],
                verdict="unattested",
            ),
        ]
        return pb.Circle(
            circle_id=self.circle_id,
            owner_id=_SELF,
            epoch=1,
            members=members,
            frozen=self.frozen,
            fenced=self.fenced,
            alarms=list(self.alarms),
            alarm_facts=list(self.alarms.values()),
        )
