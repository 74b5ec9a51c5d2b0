"""piccolo.attestation.v1.IdentityService."""

from __future__ import annotations

from typing import Any

from piccolo.attestation.v1 import identity_pb2 as pb
from piccolo.attestation.v1 import identity_pb2_grpc

from piccolo_attestation.engine.circle import Circle
from piccolo_attestation.engine.identity import Identity, RoleKeys

NAME = "piccolo.attestation.v1.IdentityService"


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    """Gathers keys, hands out what must be certified, takes the certificate."""

    def __init__(self, identity: Identity, circle: Circle) -> None:
        self._identity, self._circle = identity, circle

    async def RegisterRole(self, request: pb.RegisterRoleRequest, context: Any) -> pb.RegisterRoleResponse:
        """Takes a role's keys; a new address or offer is told to the circle."""
        keys = RoleKeys(request.keys.signing, request.keys.tls)
        certified = await self._identity.register(
            request.keys.role, keys, request.endpoint, request.offer_bytes
        )
        await self._circle.announce()
        return pb.RegisterRoleResponse(certified=certified)

    async def GetIdentity(self, request: pb.GetIdentityRequest, context: Any) -> pb.GetIdentityResponse:
        """What the vault must certify."""
        certificate = self._identity.certificate
        return pb.GetIdentityResponse(
            roles=[
                pb.RoleKeys(role=role, signing=keys.signing, tls=keys.tls)
                for role, keys in sorted(self._identity.roles.items())
            ],
            device=certificate.to_bytes() if certificate else b"",
            missing=self._identity.missing,
        )

    async def InstallCertificate(
        self, request: pb.InstallCertificateRequest, context: Any
    ) -> pb.InstallCertificateResponse:
        """Puts a certificate in force."""
        await self._circle.install(request.device, request.successors)
        return pb.InstallCertificateResponse()
