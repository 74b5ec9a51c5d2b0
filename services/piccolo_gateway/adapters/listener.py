"""The HTTPS listener.

Rules:
* Who does not finish its handshake or a request's head in time is cut off, and who does not take an answer's
  bytes; so is, when a newcomer finds no place, who has one and does nothing with it (`entrance`).
* A place is kept from when a request's caller was let in until its answer was sent.
* At the end of the process no new connection is taken; requests under way get the grace to end, and their
  answers' last bytes some seconds to leave.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from piccolo_gateway.adapters.entrance import Entrance, open_to
from piccolo_gateway.ports.machine import Tasks

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
    handshakes: int
    connections: int
    head_seconds: float
    unread_seconds: float
    grace: float


@asynccontextmanager
async def listening(
    app: web.Application, door: Door, tls: ssl.SSLContext, refuse: Refuse, tasks: Tasks
) -> AsyncIterator[int]:
    """Serves an application; gives the port. Raises PiccoloError UNAVAILABLE, ADDRESS_IN_USE.

    Args:
        app: what is served.
        door: where, and within which limits.
        tls: the certificate to show.
        refuse: the answer to what is no HTTP, by its status.
        tasks: the parent of what shakes hands.
    """
    app.middlewares.insert(0, _begins)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=door.grace)
    await runner.setup()
    if (server := runner.server) is None:
        raise RuntimeError("the runner is set up")
    entrance = Entrance(
        tls,
        door.handshakes,
        door.connections,
        lambda entrance, where: _Connection(server, door, refuse, entrance, where),
    )
    try:
        async with open_to(door.host, door.port, entrance, tasks, door.unread_seconds) as port:
            yield port
    finally:
        await runner.cleanup()
        await entrance.emptied(_LINGERING_SECONDS)  # the last of their answers may be in a buffer still


@web.middleware
async def _begins(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A request begins; it ends with `_Connection.finish_response`."""
    if isinstance(request.protocol, _Connection):
        request.protocol.begin()
    return await handler(request)


class _Connection(web.RequestHandler):
    """One connection, which is a `ports.place.Place`."""

    __slots__ = ("_entrance", "_refuse", "_stands", "_where")

    def __init__(
        self, server: web.Server, door: Door, refuse: Refuse, entrance: Entrance, where: str
    ) -> None:
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
        self._refuse, self._entrance, self._where = refuse, entrance, where
        self._stands: asyncio.Transport | None = None  # the library forgets its own before the end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done."""
        super().connection_made(transport)
        self._stands = cast(asyncio.Transport, transport)
        self._entrance.stands(self, self._where)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is no more."""
        self._stands = None
        self._entrance.gone(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """Ends it at once."""
        if self._stands is not None:
            self._stands.abort()

    def begin(self) -> None:
        """A request begins."""
        self._entrance.moved(self)

    def keep(self) -> None:
        """Whoever sent the request was let in."""
        self._entrance.moved(self, kept=True)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends what is left of an answer; with it a request ends, whatever its answer."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._entrance.moved(self)

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
