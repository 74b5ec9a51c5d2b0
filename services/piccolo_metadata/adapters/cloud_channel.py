"""The connection to the cloud: plain server TLS, the server known by its fingerprint or by a public CA.

Rules:
* With a fingerprint, the server's certificate is fetched, compared, and then the only one that is trusted.
* Without one, the configured roots, or the machine's certificate authorities, vouch for the server.
* The channel is made at the first use and kept; gRPC reconnects by itself.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from piccolo_chassis import rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import same
from piccolo_formats.errors import FormatError
from piccolo_formats.tls import certificate_fingerprint, certificate_name, to_pem

_CONNECT_SECONDS: Final = 20.0
_HOST_PORT: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})"
)
_FINGERPRINT: Final = re.compile(r"[0-9A-Fa-f]{64}")


class CloudChannel:
    """The one channel to the cloud."""

    def __init__(self, address: str, roots: Path | None, fingerprint: str) -> None:
        """Connect nowhere yet.

        Args:
            address: `host:port` or `[IPv6 address]:port`; empty is no cloud at all.
            roots: a PEM file of the certificates to trust.
            fingerprint: of the server's own certificate, 64 hex digits; empty for none.

        Raises PiccoloError INVALID, CLOUD_SETTINGS.
        """
        _check(address, fingerprint)
        self._address, self._roots, self._fingerprint = address, roots, fingerprint
        self._channel: Channel | None = None
        self._opening = asyncio.Lock()

    @property
    def configured(self) -> bool:
        """Whether there is a cloud."""
        return bool(self._address)

    async def get(self) -> Channel:
        """The channel.

        Raises PiccoloError PRECONDITION (CLOUD_MISSING), UNAVAILABLE (CLOUD_AWAY), DENIED (CLOUD_STRANGER).
        """
        async with self._opening:
            if self._channel is not None and _waits(self._channel):
                await self.close()
                self._channel = None
            if self._channel is None:
                self._channel = await self._open()
            return self._channel

    async def close(self) -> None:
        """Ends the connection."""
        if self._channel is not None:
            await self._channel.close()

    async def _open(self) -> Channel:
        if not self.configured:
            raise PiccoloError(
                Kind.PRECONDITION,
                "CLOUD_MISSING",
                "No cloud is configured on this device: set cloud.address.",
            )
        if not self._fingerprint:
            return self._connect(None if self._roots is None else await self._read(self._roots))
        der = await self._certificate()
        if not same(certificate_fingerprint(der).hex().encode(), self._fingerprint.lower().encode()):
            raise _stranger("it shows another certificate")
        return self._connect(to_pem(der))

    def _connect(self, pem: bytes | None) -> Channel:
        credentials = grpc.ssl_channel_credentials(pem)
        name = None if pem is None else _own_name(pem)
        # a cloud's own certificate carries the key's name, not the host's
        override = [] if name is None else [("grpc.ssl_target_name_override", name)]
        # gRPC would share the failures of a connection between channels that look alike to it
        options = [rpc.handshake(_CONNECT_SECONDS), ("grpc.use_local_subchannel_pool", 1), *override]
        # without a scheme gRPC guesses one: "unix:80" would be a socket of this device
        return rpc.connect(f"dns:///{self._address}", credentials=credentials, options=options)

    async def _read(self, path: Path) -> bytes:
        try:
            return await asyncio.to_thread(path.read_bytes)
        except OSError as unreadable:
            raise PiccoloError(
                Kind.PRECONDITION,
                "CLOUD_ROOTS",
                f"The certificates that vouch for the cloud cannot be read: {unreadable}",
            ) from unreadable

    async def _certificate(self) -> bytes:
        """What the server shows. It is not trusted before it is compared."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        host, _, port = self._address.rpartition(":")
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
                try:
                    shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError) as away:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "CLOUD_AWAY",
                f"The cloud at {self._address} cannot be reached: {away or 'it does not answer'}.",
            ) from away
        if shown is None:
            raise _stranger("it shows no certificate")
        return shown


def _waits(channel: Channel) -> bool:
    """Whether gRPC refuses calls for a while, because the last connection failed: who asks now does not want
    to be told what was."""
    return channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE


def _stranger(why: str) -> PiccoloError:
    return PiccoloError(
        Kind.DENIED,
        "CLOUD_STRANGER",
        f"The server at the cloud's address is not the one that this device was told to trust: {why}. "
        "Compare cloud.fingerprint with what the cloud's operator gives.",
    )


def _check(address: str, fingerprint: str) -> None:
    found = _HOST_PORT.fullmatch(address)
    if address and (found is None or not 0 < int(found[1]) < 65_536):
        raise PiccoloError(
            Kind.INVALID,
            "CLOUD_SETTINGS",
            f"cloud.address is neither host:port nor [IPv6 address]:port: {address!r}.",
        )
    if fingerprint and not _FINGERPRINT.fullmatch(fingerprint):
        raise PiccoloError(Kind.INVALID, "CLOUD_SETTINGS", "cloud.fingerprint must be 64 hex digits.")


def _own_name(pem: bytes) -> str | None:
    """The name in a certificate that a cloud made itself; None for other certificates."""
    try:
        found = x509.load_pem_x509_certificates(pem)
        return certificate_name(found[0].public_bytes(Encoding.DER)) if len(found) == 1 else None
    except (ValueError, FormatError):
        return None
