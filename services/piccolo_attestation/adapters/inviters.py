"""The inviter's device, reached with the TLS identity that the invitation's code gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from piccolo.attestation.v1 import peer_pb2 as pb
from piccolo.attestation.v1 import peer_pb2_grpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.invitations import InvitationCode
from piccolo_formats.tls import make_certificate

from piccolo_attestation.adapters.dialling import Dialler, fetch_certificate
from piccolo_attestation.core import bundle
from piccolo_attestation.ports import Accepted, Introduced, Inviter

T = TypeVar("T")
_Stub = peer_pb2_grpc.PeerServiceStub


class GrpcInviters:
    """Implements ports.Inviters."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is what a call may take; the inviter's device answers an acceptance within."""
        self._seconds = seconds
        # fetched once for all calls of a joining: each fetch is a failed handshake in the inviter's log
        self._last: tuple[Inviter | None, bytes] = (None, b"")

    async def introduce(self, inviter: Inviter, code: InvitationCode) -> Introduced:
        """Asks which circle invites."""
        answer = await self._call(
            inviter, code, lambda stub: stub.Introduce(pb.IntroduceRequest(), timeout=self._seconds)
        )
        return Introduced(answer.invitation, bundle.decode(answer.bundle))

    async def accept(self, inviter: Inviter, code: InvitationCode, acceptance: bytes) -> Accepted:
        """Brings an acceptance."""
        request = pb.AcceptRequest(acceptance=acceptance)
        answer = await self._call(inviter, code, lambda stub: stub.Accept(request, timeout=self._seconds))
        return Accepted(answer.joined, bundle.decode(answer.bundle))

    async def _call(self, inviter: Inviter, code: InvitationCode, ask: Callable[[_Stub], Awaitable[T]]) -> T:
        server = await self._certificate(inviter)
        key = code.tls_key()

        def asked(channel: Channel) -> Awaitable[T]:
            return ask(peer_pb2_grpc.PeerServiceStub(channel))

        return await Dialler.of(key, make_certificate(key)).call([inviter.endpoint], server, asked)

    async def _certificate(self, inviter: Inviter) -> bytes:
        if self._last[0] != inviter:
            try:
                self._last = inviter, await fetch_certificate(inviter.endpoint, inviter.fingerprint)
            except PiccoloError as wrong:
                raise _translated(wrong) from wrong
        return self._last[1]


def _translated(wrong: PiccoloError) -> PiccoloError:
    if wrong.reason == "SERVER_FOREIGN":
        return PiccoloError(
            Kind.DENIED,
            "INVITATION_FOREIGN",
            "Another device than the inviter's answers there. Ask for a new invitation.",
        )
    return PiccoloError(
        Kind.UNAVAILABLE,
        "INVITER_AWAY",
        f"The inviter's device does not answer: {wrong.message}",
    )
