"""The certificate that a server shows, by a handshake that proves nothing.

For a server that is known by its fingerprint only: the caller compares what is shown with it, and pins the
bytes in the call that follows; only that call proves that the server has their key.
"""

from __future__ import annotations

import asyncio
import ssl


async def shown_certificate(endpoint: str, seconds: float) -> bytes:
    """Returns what the server at "host:port" shows, DER; empty when it shows none.

    Raises OSError, ValueError (no such endpoint) or TimeoutError.
    """
    context = ssl.create_default_context()
    # in 1.2 a server that wants our certificate would end the handshake before it shows its own
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the caller decides by the fingerprint
    context.set_alpn_protocols(["h2"])
    host, _, port = endpoint.rpartition(":")
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    try:
        connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return connection.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()
