"""This device's fragment-store in memory, as far as the gateway asks it."""

from __future__ import annotations

from typing import Any

from piccolo.fragment_store.v1 import keeper_pb2 as pb
from piccolo.fragment_store.v1 import keeper_pb2_grpc as wire

Context = Any


class FakeKeeper(wire.KeeperServiceServicer):
    """A keeper.

    Attributes:
        status: what it tells of itself.
    """

    def __init__(self) -> None:
        scrub = pb.ScrubStatus(read_bytes=5, total_bytes=5, last_ended=1_700_000_000, rounds=1)
        self.status = pb.GetKeeperStatusResponse(offer_bytes=1 << 40, used_bytes=5, scrub=scrub)

    async def GetKeeperStatus(
        self, request: pb.GetKeeperStatusRequest, context: Context
    ) -> pb.GetKeeperStatusResponse:
        return self.status

    async def ListOwners(self, request: pb.ListOwnersRequest, context: Context) -> pb.ListOwnersResponse:
        return pb.ListOwnersResponse(owners=[pb.OwnerUsage(owner_id=b"o" * 32, fragments=2, bytes=5)])

    async def BeginScrub(self, request: pb.BeginScrubRequest, context: Context) -> pb.BeginScrubResponse:
        self.status.scrub.running = True
        return pb.BeginScrubResponse()
