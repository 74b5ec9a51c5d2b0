"""The cloud's mailbox, over plain server TLS: a box's address is known by the code, its content sealed to it.

Rules:
* The cloud's server is known by the fingerprint of its certificate, by configured roots, or by the machine's.
* A cloud that made its own certificate has the key's name in it, and no host's.
* The channel is made at the first use and kept; gRPC reconnects by itself.
"""

from __future__ import annotations

import asyncio

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from piccolo.cloud.v1 import cloud_pb2, cloud_pb2_grpc
from piccolo_chassis import rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.tls import certificate_name, to_pem

from piccolo_attestation.adapters.dialling import fetch_certificate
from piccolo_attestation.config import CloudConfig

_CONNECT_SECONDS = 20.0


class CloudMailbox:
    """Implements ports.Mailbox."""

    def __init__(self, config: CloudConfig) -> None:
        self._config = config
        self._opening = asyncio.Lock()
        self._channel: Channel | None = None

    async def drop(self, address: bytes, message: bytes) -> None:
        """Leaves a message; it is durable when this returns."""
        stub = cloud_pb2_grpc.MailboxServiceStub(await self._open())
        await stub.Drop(cloud_pb2.DropRequest(address=address, message=message))

    async def collect(self, address: bytes) -> list[bytes]:
        """The messages of a box in the order of their arrival."""
        stub = cloud_pb2_grpc.MailboxServiceStub(await self._open())
        return list((await stub.Collect(cloud_pb2.CollectRequest(address=address))).messages)

    async def close(self) -> None:
        """Ends the connection."""
        if self._channel is not None:
            await self._channel.close()

    async def _open(self) -> Channel:
        async with self._opening:
            if self._channel is None:
                pem = await self._roots()
                name = _own_name(pem) if pem else None
                override = [("grpc.ssl_target_name_override", name)] if name else []
                self._channel = rpc.connect(
                    f"dns:///{self._config.address}",  # without a scheme gRPC guesses one
                    credentials=grpc.ssl_channel_credentials(pem),
                    options=[rpc.handshake(_CONNECT_SECONDS), *override],
                )
            return self._channel

    async def _roots(self) -> bytes | None:
        if self._config.fingerprint:
            shown = await fetch_certificate(self._config.address, bytes.fromhex(self._config.fingerprint))
            return to_pem(shown)
        if self._config.roots is None:
            return None
        try:
            return await asyncio.to_thread(self._config.roots.read_bytes)
        except OSError as unreadable:
            raise PiccoloError(
                Kind.PRECONDITION,
                "CLOUD_ROOTS",
                f"The certificates that vouch for the cloud cannot be read: {unreadable}",
            ) from unreadable


def _own_name(pem: bytes) -> str | None:
    """The name in a certificate that a cloud made itself; None for other certificates."""
    try:
        found = x509.load_pem_x509_certificates(pem)
        return certificate_name(found[0].public_bytes(Encoding.DER)) if len(found) == 1 else None
    except (ValueError, FormatError):
        return None
