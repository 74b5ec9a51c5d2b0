"""Who is let in through the peers' port, and who is put out again."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub as Keeper
from piccolo_chassis.errors import Kind
from piccolo_formats import tls

from piccolo_fragment_store.core.circle import Standing
from piccolo_fragment_store.service import gate as gate_module
from piccolo_fragment_store.testing.attestation import told_circle
from piccolo_fragment_store.testing.keeping import sample
from piccolo_fragment_store.testing.people import TlsPair
from piccolo_fragment_store.tests.peers import (
    blocks,
    finish,
    meeting,
    opening,
    refused,
    store_request,
)

pytestmark = pytest.mark.component
LIST = wire.ListMineRequest()


def leaf_signed_by(signer: TlsPair, leaf: TlsPair, common_name: str) -> bytes:
    """A certificate that a member has signed, as if it were a CA, with any name it likes."""
    issuer = x509.load_der_x509_certificate(signer.certificate).subject
    begin = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .serial_number(7)
        .issuer_name(issuer)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .not_valid_before(begin)
        .not_valid_after(begin.replace(year=2100))
        .public_key(leaf.key.public_key())
        .sign(signer.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


async def test_a_leaf_signed_by_a_member_is_nobody() -> None:
    async with meeting() as peers:
        async with peers.calling(peers.ana.vault_tls) as keeper:
            await keeper.ListMine(LIST)
        leaf, victim = TlsPair(), tls.certificate_name(peers.ben.vault_tls.certificate)
        chain = leaf_signed_by(peers.ana.vault_tls, leaf, victim) + tls.to_pem(
            peers.ana.vault_tls.certificate
        )
        async with peers.dial(leaf, chain) as channel, refused("UNAVAILABLE"):
            await Keeper(channel).ListMine(LIST)


async def test_strangers_and_those_without_a_certificate_do_not_get_in() -> None:
    async with meeting() as peers:
        async with peers.calling(peers.ana.vault_tls) as keeper:
            await keeper.ListMine(LIST)
        async with peers.dial(TlsPair()) as channel, refused("UNAVAILABLE"):
            await Keeper(channel).ListMine(LIST)
        async with peers.dial(None) as channel, refused("UNAVAILABLE"):
            await Keeper(channel).ListMine(LIST)


async def test_a_removed_members_streams_end_and_its_calls_are_refused() -> None:
    async with meeting() as peers, peers.calling(peers.ana.vault_tls) as keeper:
        piece = sample(peers.ana.id, 1)
        call = keeper.Put()
        await call.write(opening(piece, 1))
        await call.read()
        await call.write(blocks(piece, 0, 2))
        await call.write(wire.PutRequest(checkpoint=wire.PutCheckpoint()))
        await call.read()
        async with peers.calling(peers.ben.vault_tls) as other:
            running = other.Put()
            await running.write(opening(sample(peers.ben.id, 1), 1))
            await running.read()
            await peers.attestation.tell(told_circle(peers.own, peers.ben))
            async with refused("NOT_ADMITTED") as caught:
                await call.read()
            assert caught[0].kind is Kind.DENIED
            async with refused("NOT_ADMITTED"):  # the connection is still open; it helps nobody
                await keeper.ListMine(LIST)
            async with peers.dial(peers.ana.vault_tls) as channel, refused("UNAVAILABLE"):
                await Keeper(channel).ListMine(LIST)
            await running.write(blocks(sample(peers.ben.id, 1), 0, 3))
            await running.write(finish(sample(peers.ben.id, 1)))
            answer = await running.read()
            assert isinstance(answer, wire.PutResponse)
            assert answer.receipt
        await peers.attestation.tell(peers.circle())
        async with peers.calling(peers.ana.vault_tls) as again:  # what was durable still is
            call = again.Put()
            await call.write(opening(piece, 1))
            begun = await call.read()
            assert isinstance(begun, wire.PutResponse)
            assert begun.durable_blocks == 2


async def test_nobody_learns_anything_by_sending_nonsense() -> None:
    async with meeting() as peers, peers.calling(peers.ana.vault_tls) as keeper:
        await keeper.ListMine(LIST)
        await peers.attestation.tell(told_circle(peers.own, peers.ben))
        async with peers.calling(peers.ben.vault_tls) as other:
            await other.ListMine(LIST)  # by now the circle has changed
        for nonsense in (wire.StatRequest(fragment_ids=[b"short"]), wire.StatRequest()):
            async with refused("NOT_ADMITTED"):
                await keeper.Stat(nonsense)


async def test_a_leaving_member_repairs_what_is_here_and_puts_nothing_new() -> None:
    async with meeting() as peers, peers.calling(peers.ana.vault_tls) as keeper:
        known, half, new = (sample(peers.ana.id, number) for number in (1, 2, 3))
        await keeper.Store(store_request(peers.ana, known, 1))
        async for _ in keeper.Put(iter([opening(half, 2), blocks(half, 0, 1)])):
            pass
        members = [*peers.ana.admissions(Standing.LEAVING), *peers.ben.admissions()]
        await peers.attestation.tell(peers.circle(admissions=members))
        async with peers.calling(TlsPair(peers.ben.vault_tls.key)) as other:
            await other.ListMine(LIST)
        await keeper.Store(store_request(peers.ana, known, 3))
        async for _ in keeper.Put(iter([opening(half, 4), blocks(half, 1, 3), finish(half)])):
            pass
        async with refused("MEMBER_LEAVING"):
            await keeper.Store(store_request(peers.ana, new, 5))
        async with refused("MEMBER_LEAVING"):
            async for _ in keeper.Put(iter([opening(new, 5)])):
                pass


async def test_ones_own_vault_is_refused() -> None:
    async with meeting() as peers, peers.calling(peers.own.vault_tls) as keeper, refused("OWN_OWNER"):
        await keeper.Store(store_request(peers.own, sample(peers.own.id, 1), 1))


async def test_one_device_cannot_take_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "CALLS_PER_CERTIFICATE", 2)
    async with meeting() as peers, peers.calling(peers.ana.vault_tls) as keeper:
        running = []
        for number in (1, 2):
            call = keeper.Put()
            await call.write(opening(sample(peers.ana.id, number), number))
            await call.read()
            running.append(call)
        async with refused("TOO_MANY_CALLS"):
            await keeper.ListMine(LIST)
        async with peers.calling(peers.ben.vault_tls) as other:
            await other.ListMine(LIST)
        for call in running:
            call.cancel()


async def test_what_one_device_asks_is_read_a_few_at_a_time_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate_module, "READ_AT_ONCE", 2)
    monkeypatch.setattr(gate_module, "READ_SECONDS", 1.0)
    never = asyncio.Event()

    async def begun() -> AsyncIterator[bytes]:
        await never.wait()
        yield b""

    async with meeting() as peers, peers.calling_any(peers.ana.vault_tls) as channel:
        method = "/piccolo.fragment_store.v1.FragmentService/ListMine"
        slow = [channel.stream_unary(method)(begun()) for _ in range(2)]
        async with peers.calling(peers.ben.vault_tls) as other:
            await other.ListMine(LIST)
        await Keeper(channel).ListMine(LIST)
        for each in slow:
            async with refused("REQUEST_SLOW"):
                await each


async def test_reflection_and_health_answer_members_only() -> None:
    async with meeting() as peers, peers.calling_any(peers.ana.vault_tls) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert await check(b"") == b"\x08\x01"  # SERVING
        unknown = channel.unary_unary("/piccolo.fragment_store.v1.KeeperService/ListOwners")
        async with refused("NOT_ALLOWED"):
            await unknown(b"")
        assert isinstance(channel, grpc.aio.Channel)
