"""A way without TLS to a device, for what programs only do so: each connection is carried on as TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from integration.api import pinned

_PIECE = 1 << 16


@asynccontextmanager
async def plainly(url: str, certificate: Path) -> AsyncIterator[str]:
    """Gives a plain http:// address of the device, on the loopback, as long as the block lasts."""
    where, tls = urlsplit(url), pinned(certificate)
    carrying: set[asyncio.Task[None]] = set()

    def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_carried(reader, writer, str(where.hostname), where.port or 443, tls))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        # a server's end leaves its connections alone
        left = list(carrying)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _carried(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, tls: ssl.SSLContext
) -> None:
    there, back = await asyncio.open_connection(host, port, ssl=tls)
    try:
        with suppress(ConnectionError):
            await asyncio.gather(_moved(reader, back), _moved(there, writer))
    except asyncio.CancelledError:
        back.transport.abort()
        writer.transport.abort()
        raise


async def _moved(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Moves all that comes; the end of it too, which TLS can only say by closing."""
    try:
        while data := await source.read(_PIECE):
            target.write(data)
            await target.drain()
    finally:
        target.close()
