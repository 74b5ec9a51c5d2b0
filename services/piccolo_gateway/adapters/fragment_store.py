"""This device's fragment-store over its socket."""

from __future__ import annotations

from piccolo.fragment_store.v1 import keeper_pb2 as pb
from piccolo.fragment_store.v1.keeper_pb2_grpc import KeeperServiceStub
from piccolo_chassis.calls import Channel

from piccolo_gateway.core import attention
from piccolo_gateway.core.bodies.care import Keeping, KeptFor, Scrub


class OwnKeeper:
    """What this device keeps for others."""

    def __init__(self, channel: Channel) -> None:
        self._stub = KeeperServiceStub(channel)

    async def status(self) -> Keeping:
        """What is kept here, and how it is."""
        told = await self._stub.GetKeeperStatus(pb.GetKeeperStatusRequest())
        owners = (await self._stub.ListOwners(pb.ListOwnersRequest())).owners
        return Keeping(
            offer_bytes=told.offer_bytes,
            used_bytes=told.used_bytes,
            disk_free_bytes=told.disk_free_bytes,
            refusing=told.refusing,
            refusing_reason=told.refusing_reason,
            damaged_fragments=told.damaged_fragments,
            owners=[
                KeptFor(owner_id=one.owner_id.hex(), fragments=one.fragments, bytes=one.bytes)
                for one in owners
            ],
            scrub=_scrub(told.scrub),
            attention=attention.of_keeping(told.damaged_fragments, told.refusing),
        )

    async def scrub(self) -> None:
        """Reads everything that is kept here now."""
        await self._stub.BeginScrub(pb.BeginScrubRequest())


def _scrub(told: pb.ScrubStatus) -> Scrub:
    return Scrub(
        running=told.running,
        read_bytes=told.read_bytes,
        total_bytes=told.total_bytes,
        damaged_fragments=told.damaged_fragments,
        last_ended=told.last_ended,
        last_damaged_fragments=told.last_damaged_fragments,
    )
