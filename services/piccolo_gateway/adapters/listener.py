"""The HTTPS listener.

Rules:
* Who does not finish its handshake or its first request's head in time, or comes when all places are taken,
  is cut off.
* At the end of the process no new connection is taken; requests under way get the grace to end.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

_HANDSHAKE_SECONDS: Final = 10.0
_BUFFER: Final = 256 * 1024
_LINE: Final = 16 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """How a listener treats strangers; seconds."""

    host: str
    port: int
    connections: int
    head_seconds: float
    grace: float


@asynccontextmanager
async def listening(app: web.Application, door: Door, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Serves an application; gives the port. Raises PiccoloError UNAVAILABLE, ADDRESS_IN_USE."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=door.head_seconds,
        shutdown_timeout=door.grace,
        auto_decompress=False,
        read_bufsize=_BUFFER,
        max_line_size=_LINE,
        max_field_size=_LINE,
        lingering_time=5.0,
    )
    await runner.setup()
    try:
        server = await _bind(runner, door, tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _bind(runner: web.AppRunner, door: Door, tls: ssl.SSLContext) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            lambda: _connection(runner, door.connections),
            door.host,
            door.port,
            ssl=tls,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=_HANDSHAKE_SECONDS,
            reuse_port=False,
        )
    except OSError as refused:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "ADDRESS_IN_USE",
            f"Cannot listen on {door.host} port {door.port}: {refused.strerror or refused}. Is another"
            " program using it?",
        ) from refused


def _connection(runner: web.AppRunner, most: int) -> asyncio.Protocol:
    """A connection's protocol; one too many is closed as soon as it stands."""
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is set up")
    if len(server.connections) >= most:
        _log.warning("too many connections")
        return _Refused()
    made: asyncio.Protocol = server()
    return made


class _Refused(asyncio.Protocol):
    """Cuts a connection off as soon as it stands."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()
