"""A byte proxy to attestation: peers ask it through our port, because a device has only one.

Rules:
* It knows no method and no message: bytes in, bytes out, both ways, whatever the shape of the call.
* Who calls is told in metadata that only this proxy sets; nothing of the caller's own metadata goes on.
* A call carries at most so many bytes each way: attestation's messages are small.
"""

from __future__ import annotations

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


class AttestationProxy(grpc.GenericRpcHandler):
    """Handles every method of attestation's PeerService.

    Args:
        channel: to attestation's socket.
        limit: bytes that a call may carry each way.
    """

    def __init__(self, channel: Channel, limit: int = LIMIT) -> None:
        self._channel, self._limit = channel, limit

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
            call = self._channel.stream_stream(method)(self._counted(requests), metadata=metadata)
            async for response in self._counted(call):
                await context.write(response)

        return grpc.stream_stream_rpc_method_handler(forward)

    async def _counted(self, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = self._limit
        async for message in messages:
            left -= len(message)
            if left < 0:
                raise PiccoloError(
                    Kind.EXHAUSTED,
                    "CALL_TOO_LARGE",
                    f"A call to attestation carries at most {self._limit} bytes each way.",
                )
            yield message
