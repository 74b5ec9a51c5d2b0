"""MembershipService: the parts of circle life that need the owner's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.vault.v1 import membership_pb2 as pb
from piccolo.vault.v1 import membership_pb2_grpc as wire

if TYPE_CHECKING:
    from piccolo_vault.engine.keys.membership import Membership

NAME = "piccolo.vault.v1.MembershipService"


class MembershipServicer(wire.MembershipServiceServicer):
    """Founding, joining, approving, over the Unix socket."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership

    async def FoundCircle(self, request: pb.FoundCircleRequest, context: Any) -> pb.FoundCircleResponse:
        """Starts a circle."""
        circle = await self._membership.found(request.device_name, at_risk=request.at_risk)
        return pb.FoundCircleResponse(circle_id=circle)

    async def JoinCircle(self, request: pb.JoinCircleRequest, context: Any) -> pb.JoinCircleResponse:
        """Accepts an invitation."""
        circle, members = await self._membership.join(request.invitation, request.device_name)
        return pb.JoinCircleResponse(circle_id=circle, members=members)

    async def ApproveProposal(
        self, request: pb.ApproveProposalRequest, context: Any
    ) -> pb.ApproveProposalResponse:
        """Signs a change on a person's word."""
        return pb.ApproveProposalResponse(wanted=await self._membership.approve(request.roster_hash))
