"""Attestation's questions, carried through the peers' port without being looked at."""

from __future__ import annotations

import grpc
import pytest
from piccolo.attestation.v1 import circle_pb2
from piccolo.attestation.v1 import peer_pb2 as wire
from piccolo.attestation.v1.circle_pb2_grpc import CircleServiceStub
from piccolo.attestation.v1.peer_pb2_grpc import PeerServiceStub

from piccolo_fragment_store.core.circle import Admission, CallerKind
from piccolo_fragment_store.testing.attestation import ECHO, SWALLOW
from piccolo_fragment_store.testing.people import TlsPair
from piccolo_fragment_store.tests.peers import Peers, refused

pytestmark = pytest.mark.component


async def test_a_call_goes_through_with_its_callers_certificate(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        answer = await PeerServiceStub(channel).Gossip(wire.GossipRequest(bundle=b"abc"))
    assert answer.bundle == b"cba"
    ((_, metadata, request),) = peers.attestation.called
    assert request == b"abc"
    assert metadata["piccolo-peer-bin"] == peers.ana.attestation_tls.certificate
    assert metadata["piccolo-peer"] == f"member/{peers.ana.id.hex()}"


async def test_what_a_caller_says_of_itself_does_not_get_through(peers: Peers) -> None:
    forged = (
        ("piccolo-peer", f"member/{peers.ben.id.hex()}"),
        ("piccolo-peer-bin", peers.ben.attestation_tls.certificate),
        ("piccolo-peer-extra", "x"),
        ("authorization", "x"),
    )
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        await PeerServiceStub(channel).Gossip(
            wire.GossipRequest(bundle=b"abc"), metadata=grpc.aio.Metadata(*forged)
        )
    ((_, metadata, _request),) = peers.attestation.called
    assert metadata["piccolo-peer-bin"] == peers.ana.attestation_tls.certificate
    assert metadata["piccolo-peer"] == f"member/{peers.ana.id.hex()}"
    assert "piccolo-peer-extra" not in metadata
    assert "authorization" not in metadata


async def test_a_method_that_nobody_here_knows_streams_both_ways(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        call = channel.stream_stream(ECHO)()
        for word in (b"one", b"two", b"\x00\xff"):
            await call.write(word)
            assert await call.read() == word + word
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_a_joiner_gets_through_and_has_no_owner(peers: Peers) -> None:
    joiner = TlsPair()
    admissions = [*peers.ana.admissions(), Admission(joiner.certificate, CallerKind.INVITED)]
    await peers.attestation.tell(peers.circle(admissions=admissions))
    async with peers.calling_any(joiner) as channel:
        await PeerServiceStub(channel).Gossip(wire.GossipRequest(bundle=b"abc"))
    assert peers.attestation.called[-1][1]["piccolo-peer"] == "invited/"


async def test_attestations_refusals_come_back_as_they_are(peers: Peers) -> None:
    peers.attestation.refuse = grpc.StatusCode.FAILED_PRECONDITION
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        async with refused("FAILED_PRECONDITION") as caught:
            await PeerServiceStub(channel).Gossip(wire.GossipRequest())
        assert "no gossip today" in caught[0].message
        async with refused("UNIMPLEMENTED"):
            await channel.unary_unary("/piccolo.attestation.v1.PeerService/Unheard")(b"")


async def test_nothing_else_of_attestation_is_reached(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        async with refused("NOT_ALLOWED"):
            await CircleServiceStub(channel).GetCircle(circle_pb2.GetCircleRequest())
        async with refused("NOT_ALLOWED"):
            await channel.unary_unary("/piccolo.attestation.v1.PeerService")(b"")
    assert peers.attestation.called == []


async def test_a_call_that_is_too_large_is_cut_off(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        call = channel.stream_stream(ECHO)()
        async with refused("CALL_TOO_LARGE"):
            for _ in range(20):
                await call.write(bytes(1 << 20))
                await call.read()
    assert len(peers.attestation.called) <= 16


async def test_a_request_that_is_too_large_is_cut_off_too(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        call = channel.stream_stream(SWALLOW)()
        async with refused("CALL_TOO_LARGE"):
            for _ in range(40):
                await call.write(bytes(1 << 20))
            await call.read()


async def test_attestation_may_answer_before_it_heard_all(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.attestation_tls) as channel:
        call = channel.stream_stream(SWALLOW)()
        await call.write(b"enough")
        assert await call.read() == b"heard"
        assert await call.read() is grpc.aio.EOF


async def test_a_vault_has_nothing_to_say_to_attestation(peers: Peers) -> None:
    async with peers.calling_any(peers.ana.vault_tls) as channel, refused("NOT_ALLOWED"):
        await PeerServiceStub(channel).Gossip(wire.GossipRequest())
