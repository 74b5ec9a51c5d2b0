"""A member's peers' port: over real mTLS it promises to one generation an owner, keeps heads, and gossips."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from piccolo.attestation.v1 import peer_pb2 as trust
from piccolo.attestation.v1 import peer_pb2_grpc as trust_wire
from piccolo.fragment_store.v1 import claim_pb2 as keeping
from piccolo.fragment_store.v1 import fragment_pb2_grpc as keeping_wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.device_record import open_device
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records import generations
from piccolo_formats.records.backup import Head
from piccolo_formats.records.codec import record_hash
from piccolo_formats.records.device import Device
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tls import to_pem

from piccolo_vault.testing_keys import serving
from piccolo_vault.tests.circle_fakes import FakeOwner

_Fragments: Any = keeping_wire.FragmentServiceServicer
_Peers: Any = trust_wire.PeerServiceServicer


@dataclass(eq=False)
class FakeKeeper(_Fragments, _Peers):  # type: ignore[misc]
    """A member's fragment-store: admits enrolment certificates, keeps one promise an owner.

    `heads`: what was left with it. `knows`: the records of the circle that its attestation tells.
    """

    who: FakeOwner
    admitted: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    promised: dict[bytes, tuple[generations.Claim, bytes]] = field(default_factory=dict)
    heads: list[keeping.KeptHead] = field(default_factory=list)
    knows: list[bytes] = field(default_factory=list)
    roots: dict[bytes, bytes] = field(default_factory=dict)
    vaults: dict[bytes, bytes] = field(default_factory=dict)
    away: bool = False
    refusal: PiccoloError | None = None
    on_claim: Callable[[], None] | None = None
    host: str = "127.0.0.1"
    port: int = 0

    def admit(self, device: Device) -> None:
        """Lets an owner's enrolment certificate in, and its vault; knows its device."""
        self.admitted[device.enrol] = self.admitted[device.tls.vault] = (device.owner, device.root)
        self.vaults[device.owner] = device.signing.vault

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves on a port of its own, the same each time."""
        key = self.who.tls["fragment-store"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = to_pem(self.who.device.record.tls.fragment_store)

        def admitting() -> grpc.ServerCertificateConfiguration:
            pinned = b"".join(to_pem(der) for der in self.admitted)
            return grpc.ssl_server_certificate_configuration([(key, chain)], pinned)

        tls = grpc.dynamic_ssl_server_credentials(admitting(), admitting, require_client_authentication=True)
        async with serving(
            lambda server: keeping_wire.add_FragmentServiceServicer_to_server(self, server),
            lambda server: trust_wire.add_PeerServiceServicer_to_server(self, server),
            tls=tls,
            host=self.host,
            port=self.port,
        ) as self.port:
            yield

    async def Claim(self, request: keeping.ClaimRequest, context: Any) -> keeping.ClaimResponse:
        """Promises to a generation, or tells to which it promised before."""
        if self.on_claim:
            self.on_claim()
        self._reach()
        owner, known = self._caller(context)
        root = self._newest(owner, known, request.successors)
        claim = open_signed(generations.Claim, request.claim, required=[root]).record
        device = open_device(request.device, root)
        if (claim.owner, claim.device, claim.generation) != (
            owner,
            device.record_hash(),
            device.record.generation,
        ):
            raise PiccoloError(Kind.DENIED, "CLAIM_WRONG", "The claim is for another device.")
        before = self.promised.get(owner)
        if before is not None and (
            claim.generation < before[0].generation
            or (claim.generation == before[0].generation and claim.device != before[0].device)
        ):
            return keeping.ClaimResponse(fenced_by=before[1])
        self.promised[owner] = (claim, request.claim)
        if self.roots.get(owner, known) != root:
            # the words that were replaced get in no more
            self.admitted = {enrol: of for enrol, of in self.admitted.items() if of[0] != owner}
            self.admit(device.record)
        self.roots[owner], self.vaults[owner] = root, device.record.signing.vault
        return keeping.ClaimResponse(promise=self._promise(claim))

    async def KeepHead(self, request: keeping.KeepHeadRequest, context: Any) -> keeping.KeepHeadResponse:
        """Keeps a head that the caller's device signed, and no older one."""
        self._reach()
        if self.refusal is not None:
            raise self.refusal
        owner, root = self._caller(context)
        device = open_device(request.head.device, root).record
        head = open_signed(Head, request.head.head, required=[device.signing.metadata]).record
        if device.owner != owner:
            raise PiccoloError(Kind.DENIED, "OTHER_OWNER", "It is another owner's.")
        kept = [open_signed(Head, each.head).record for each in self.heads]
        if any(head.seq < each.seq and head.locator == each.locator for each in kept):
            raise PiccoloError(Kind.CONFLICT, "HEAD_OLDER", "There is a newer one.")
        self.heads = [request.head]
        return keeping.KeepHeadResponse()

    async def GetHeads(self, request: Any, context: Any) -> keeping.GetHeadsResponse:
        """What is kept."""
        self._reach()
        self._caller(context)
        return keeping.GetHeadsResponse(heads=self.heads)

    async def Gossip(self, request: trust.GossipRequest, context: Any) -> trust.GossipResponse:
        """Records that the caller lacks, two at a time."""
        self._reach()
        self._caller(context)
        lacking = [data for data in self.knows if _hash(data)[:16] not in request.have]
        return trust.GossipResponse(bundle=cbor.encode(list(lacking[:2])) if lacking else b"")

    def _reach(self) -> None:
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "AWAY", "This keeper is away.")

    def _caller(self, context: Any) -> tuple[bytes, bytes]:
        pem = context.auth_context()["x509_pem_cert"][0]
        der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        return self.admitted[der]

    def _newest(self, owner: bytes, root: bytes, successors: Sequence[bytes]) -> bytes:
        """The root in force; a successor is taken that the device known here has signed."""
        root = self.roots.get(owner, root)
        for each in follow(owner, root, map(open_successor, successors)):
            each.require(self.vaults[owner])
            root = each.record.new_root
        return root

    def _promise(self, claim: generations.Claim) -> bytes:
        promise = generations.Promise(
            circle=claim.circle,
            keeper=self.who.owner.owner,
            owner=claim.owner,
            generation=claim.generation,
            device=claim.device,
            time=1_700_000_000,
        )
        return sign(promise, self.who.keys["fragment-store"]).to_bytes()


def _hash(record: bytes) -> bytes:
    outer = cbor.decode(record)
    assert isinstance(outer, list)
    assert isinstance(outer[0], bytes)
    return record_hash(outer[0])
