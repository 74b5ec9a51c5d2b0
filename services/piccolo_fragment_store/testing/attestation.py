"""A small attestation service: real gRPC on a real Unix socket, telling what a test has it tell."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from piccolo.attestation.v1 import circle_pb2 as wire
from piccolo.attestation.v1 import circle_pb2_grpc as stubs
from piccolo.attestation.v1 import identity_pb2, identity_pb2_grpc, peer_pb2, peer_pb2_grpc
from piccolo_formats.records.roster import AttestationPolicy, Member, MemberState, Policy, Roster
from piccolo_formats.signed import sign

from piccolo_fragment_store.core.circle import Admission, Standing
from piccolo_fragment_store.testing.people import CIRCLE, Person

ECHO = "/piccolo.attestation.v1.PeerService/Echo"
SWALLOW = "/piccolo.attestation.v1.PeerService/Swallow"
STATES = {
    Standing.UNKNOWN: wire.MEMBER_STATE_UNSPECIFIED,
    Standing.ACTIVE: wire.MEMBER_STATE_ACTIVE,
    Standing.LEAVING: wire.MEMBER_STATE_LEAVING,
    Standing.EXPELLED: wire.MEMBER_STATE_EXPELLED,
    Standing.COMPROMISED: wire.MEMBER_STATE_COMPROMISED,
}


class Attestation(
    identity_pb2_grpc.IdentityServiceServicer, stubs.CircleServiceServicer, peer_pb2_grpc.PeerServiceServicer
):
    """Tells `circle`, and remembers what it was told.

    Attributes:
        registered: what the fragment-store registered, in order.
        adopted: device records that were to be adopted, with the claims that came with them.
        called: (method, metadata, request) of each call through the proxy.
    """

    def __init__(self) -> None:
        self.circle: wire.Circle | None = None
        self.registered: list[identity_pb2.RegisterRoleRequest] = []
        self.adopted: list[tuple[bytes, bytes]] = []
        self.called: list[tuple[str, dict[str, str | bytes], bytes]] = []
        self.refuse: grpc.StatusCode | None = None
        self.watched = 0
        self._changed = asyncio.Condition()

    async def tell(self, circle: wire.Circle) -> None:
        """Changes the circle, and tells all who watch."""
        async with self._changed:
            self.circle = circle
            self._changed.notify_all()

    async def RegisterRole(
        self, request: identity_pb2.RegisterRoleRequest, context: Any
    ) -> identity_pb2.RegisterRoleResponse:
        """Remembers the keys."""
        async with self._changed:
            self.registered.append(request)
            self._changed.notify_all()
        return identity_pb2.RegisterRoleResponse(certified=True)

    async def until_registered(self, times: int = 1) -> None:
        """Returns when the fragment-store has registered so many times, and watches the circle."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: min(len(self.registered), self.watched) >= times)

    async def WatchCircle(
        self, request: wire.WatchCircleRequest, context: Any
    ) -> AsyncIterator[wire.WatchCircleResponse]:
        """Tells the circle now and at each change."""
        async with self._changed:
            self.watched += 1
            told = self.circle
            self._changed.notify_all()
        while True:
            yield wire.WatchCircleResponse(circle=told)
            async with self._changed:
                while self.circle is told:
                    await self._changed.wait()
                told = self.circle

    async def AdoptDevice(self, request: wire.AdoptDeviceRequest, context: Any) -> wire.AdoptDeviceResponse:
        """Remembers the device."""
        if self.refuse is not None:
            await context.abort(self.refuse, "not now")
        self.adopted.append((request.device, request.claim))
        return wire.AdoptDeviceResponse()

    async def Gossip(self, request: peer_pb2.GossipRequest, context: Any) -> peer_pb2.GossipResponse:
        """Answers a bundle by itself, backwards."""
        self._note("Gossip", context, request.bundle)
        if self.refuse is not None:
            await context.abort(self.refuse, "no gossip today")
        return peer_pb2.GossipResponse(bundle=request.bundle[::-1])

    async def echo(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """A streaming method that no proto knows."""
        async for request in requests:
            self._note("Echo", context, request)
            yield request + request

    async def swallow(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """A streaming method that listens, and answers only when it hears "enough"."""
        async for request in requests:
            if request == b"enough":
                yield b"heard"
                return

    def _note(self, method: str, context: Any, request: bytes) -> None:
        metadata = dict(context.invocation_metadata())
        self.called.append((method, metadata, request))


class _Echo(grpc.GenericRpcHandler):
    def __init__(self, attestation: Attestation) -> None:
        self._attestation = attestation

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        served = {ECHO: self._attestation.echo, SWALLOW: self._attestation.swallow}
        found = served.get(handler_call_details.method)
        return None if found is None else grpc.stream_stream_rpc_method_handler(found)


@asynccontextmanager
async def serving(attestation: Attestation, socket: Path) -> AsyncIterator[None]:
    """Serves attestation on a Unix socket.

    The name leads to a socket of this server alone: a server removes its socket's name some time after it
    ended, when another one may serve under that name already.
    """
    own = socket.with_name(f"{socket.name}.{secrets.token_hex(4)}")
    server = grpc.aio.server()
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(attestation, server)
    stubs.add_CircleServiceServicer_to_server(attestation, server)
    peer_pb2_grpc.add_PeerServiceServicer_to_server(attestation, server)
    server.add_generic_rpc_handlers((_Echo(attestation),))
    server.add_insecure_port(f"unix:{own}")
    await server.start()
    await asyncio.to_thread(socket.symlink_to, own)
    try:
        yield
    finally:
        await asyncio.to_thread(socket.unlink)
        await server.stop(0)


def told_circle(
    own: Person,
    *members: Person,
    admissions: list[Admission] | None = None,
    standings: Mapping[bytes, Standing] | None = None,
) -> wire.Circle:
    """The circle as attestation tells it to the keeper of `own`; `standings` of those who are not active."""
    people, said = (own, *members), standings or {}
    everyone = [each for person in people for each in person.admissions(said.get(person.id, Standing.ACTIVE))]
    return wire.Circle(
        circle_id=CIRCLE,
        epoch=1,
        roster=_roster(people, said),
        members=[_member(person, own) for person in people],
        admissions=[_admission(each) for each in (everyone if admissions is None else admissions)],
        owner_id=own.id,
    )


def _roster(people: tuple[Person, ...], standings: Mapping[bytes, Standing]) -> bytes:
    members = tuple(
        Member(
            number=number,
            owner=person.id,
            root=person.root.public,
            admin=person.admin.public,
            enrol=person.enrol.certificate,
            state=MemberState(standings.get(person.id, Standing.ACTIVE)),
            since=1,
            invited_by=None,
            recovered=0,
        )
        for number, person in enumerate(people)
    )
    policy = Policy(attestation=AttestationPolicy.OFF, at_risk=False)
    roster = Roster(circle=CIRCLE, epoch=1, previous=None, policy=policy, members=members)
    return sign(roster, people[0].admin).to_bytes()


def _member(person: Person, own: Person) -> wire.Member:
    return wire.Member(
        owner_id=person.id,
        state=wire.MEMBER_STATE_ACTIVE,
        generation=person.generation,
        server_certificate=person.store_tls.certificate,
        device=person.device().to_bytes(),
        self=person is own,
    )


def _admission(told: Admission) -> wire.Admission:
    return wire.Admission(
        certificate=told.certificate,
        owner_id=told.owner,
        kind=str(told.kind),
        role=told.role,
        generation=told.generation,
        state=STATES[told.standing],
        replaced=told.replaced,
    )
