"""Real metadata and real fragment-stores as processes, and an attestation that only knows this circle."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from piccolo.attestation.v1 import circle_pb2 as wire
from piccolo.attestation.v1 import circle_pb2_grpc as stubs
from piccolo.attestation.v1 import identity_pb2, identity_pb2_grpc
from piccolo_chassis.testing import Service, running
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.device import Device, SigningKeys, TlsCertificates
from piccolo_formats.records.roster import AttestationPolicy, MemberState, Policy, Roster
from piccolo_formats.records.roster import Member as RosterMember
from piccolo_formats.signed import sign
from piccolo_formats.tls import generate_key, make_certificate, to_pem

from piccolo_vault.core.circle import Circle, Member, Standing
from piccolo_vault.testing import FakeKeyring
from piccolo_vault.testing_keys import serving

CIRCLE = bytes(range(16))
OWN_KEK = Kek(bytes(range(32)))  # FakeKeyring's
_Identity: Any = identity_pb2_grpc.IdentityServiceServicer
_Circle: Any = stubs.CircleServiceServicer


class DialledKeyring(FakeKeyring):
    """A fake keyring with a TLS identity that real keepers accept."""

    def __init__(self) -> None:
        super().__init__()
        self._tls = generate_key()
        self.certificate = make_certificate(self._tls)

    def tls_identity(self) -> tuple[bytes, bytes]:
        key = self._tls.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return to_pem(self.certificate), key


@dataclass(eq=False)
class Attestation(_Identity, _Circle):  # type: ignore[misc]
    """One keeper's attestation: takes its keys, and tells the circle once everybody's are known."""

    registered: identity_pb2.RegisterRoleRequest | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)
    circle: asyncio.Future[wire.Circle] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def register(self, server: Any) -> None:
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(self, server)
        stubs.add_CircleServiceServicer_to_server(self, server)

    async def RegisterRole(self, request: identity_pb2.RegisterRoleRequest, context: Any) -> Any:
        self.registered = request
        self.known.set()
        return identity_pb2.RegisterRoleResponse(certified=True)

    async def WatchCircle(self, request: Any, context: Any) -> AsyncIterator[wire.WatchCircleResponse]:
        yield wire.WatchCircleResponse(circle=await asyncio.shield(self.circle))
        await asyncio.Event().wait()


@dataclass(eq=False)
class RealCircle:
    """This device's metadata and the other devices' fragment-stores."""

    keyring: DialledKeyring
    metadata: Service
    stores: list[Service]
    circle: Circle


def _device(
    kek: Kek, vault: SigningKey, certificate: bytes, told: identity_pb2.RegisterRoleRequest | None
) -> Device:
    fresh = SigningKey(os.urandom(32)).public
    return Device(
        circle=CIRCLE,
        owner=owner_id(kek.owner_root().public),
        root=kek.owner_root().public,
        admin=kek.admin().public,
        enrol=make_certificate(kek.enrolment()),
        generation=1,
        name="a device",
        signing=SigningKeys(
            vault=vault.public,
            metadata=fresh,
            fragment_store=told.keys.signing if told else fresh,
            attestation=fresh,
        ),
        tls=TlsCertificates(
            vault=certificate,
            fragment_store=told.keys.tls if told else make_certificate(generate_key()),
            attestation=make_certificate(generate_key()),
        ),
        ak=None,
        created=1,
    )


def _listed(number: int, device: Device) -> RosterMember:
    return RosterMember(
        number=number,
        owner=device.owner,
        root=device.root,
        admin=device.admin if number == 0 else None,
        enrol=device.enrol,
        state=MemberState.ACTIVE,
        since=1,
        invited_by=None if number == 0 else OWN_KEK_OWNER,
        recovered=0,
    )


OWN_KEK_OWNER = owner_id(OWN_KEK.owner_root().public)


@asynccontextmanager
async def real_circle(folder: Path, count: int) -> AsyncIterator[RealCircle]:
    """Starts everything; all processes end with the block."""
    keyring = DialledKeyring()
    async with AsyncExitStack() as stack:
        settings = {"state": str(folder / "m")}
        metadata = await stack.enter_async_context(running("metadata", settings, folder / "run-m"))
        stores, attestations = [], []
        for number in range(count):
            attestation, door = Attestation(), folder / f"a{number}"
            door.mkdir(mode=0o700)
            await stack.enter_async_context(serving(attestation.register, path=door / "s"))
            config = {
                "state": str(folder / f"f{number}"),
                "attestation": str(door / "s"),
                "address": "127.0.0.1:0",
                "offer_bytes": 1 << 34,
                "disk_reserve_bytes": 0,
            }
            stores.append(
                await stack.enter_async_context(running("fragment-store", config, folder / f"run-f{number}"))
            )
            attestations.append(attestation)
        yield RealCircle(keyring, metadata, stores, await _introduce(keyring, attestations))


async def _introduce(keyring: DialledKeyring, attestations: list[Attestation]) -> Circle:
    """Tells every keeper the circle, once all have told their keys."""
    keks = [OWN_KEK, *(Kek(bytes([100 + number]) * 32) for number in range(len(attestations)))]
    devices = [_device(OWN_KEK, keyring.signing_key(), keyring.certificate, None)]
    for kek, attestation in zip(keks[1:], attestations, strict=True):
        await asyncio.wait_for(attestation.known.wait(), 10)
        certificate = make_certificate(generate_key())
        devices.append(_device(kek, SigningKey(os.urandom(32)), certificate, attestation.registered))
    records = [sign(each, kek.owner_root()).to_bytes() for each, kek in zip(devices, keks, strict=True)]
    for number, attestation in enumerate(attestations, 1):
        attestation.circle.set_result(_circle(keyring.certificate, devices, records, number))
    members = [_member(number, devices[number], each) for number, each in enumerate(attestations, 1)]
    return Circle(CIRCLE, 1, devices[0].owner, False, tuple(members))


def _circle(certificate: bytes, devices: list[Device], records: list[bytes], self_at: int) -> wire.Circle:
    """The circle as one keeper's attestation tells it."""
    policy = Policy(attestation=AttestationPolicy.OFF, at_risk=False)
    listed = tuple(_listed(number, device) for number, device in enumerate(devices))
    roster = Roster(circle=CIRCLE, epoch=1, previous=None, policy=policy, members=listed)
    admitted = wire.Admission(
        certificate=certificate,
        owner_id=devices[0].owner,
        kind="member",
        role="vault",
        generation=1,
        state=wire.MEMBER_STATE_ACTIVE,
    )
    told = wire.Circle(
        circle_id=CIRCLE,
        epoch=1,
        roster=sign(roster, OWN_KEK.admin()).to_bytes(),
        admissions=[admitted],
        owner_id=devices[self_at].owner,
    )
    for at, (device, record) in enumerate(zip(devices, records, strict=True)):
        told.members.add(
            owner_id=device.owner,
            number=at,
            state=wire.MEMBER_STATE_ACTIVE,
            generation=1,
            device=record,
            self=at == self_at,
        )
    return told


def _member(number: int, device: Device, attestation: Attestation) -> Member:
    assert attestation.registered is not None
    return Member(
        owner_id=device.owner,
        name=f"keeper-{number}",
        standing=Standing.ACTIVE,
        endpoints=("127.0.0.1:1", attestation.registered.endpoint),  # the first one answers nobody
        server_certificate=device.tls.fragment_store,
        receipt_key=device.signing.fragment_store,
        generation=1,
        offer_bytes=1 << 34,
    )


def only_good_endpoints(circle: Circle) -> Circle:
    """The circle as it is known when no address is stale."""
    return replace(circle, members=tuple(replace(m, endpoints=m.endpoints[1:]) for m in circle.members))
