"""Channels to peers' ports: mTLS in which each side shows one certificate that the other pins whole.

Rules:
* The server must show exactly the pinned certificate. It is the only root, and its form forbids that it signs
  another (docs/storage-format.md, section 9), so no member can speak for it.
* Of a certificate known by its fingerprint only, the bytes are fetched first by a handshake that proves
  nothing; the call that follows pins them, and so proves that the server has their key.
* Addresses are tried in order; a call uses the first that answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from piccolo_chassis import rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.shown import shown_certificate
from piccolo_formats.errors import FormatError
from piccolo_formats.tls import certificate_fingerprint, certificate_name, to_pem

from piccolo_attestation.core.endpoints import is_dialable

_CONNECT_SECONDS: Final = 8.0
_HANDSHAKE_SECONDS: Final = 5.0  # no connection is tried twice here
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dialler:
    """Who we are when we dial: a key and its certificate, PEM."""

    key: bytes
    certificate: bytes

    @classmethod
    def of(cls, key: ec.EllipticCurvePrivateKey, certificate: bytes) -> Dialler:
        """The dialler with that key and its certificate (DER)."""
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(pem, to_pem(certificate))

    @asynccontextmanager
    async def channel(self, endpoint: str, server: bytes) -> AsyncIterator[Channel]:
        """A channel to the server that shows that certificate (DER). Raises PiccoloError INVALID,
        PEER_WRONG."""
        try:
            name = certificate_name(server)
        except FormatError as wrong:
            raise PiccoloError(
                Kind.INVALID, "PEER_WRONG", f"{endpoint} has no certificate of a Piccolo device."
            ) from wrong
        credentials = grpc.ssl_channel_credentials(to_pem(server), self.key, self.certificate)
        options = [
            rpc.handshake(_HANDSHAKE_SECONDS),
            ("grpc.ssl_target_name_override", name),
            # gRPC would share one that another question left in the middle of its handshake
            ("grpc.use_local_subchannel_pool", 1),
        ]
        # without a scheme gRPC guesses one from the name
        async with rpc.connect(f"dns:///{endpoint}", credentials=credentials, options=options) as channel:
            yield channel

    async def call(
        self, endpoints: Sequence[str], server: bytes, ask: Callable[[Channel], Awaitable[T]]
    ) -> T:
        """What the server answers at the first address that can be reached.

        Raises PiccoloError UNAVAILABLE, PEER_AWAY when none can; else as the server answers.
        """
        for endpoint in filter(is_dialable, endpoints):
            async with self.channel(endpoint, server) as channel:
                if await _connected(channel):
                    return await ask(channel)
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "PEER_AWAY",
            f"The device at {', '.join(endpoints)} cannot be reached, or does not let this device in.",
        )


async def _connected(channel: Channel) -> bool:
    """Whether the connection stands; a refused one is not tried again here."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            state = channel.get_state(try_to_connect=True)
            while state is not grpc.ChannelConnectivity.READY:
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    return False
                await channel.wait_for_state_change(state)
                state = channel.get_state()
    except TimeoutError:
        return False
    return True


async def fetch_certificate(endpoint: str, fingerprint: bytes) -> bytes:
    """The certificate (DER) that a server shows, when it has that fingerprint.

    Raises PiccoloError UNAVAILABLE (SERVER_AWAY), DENIED (SERVER_FOREIGN).
    """
    try:
        shown = await shown_certificate(endpoint, _CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as away:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "SERVER_AWAY",
            f"{endpoint} cannot be reached. Is it on, and reachable from here?",
        ) from away
    if certificate_fingerprint(shown) != fingerprint:
        raise PiccoloError(
            Kind.DENIED,
            "SERVER_FOREIGN",
            f"Another server than the one that this device was told of answers at {endpoint}.",
        )
    return shown
