"""Members' fragment-stores, dialled with the identity that the words give, for one question: Claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from piccolo.fragment_store.v1 import fragment_store_pb2 as pb
from piccolo.fragment_store.v1 import fragment_store_pb2_grpc as wire
from piccolo_chassis import rpc
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.tls import certificate_name, to_pem

from piccolo_vault.ports.promises import Answer

if TYPE_CHECKING:
    from piccolo_vault.core.circle import Member
    from piccolo_vault.ports.promises import DialIdentity

_SECONDS = 10.0


class DialledPromisers:
    """`Promisers` over mTLS: a member must show the very certificate that the circle knows of it."""

    async def claim(self, member: Member, identity: DialIdentity, claim: bytes, device: bytes) -> Answer:
        """Asks one member at its endpoints in turn; raises PiccoloError UNAVAILABLE when none answers."""
        failure = PiccoloError(
            Kind.UNAVAILABLE, "NO_ENDPOINT", f"{member.name!r} has told no address to reach it at."
        )
        for endpoint in member.endpoints:
            try:
                return await _ask(endpoint, member, identity, pb.ClaimRequest(claim=claim, device=device))
            except PiccoloError as failed:
                failure = failed
        raise failure


async def _ask(endpoint: str, member: Member, identity: DialIdentity, request: pb.ClaimRequest) -> Answer:
    try:
        name, pinned = certificate_name(member.server_certificate), to_pem(member.server_certificate)
    except FormatError as wrong:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "CERTIFICATE_WRONG",
            f"{member.name!r} has told no certificate that can be pinned.",
        ) from wrong
    credentials = grpc.ssl_channel_credentials(pinned, identity.key, identity.certificate)
    options = [("grpc.ssl_target_name_override", name)]
    # without a scheme gRPC guesses one: "unix:80" would be a socket of this device
    async with rpc.connect(f"dns:///{endpoint}", credentials=credentials, options=options) as channel:
        stub: Any = wire.FragmentServiceStub(channel)
        answer = await stub.Claim(request, timeout=_SECONDS)
        return Answer(promise=answer.promise, fenced_by=answer.fenced_by)
