"""Attestation as processes, behind the real peers' ports, over real mTLS; and attacks on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo.attestation.v1 import identity_pb2, invitation_pb2, peer_pb2
from piccolo.attestation.v1 import peer_pb2_grpc as wire
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.testing import no_leaked_processes, spawned
from piccolo_formats.invitations import InvitationLink
from piccolo_formats.keypairs import derived_p256
from piccolo_formats.tls import make_certificate, to_pem

from piccolo_attestation.adapters.dialling import Dialler, fetch_certificate
from piccolo_attestation.core import bundle
from piccolo_attestation.testing import Owner
from piccolo_attestation.tests.boxes import Box, running_box

pytestmark = [pytest.mark.component, pytest.mark.usefixtures(no_leaked_processes.__name__)]

ANA, BEN, CLEO, DAN = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan"))
ALL = {"ana", "ben", "cleo"}


@asynccontextmanager
async def boxes(tmp_path: Path, *owners: Owner) -> AsyncIterator[list[Box]]:
    async with AsyncExitStack() as stack:
        made = [Box(owner, tmp_path / owner.name) for owner in owners]
        yield [await stack.enter_async_context(running_box(box)) for box in made]


async def refused(reason: str, work: Awaitable[object]) -> str:
    with pytest.raises(PiccoloError) as error:
        await work
    assert error.value.reason == reason, error.value.message
    return error.value.message


def member(circle: pb.Circle, owner: Owner) -> pb.Member:
    return next(each for each in circle.members if each.owner_id == owner.id)


async def test_three_devices_find_together_and_one_is_lost_and_restored(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context(running_box(Box(ANA, tmp_path / "ana")))
        ben = await stack.enter_async_context(running_box(Box(BEN, tmp_path / "ben")))
        lost = Box(CLEO, tmp_path / "cleo")
        async with running_box(lost) as cleo:
            founded = await ana.found()
            assert [each.kind for each in founded.admissions] == ["enrol", "member", "member"]
            first = await ana.invite()
            joined = await ben.join(first.link)
            assert member(joined, BEN).self
            assert member(joined, BEN).verdict == "unattested"
            await cleo.join((await ben.invite()).link)
            for box in (ana, ben, cleo):
                circle = await box.until(ALL)
                assert circle.epoch == 3
                assert all(each.admin for each in circle.members)
            backup = (await cleo.now()).bundle
            late = await cleo.invite()
            for box in (ana, ben, cleo):
                logs = box.raw_logs()
                assert not any(secret in logs for secret in (first.code, late.code, first.link))
        new = Box(CLEO, tmp_path / "new", generation=2)
        async with running_box(new) as cleo:
            device = await cleo.certified()
            back = (await cleo.circle.Rejoin(pb.RejoinRequest(bundle=backup, device=device))).circle
            assert back.unheard == 2
            await ana.circle.AdoptDevice(pb.AdoptDeviceRequest(device=device))
            for box in (ana, ben, cleo):
                await box.until(ALL, lambda it: not it.unheard and member(it, CLEO).generation == 2)
            dan = await stack.enter_async_context(running_box(Box(DAN, tmp_path / "dan")))
            await dan.join((await cleo.invite()).link)
            await ben.until({*ALL, "dan"})
            async with running_box(lost, vault=False) as old:  # somebody finds it and switches it on
                assert "generation 2" in (await old.until({*ALL, "dan"}, lambda it: bool(it.fenced))).fenced
                await refused("FENCED", old.invite())


async def test_a_device_restarts_where_it_was_and_without_anybody_to_ask(tmp_path: Path) -> None:
    box = Box(ANA, tmp_path / "ana", settings={"metadata": str(tmp_path / "nowhere.sock")})
    async with running_box(box):
        founded = await box.found()
        made = await box.invite()
    async with running_box(box):
        circle = await box.now()
        assert (circle.roster_hash, circle.owner_id) == (founded.roster_hash, ANA.id)
        listed = await box.circle.ListInvitations(invitation_pb2.ListInvitationsRequest())
        assert [each.invitation_id for each in listed.invitations] == [made.invitation_id]
        assert (await box.identity.GetIdentity(identity_pb2.GetIdentityRequest())).device
    damaged = box.folder / "attestation-state" / "circle"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    settings = {"state": str(box.folder / "attestation-state")}
    async with spawned("attestation", settings, box.folder / "again") as service:
        assert await service.exited() == 78
        (told,) = (line for line in service.log() if line.get("reason") == "STATE_DAMAGED")
        assert "Put it back from a copy, or " in told["message"]
        assert "24 words" in told["message"]


async def test_the_peers_port_lets_in_exact_certificates_only(tmp_path: Path) -> None:
    async with boxes(tmp_path, ANA, BEN) as (ana, ben):
        await ana.found()
        await ben.join((await ana.invite()).link)
        circle = await ana.until({"ana", "ben"})
        there = member(circle, ANA)
        endpoint, server = there.endpoints[0], there.server_certificate
        stranger = derived_p256(bytes(32), b"stranger")
        for dialler in (
            Dialler.of(stranger, make_certificate(stranger)),
            leaf_signed_by_a_member(ben),
        ):
            await refused("PEER_AWAY", dialler.call([endpoint], server, gossip))
        # a member's vault is let in, but it is not its attestation
        await refused("NOT_ALLOWED", ben.dialler().call([endpoint], server, gossip))
        # a blank device with the owner's words may ask for the circle, and for nothing else
        enrolled = Dialler.of(BEN.kek.enrolment(), BEN.enrol)
        told = await enrolled.call([endpoint], server, gossip)
        assert len(bundle.decode(told.bundle)) == len(bundle.decode(circle.bundle))
        await refused("PEER_NOT_ALLOWED", enrolled.call([endpoint], server, introduce))
        await refused("SERVER_FOREIGN", fetch_certificate(endpoint, bytes(32)))


async def gossip(channel: grpc.aio.Channel) -> peer_pb2.GossipResponse:
    return await wire.PeerServiceStub(channel).Gossip(peer_pb2.GossipRequest())


async def introduce(channel: grpc.aio.Channel) -> peer_pb2.IntroduceResponse:
    return await wire.PeerServiceStub(channel).Introduce(peer_pb2.IntroduceRequest())


def leaf_signed_by_a_member(box: Box) -> Dialler:
    """A certificate for a key of one's own, which a member's certificate has signed as if it were a CA."""
    ca, key = (
        x509.load_pem_x509_certificate(box.dialler().certificate),
        ec.generate_private_key(ec.SECP256R1()),
    )
    ca_key = serialization.load_pem_private_key(box.dialler().key, None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    leaf = (
        x509.CertificateBuilder()
        .serial_number(7)
        .issuer_name(ca.subject)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ana")]))
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        .public_key(key.public_key())
        .sign(ca_key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Dialler(pem, leaf.public_bytes(serialization.Encoding.PEM) + box.dialler().certificate)


async def test_a_joiner_hears_why_in_words(tmp_path: Path) -> None:
    async with boxes(tmp_path, ANA, BEN, CLEO) as (ana, ben, cleo):
        await ana.found()
        used = await ana.invite()
        await ben.join(used.link)
        assert "Somebody else" in await refused("INVITATION_USED", cleo.join(used.link))
        revoked = await ana.invite()
        await ana.circle.RevokeInvitation(
            invitation_pb2.RevokeInvitationRequest(invitation_id=revoked.invitation_id)
        )
        await refused("INVITATION_REVOKED", cleo.join(revoked.link))
        brief = await ana.circle.Invite(invitation_pb2.InviteRequest(note="Cleo", lifetime=1))
        async with asyncio.timeout(10):
            while (await states(ana))[0] != "expired":  # noqa: ASYNC110 - by the clock; nothing tells
                await asyncio.sleep(0.1)
        await refused("INVITATION_EXPIRED", cleo.join(brief.link))
        await refused("NO_MAILBOX", cleo.join(brief.code))
        link = InvitationLink.parse((await ana.invite()).link)
        there = member(await ben.now(), BEN).endpoints[0]
        await refused(
            "INVITATION_FOREIGN", cleo.join(InvitationLink(link.code, there, link.fingerprint).text())
        )
        nobody = InvitationLink(link.code, "127.0.0.1:1", link.fingerprint)
        await refused("INVITER_AWAY", cleo.join(nobody.text()))
        assert (await cleo.join(link.text())).epoch == 3


async def states(box: Box) -> list[str]:
    listed = await box.circle.ListInvitations(invitation_pb2.ListInvitationsRequest())
    return [each.state for each in listed.invitations]


async def test_proxy_metadata_is_not_taken_on_trust(tmp_path: Path) -> None:
    async with boxes(tmp_path, ANA, BEN) as (ana, ben):
        await ana.found()
        await ben.join((await ana.invite()).link)
        circle = await ana.until({"ana", "ben"})
        peer = wire.PeerServiceStub(ana.channel)
        mine = next(
            each for each in circle.admissions if each.owner_id == BEN.id and each.role == "attestation"
        )
        vault = next(each for each in circle.admissions if each.owner_id == BEN.id and each.role == "vault")
        stranger = make_certificate(derived_p256(bytes(32), b"stranger"))
        as_ben, as_ana = f"member/{BEN.id.hex()}", f"member/{ANA.id.hex()}"

        def call(*metadata: tuple[str, str | bytes]) -> Awaitable[object]:
            return peer.Gossip(peer_pb2.GossipRequest(), metadata=metadata)

        assert await call(("piccolo-peer", as_ben), ("piccolo-peer-bin", mine.certificate))
        for reason, metadata in (
            ("PEER_UNKNOWN", ()),
            ("PEER_UNKNOWN", (("piccolo-peer", as_ben),)),
            ("PEER_UNKNOWN", (("piccolo-peer-bin", mine.certificate),)),
            ("PEER_UNKNOWN", (("piccolo-peer", as_ben), ("piccolo-peer-bin", stranger))),
            ("PEER_UNKNOWN", (("piccolo-peer", as_ana), ("piccolo-peer-bin", mine.certificate))),
            ("PEER_UNKNOWN", (("piccolo-peer", "invited/"), ("piccolo-peer-bin", mine.certificate))),
            (
                "PEER_UNKNOWN",
                (("piccolo-peer", as_ben), ("piccolo-peer", as_ana), ("piccolo-peer-bin", mine.certificate)),
            ),
            ("PEER_NOT_ALLOWED", (("piccolo-peer", as_ben), ("piccolo-peer-bin", vault.certificate))),
        ):
            await refused(reason, call(*metadata))
        proof = (("piccolo-peer", as_ben), ("piccolo-peer-bin", mine.certificate))
        await refused(
            "PEER_NOT_ALLOWED", peer.Accept(peer_pb2.AcceptRequest(acceptance=b"x"), metadata=proof)
        )
        forged = peer_pb2.AgreeRequest(previous=circle.roster_hash, ballot=2**32)  # Ana's number, not Ben's
        await refused("NOT_ADMIN", peer.Agree(forged, metadata=proof))
        await refused("RECORD_MALFORMED", peer.Gossip(peer_pb2.GossipRequest(bundle=b"\xff"), metadata=proof))
        assert to_pem(mine.certificate)


async def test_a_process_that_comes_with_other_keys_wakes_who_watches(tmp_path: Path) -> None:
    """The vault must hear of it: nobody believes what is signed with a key that no certificate names."""
    async with boxes(tmp_path, ANA) as (ana,):
        await ana.found()
        watched = aiter(ana.circle.WatchCircle(pb.WatchCircleRequest()))
        before = (await anext(watched)).circle
        told = asyncio.ensure_future(anext(watched))
        keys = identity_pb2.RoleKeys(role="metadata", signing=ANA.key("metadata", 2).public)
        answer = await ana.identity.RegisterRole(identity_pb2.RegisterRoleRequest(keys=keys))
        assert not answer.certified
        async with asyncio.timeout(20):
            assert (await told).circle == before


async def test_malformed_requests_are_refused_in_words(tmp_path: Path) -> None:
    async with boxes(tmp_path, ANA) as (ana,):
        await refused("NO_CIRCLE", ana.now())
        await refused("NO_CIRCLE", ana.invite())
        await refused("RECORD_MALFORMED", ana.circle.Found(pb.FoundRequest(roster=b"\x80")))
        await refused("REQUEST_INVALID", ana.circle.Found(pb.FoundRequest()))
        for typed in ("U" * 26, "0FEF1ZZR3", " "):
            await refused("INVITATION_UNREADABLE", ana.join(typed))
        watched = aiter(ana.circle.WatchCircle(pb.WatchCircleRequest()))
        assert not (await anext(watched)).HasField("circle")
        await ana.found()
        assert (await anext(watched)).circle.epoch == 1
        bundle_ = (await ana.now()).bundle
        device = (await ana.identity.GetIdentity(identity_pb2.GetIdentityRequest())).device
        for cut in (bundle_[:-1], b"\x80", bundle.encode([device])):
            with pytest.raises(PiccoloError) as error:
                await ana.circle.Rejoin(pb.RejoinRequest(bundle=cut, device=device))
            assert error.value.reason in ("RECORD_MALFORMED", "RECORD_EARLY")
        again = (await ana.circle.Rejoin(pb.RejoinRequest(bundle=bundle_, device=device))).circle
        assert again.unheard == 0
