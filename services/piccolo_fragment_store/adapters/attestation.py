"""The attestation service, over its Unix socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from piccolo.attestation.v1 import circle_pb2 as wire
from piccolo.attestation.v1 import circle_pb2_grpc as stubs
from piccolo.attestation.v1 import identity_pb2, identity_pb2_grpc
from piccolo_chassis.calls import Channel

from piccolo_fragment_store.adapters.circle_wire import to_circle
from piccolo_fragment_store.adapters.keys import RoleKeys
from piccolo_fragment_store.core.circle import Circle

ROLE = "fragment-store"


class AttestationTrust:
    """Calls attestation on a channel; what it raises is PiccoloError."""

    def __init__(self, channel: Channel, keys: RoleKeys) -> None:
        self._identity = identity_pb2_grpc.IdentityServiceStub(channel)
        self._circle = stubs.CircleServiceStub(channel)
        self._keys = keys

    async def register(self, endpoint: str, offer_bytes: int) -> None:
        """Tells this process's public keys, where peers reach it, and how many bytes it offers."""
        keys = identity_pb2.RoleKeys(role=ROLE, signing=self._keys.signing.public, tls=self._keys.certificate)
        await self._identity.RegisterRole(
            identity_pb2.RegisterRoleRequest(keys=keys, endpoint=endpoint, offer_bytes=offer_bytes)
        )

    async def watch(self) -> AsyncIterator[tuple[Circle, bytes]]:
        """The circle now and at each change, with its bytes."""
        async for told in self._circle.WatchCircle(wire.WatchCircleRequest()):
            yield to_circle(told.circle), told.circle.SerializeToString()

    async def adopt(self, device: bytes, claim: bytes, successors: Sequence[bytes]) -> None:
        """Admits a newer generation of a member's device, by its Signed("device") and Signed("claim")."""
        request = wire.AdoptDeviceRequest(device=device, claim=claim, successors=successors)
        await self._circle.AdoptDevice(request)
