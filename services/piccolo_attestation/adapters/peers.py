"""Other members' attestation services, behind their fragment-stores' ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from piccolo.attestation.v1 import peer_pb2 as pb
from piccolo.attestation.v1 import peer_pb2_grpc
from piccolo_chassis.calls import Channel

from piccolo_attestation.adapters.dialling import Dialler
from piccolo_attestation.core import bundle
from piccolo_attestation.ports import Evidence, Gossiped, Peer, Signature, Vote

T = TypeVar("T")
_Stub = peer_pb2_grpc.PeerServiceStub


class GrpcPeers:
    """Implements ports.Peers: a connection a call, because a home line has few to spare."""

    def __init__(self, dialler: Dialler, seconds: float) -> None:
        """`seconds` is what a call may take."""
        self._dialler, self._seconds = dialler, seconds

    async def gossip(self, peer: Peer, records: Sequence[bytes], have: Sequence[bytes]) -> Gossiped:
        """One half of an exchange."""
        request = pb.GossipRequest(bundle=bundle.encode(records) if records else b"", have=have)
        answer = await self._call(peer, lambda stub: stub.Gossip(request, timeout=self._seconds))
        return Gossiped(bundle.decode(answer.bundle) if answer.bundle else [], list(answer.want))

    async def sign(self, peer: Peer, evidence: Evidence, *, chosen: bool) -> Signature:
        """Asks for a signature."""
        request = evidence_to_wire(evidence)
        request.chosen = chosen
        answer = await self._call(peer, lambda stub: stub.Sign(request, timeout=self._seconds))
        return Signature(answer.ready, answer.roster)

    async def agree(self, peer: Peer, previous: bytes, ballot: int, roster_hash: bytes) -> Vote:
        """One step of Paxos."""
        request = pb.AgreeRequest(previous=previous, ballot=ballot, roster_hash=roster_hash)
        answer = await self._call(peer, lambda stub: stub.Agree(request, timeout=self._seconds))
        accepted = evidence_from_wire(answer.accepted) if answer.HasField("accepted") else None
        return Vote(answer.agreed, answer.promised, answer.accepted_ballot, accepted)

    async def _call(self, peer: Peer, ask: Callable[[_Stub], Awaitable[T]]) -> T:
        def asked(channel: Channel) -> Awaitable[T]:
            return ask(peer_pb2_grpc.PeerServiceStub(channel))

        return await self._dialler.call(peer.endpoints, peer.certificate, asked)


def evidence_to_wire(evidence: Evidence) -> pb.SignRequest:
    """Evidence as it travels."""
    return pb.SignRequest(
        roster=evidence.roster, acceptance=evidence.acceptance, invitation=evidence.invitation
    )


def evidence_from_wire(message: pb.SignRequest) -> Evidence:
    """Evidence as it came."""
    return Evidence(message.roster, message.acceptance, message.invitation)
