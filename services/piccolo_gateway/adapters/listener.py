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
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

_HANDSHAKE_SECONDS: Final = 10.0
_BUFFER: Final = 256 * 1024
_LINE: Final = 128 * 1024  # an owner's path, each byte as three
_FIELD: Final = 16 * 1024
_LINGERING_SECONDS: Final = 5.0
Refuse = Callable[[int], web.StreamResponse]
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
async def listening(
    app: web.Application, door: Door, tls: ssl.SSLContext, refuse: Refuse
) -> AsyncIterator[int]:
    """Serves an application; gives the port. Raises PiccoloError UNAVAILABLE, ADDRESS_IN_USE.

    Args:
        app: what is served.
        door: where, and within which limits.
        tls: the certificate to show.
        refuse: the answer to what is no HTTP, by its status.
    """
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=door.grace)
    await runner.setup()
    try:
        server = await _bind(runner, door, tls, refuse)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _bind(runner: web.AppRunner, door: Door, tls: ssl.SSLContext, refuse: Refuse) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(
            lambda: _connection(runner, door, refuse),
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


def _connection(runner: web.AppRunner, door: Door, refuse: Refuse) -> asyncio.Protocol:
    """A connection's protocol; one too many is closed as soon as it stands."""
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is set up")
    if len(server.connections) >= door.connections:
        _log.warning("too many connections")
        return _Refused()
    return _Connection(server, door, refuse)


class _Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_refuse",)

    def __init__(self, server: web.Server, door: Door, refuse: Refuse) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # the library takes None, its types do not
            auto_decompress=False,
            keepalive_timeout=door.head_seconds,
            lingering_time=_LINGERING_SECONDS,
            max_field_size=_FIELD,
            max_line_size=_LINE,
            read_bufsize=_BUFFER,
        )
        self._refuse = refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what never reached the application."""
        if status >= 500:
            _log.error("the library failed", exc_info=exc)
        self.keep_alive(False)
        return self._refuse(status)


class _Refused(asyncio.Protocol):
    """Cuts a connection off as soon as it stands."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()
