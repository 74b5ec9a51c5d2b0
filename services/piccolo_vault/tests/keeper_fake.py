"""A member's fragment-store: over real mTLS it promises to one generation an owner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from piccolo.fragment_store.v1 import fragment_store_pb2 as keeping
from piccolo.fragment_store.v1 import fragment_store_pb2_grpc as keeping_wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.records import generations
from piccolo_formats.records.device import Device
from piccolo_formats.signed import open_signed, sign
from piccolo_formats.tls import to_pem

from piccolo_vault.testing_keys import serving
from piccolo_vault.tests.circle_fakes import FakeOwner

_Fragments: Any = keeping_wire.FragmentServiceServicer


@dataclass(eq=False)
class FakeKeeper(_Fragments):  # type: ignore[misc]
    """A member's fragment-store: admits enrolment certificates, keeps one promise an owner."""

    who: FakeOwner
    admitted: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    promised: dict[bytes, tuple[generations.Claim, bytes]] = field(default_factory=dict)
    away: bool = False
    on_claim: Callable[[], None] | None = None
    host: str = "127.0.0.1"
    port: int = 0

    def admit(self, device: Device) -> None:
        """Lets an owner's enrolment certificate in."""
        self.admitted[device.enrol] = (device.owner, device.root)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves on a port of its own; whom to admit must be known before."""
        key = self.who.tls["fragment-store"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = to_pem(self.who.device.record.tls.fragment_store)
        pinned = b"".join(to_pem(der) for der in self.admitted)
        tls = grpc.ssl_server_credentials([(key, chain)], pinned, require_client_auth=True)
        async with serving(
            lambda server: keeping_wire.add_FragmentServiceServicer_to_server(self, server),
            tls=tls,
            host=self.host,
        ) as self.port:
            yield

    async def Claim(self, request: keeping.ClaimRequest, context: Any) -> keeping.ClaimResponse:
        """Promises to a generation, or tells to which it promised before."""
        if self.on_claim:
            self.on_claim()
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "AWAY", "This keeper is away.")
        pem = context.auth_context()["x509_pem_cert"][0]
        der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
        owner, root = self.admitted[der]
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
        return keeping.ClaimResponse(promise=self._promise(claim))

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
