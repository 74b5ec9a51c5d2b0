"""A byte proxy to attestation: peers ask it through our port, because a device has only one.

Rules:
* It knows no method and no message: bytes in, bytes out, both ways, whatever the shape of the call.
* Who calls is told in metadata that only this proxy sets; nothing of the caller's own metadata goes on.
* A call carries at most so many bytes each way: attestation's messages are small.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.access import PROXIED
from piccolo_fragment_store.service.gate import caller

PEER: Final = "piccolo-peer"
PEER_CERTIFICATE: Final = "piccolo-peer-bin"
LIMIT: Final = 16 * 1024 * 1024
_SECONDS: Final = 600.0


class AttestationProxy(grpc.GenericRpcHandler):
    """Handles every method of attestation's PeerService.

    Args:
        channel: to attestation's socket.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel, self._limit = channel, LIMIT

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """A handler for a method of PeerService; None for any other."""
        method = handler_call_details.method
        if not method.startswith(PROXIED):
            return None

        async def forward(requests: AsyncIterator[bytes], context: Any) -> None:
            admission = caller()
            metadata = (
                (PEER, f"{admission.kind}/{admission.owner.hex()}"),
                (PEER_CERTIFICATE, admission.certificate),
            )
            call = self._channel.stream_stream(method)(metadata=metadata, timeout=_SECONDS)
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send(requests, call))
                left = self._limit
                while (response := await call.read()) is not grpc.aio.EOF:
                    left = _count(left, response)
                    await context.write(response)
                sending.cancel()

        return grpc.stream_stream_rpc_method_handler(forward)

    async def _send(self, requests: AsyncIterator[bytes], call: Any) -> None:
        left = self._limit
        try:
            async for request in requests:
                left = _count(left, request)
                await call.write(request)
            await call.done_writing()
        except PiccoloError as ended:
            if ended.reason != "STREAM_ENDED":  # attestation has heard enough: its answer tells
                raise


def _count(left: int, message: bytes) -> int:
    if len(message) > left:
        raise PiccoloError(
            Kind.EXHAUSTED,
            "CALL_TOO_LARGE",
            f"A call to attestation carries at most {LIMIT} bytes each way.",
        )
    return left - len(message)
