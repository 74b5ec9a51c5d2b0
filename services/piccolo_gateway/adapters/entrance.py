"""Where connections come in: sockets are taken from the kernel here, within limits, before any TLS begins.

Rules:
* A handshake under way and a connection that stands each hold a place (`core.places` says whose goes when all
  are taken). What was cut is cut at once, without a farewell that a stranger could draw out.
* One connection is taken in each turn of the event loop, so that a flood leaves turns to everybody else;
  the kernel keeps some waiting, and drops the rest.
* Where the process or the machine has no descriptor left, the place that is to be had first is given up, and
  nothing more is taken until one is free again, or for a second.
* What strangers can make happen is told seldom.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import ssl
import traceback
from asyncio import sslproto
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.core.places import Places
from piccolo_gateway.core.seldom import Seldom
from piccolo_gateway.core.throttle import network
from piccolo_gateway.ports.machine import Tasks

_HANDSHAKE_SECONDS: Final = 10.0
_BACKLOG: Final = 1024  # whom the kernel must drop comes again only after a second, then three
_RETRY_SECONDS: Final = 1.0
_TELLING_SECONDS: Final = 10.0
_TLS_BUFFER: Final = 64 * 1024  # a quarter costs a large upload a fifth more processor time
_DESCRIPTORS: Final = 384  # for all that is no connection of a client
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_log = logging.getLogger(__name__)


class Standing(Hashable, Protocol):
    """A connection whose handshake is done."""

    def cut(self) -> None:
        """Ends it at once."""
        ...


Made = Callable[["Entrance", str], asyncio.Protocol]


class Entrance:
    """The places, and who holds them."""

    def __init__(self, tls: ssl.SSLContext, handshakes: int, connections: int, made: Made) -> None:
        """For so many of each; `made` makes the protocol of a connection from a network."""
        self._tls, self._made = tls, made
        self._handshakes: Places[socket.socket] = Places(handshakes)
        self._standing: Places[Standing] = Places(connections)
        self._freed = asyncio.Event()
        self._seldom = Seldom(_TELLING_SECONDS)
        self._clock = asyncio.get_running_loop().time
        _raise_limit(handshakes + connections)

    async def take(self, listener: socket.socket, tasks: Tasks) -> None:
        """Takes what comes, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                taken, address = await loop.sock_accept(listener)
            except ConnectionAbortedError:
                pass  # the client was faster
            except OSError as refused:
                await self._make_room(refused)
            else:
                tasks.create_task(self._greet(taken, network(address[0])), name="handshake")
                del taken  # the task's alone, which lets go of it when it ends
            await asyncio.sleep(0)

    def stands(self, who: Standing, where: str) -> None:
        """A handshake is done. Cuts whoever goes for it, which may be the newcomer."""
        gone = self._standing.enter(who, where, self._clock())
        if gone is not None:
            self._tell("every connection has a request under way" if gone is who else "an idle one was cut")
            gone.cut()

    def moved(self, who: Standing, *, kept: bool = False) -> None:
        """A request of it begins or ends; whether it is kept from now on."""
        self._standing.moved(who, self._clock(), kept=kept)

    def gone(self, who: Standing) -> None:
        """It is no more."""
        self._standing.leave(who)
        self._freed.set()

    async def emptied(self, seconds: float) -> None:
        """Returns when no connection stands any more, or after so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self._standing):
                    self._freed.clear()
                    await self._freed.wait()

    def close(self) -> None:
        """Ends the handshakes under way: no request has begun with them."""
        while (late := self._handshakes.give_way()) is not None:
            _hang_up(late)

    async def _greet(self, taken: socket.socket, where: str) -> None:
        """Shakes hands with a newcomer."""
        late = self._handshakes.enter(taken, where, self._clock())
        if late is not None:
            self._tell("a handshake was cut")
            _hang_up(late)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Newcomer(lambda: self._made(self, where)),
                taken,
                ssl=self._tls,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=_HANDSHAKE_SECONDS,
            )
        except OSError as failed:  # no TLS, too slow, or cut
            # they hold each other in a circle, and TLS's buffers with them until the collector's next turn
            traceback.clear_frames(failed.__traceback__)
        except Exception:
            _log.exception("a handshake failed as nobody foresaw")
        finally:
            self._handshakes.leave(taken)
            self._freed.set()

    async def _make_room(self, refused: OSError) -> None:
        """Waits for a descriptor, or whatever else the kernel is short of."""
        self._tell(f"the kernel gives no connection: {refused.strerror}")
        self._freed.clear()
        if refused.errno in _EXHAUSTED:
            self._give_up_one()
        with suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_SECONDS):
                await self._freed.wait()

    def _give_up_one(self) -> None:
        if (late := self._handshakes.give_way()) is not None:
            _hang_up(late)
        elif (idle := self._standing.give_way()) is not None:
            idle.cut()

    def _tell(self, what: str) -> None:
        if count := self._seldom.happened(what, self._clock()):
            held = fields(handshakes=len(self._handshakes), connections=len(self._standing), times=count)
            _log.warning("no room for connections: %s", what, extra=held)


class _Newcomer(asyncio.Protocol):
    """A connection before its handshake is done; what it then needs is not made before."""

    def __init__(self, made: Callable[[], asyncio.Protocol]) -> None:
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = self._made()
        transport.set_protocol(made)
        made.connection_made(transport)


@asynccontextmanager
async def open_to(
    host: str, port: int, entrance: Entrance, tasks: Tasks, unread_seconds: float
) -> AsyncIterator[int]:
    """Listens; gives the port. A connection ends whose client takes nothing of what is sent for so long.

    Raises PiccoloError UNAVAILABLE, ADDRESS_IN_USE.
    """
    sslproto.SSLProtocol.max_size = _TLS_BUFFER  # each connection has such a buffer, used or not
    listeners = await _bind(host, port)
    for one in listeners:  # connections inherit it; it counts for a window that stays shut, too (RFC 5482)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(unread_seconds * 1000))
    try:
        taking = [tasks.create_task(entrance.take(one, tasks), name="accept") for one in listeners]
        try:
            yield listeners[0].getsockname()[1]
        finally:
            for one in taking:
                one.cancel()
            await asyncio.wait(taking)
            entrance.close()
    finally:
        for one in listeners:
            one.close()


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, one for each address of the host; `::` is every address of IPv4 too."""
    made: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(found):
            both = family == socket.AF_INET6 and address[0] == "::"
            made.append(socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=both))
            made[-1].setblocking(False)
    except OSError as refused:
        for one in made:
            one.close()
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "ADDRESS_IN_USE",
            f"Cannot listen on {host} port {port}: {refused.strerror or refused}. Is another program"
            " using it?",
        ) from refused
    return made


def _hang_up(taken: socket.socket) -> None:
    """Ends a handshake. Its transport, which may not stand yet, reads the end and closes the socket."""
    with suppress(OSError):  # it ended by itself
        taken.shutdown(socket.SHUT_RDWR)


def _raise_limit(connections: int) -> None:
    """Lets the process have as many descriptors as its places want, as far as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        _log.warning("fewer descriptors than connections want", extra=fields(limit=hard, wanted=wanted))
        wanted = hard
    if soft not in {resource.RLIM_INFINITY, hard} and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
