"""Crowds at the door of a gateway's process: silent connections, idle ones, slow ones; the owner gets in."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from integration.client import Client, pinned
from piccolo_gateway.tests.conftest import PASSPHRASE
from piccolo_gateway.tests.test_process import Running, started

pytestmark = pytest.mark.component
CROWD: Final = 10_000
AT_ONCE: Final = 200
ADDRESSES: Final = 40
ALLOWED: Final = 40 << 20
OWN: Final = 500  # descriptors that the tests need beside the crowd's
Link = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def owned(folder: Path, **limits: Any) -> AsyncIterator[Running]:
    """A gateway whose device has an owner, who is not logged in."""
    async with started(folder, limits=limits) as gateway:
        gateway.fakes.keys.set_up(PASSPHRASE)
        yield gateway


async def owner_gets_in(gateway: Running) -> None:
    """A new client logs in and asks."""
    client = gateway.client
    async with Client(client.url, client.certificate, passphrase=PASSPHRASE) as owner:
        await owner.log_in()
        assert (await owner.status())["product"] == "piccolo"


@contextmanager
def many_descriptors() -> Iterator[int]:
    """As many as this process may have; tells how many that leaves for a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + OWN if hard == resource.RLIM_INFINITY else min(CROWD + OWN, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield wanted - OWN
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def connected(gateway: Running, address: str) -> socket.socket:
    """A connection from an address of the loopback, without a word."""
    made = socket.socket()
    made.setblocking(False)
    try:
        made.bind((address, 0))
        port = int(gateway.client.url.rpartition(":")[2])
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    except BaseException:
        made.close()
        raise
    return made


async def linked(gateway: Running, address: str) -> Link:
    """A connection from an address, after its handshake."""
    plain = await connected(gateway, address)
    tls = pinned(gateway.client.certificate)
    return await asyncio.open_connection(sock=plain, ssl=tls, server_hostname="piccolo")


@asynccontextmanager
async def crowd(gateway: Running, count: int, address: str) -> AsyncIterator[list[Link]]:
    """So many connections from one address, after their handshakes."""
    async with AsyncExitStack() as stack:
        links: list[Link] = []
        for _ in range(0, count, 20):
            more = await asyncio.gather(
                *(linked(gateway, address) for _ in range(min(20, count - len(links))))
            )
            for _, writer in more:
                stack.callback(writer.transport.abort)
            links += more
        yield links


async def until(happened: Callable[[], bool]) -> None:
    """Waits for what only the kernel's books tell, which nobody can await."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)


async def test_ten_thousand_silent_connections_cost_little_and_let_the_owner_in(short: Path) -> None:
    async with owned(short) as gateway:
        await owner_gets_in(gateway)
        before, descriptors = gateway.reset_peak(), gateway.descriptors()
        with many_descriptors() as room:
            for first in range(0, CROWD, room):  # all at once where the machine lets us have so many
                async with AsyncExitStack() as stack:
                    for number in range(first, min(first + room, CROWD), AT_ONCE):
                        came = [
                            connected(gateway, f"127.0.0.{2 + n % ADDRESSES}")
                            for n in range(number, number + AT_ONCE)
                        ]
                        for one in await asyncio.gather(*came):
                            stack.callback(one.close)
                        if number % (CROWD // 4) == 0:
                            await owner_gets_in(gateway)
                    await owner_gets_in(gateway)
        assert gateway.peak() - before < ALLOWED
        await until(lambda: gateway.descriptors() <= descriptors)
        told = [line for line in gateway.service.log() if "no room" in str(line.get("message"))]
        assert 0 < len(told) < 100


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
@pytest.mark.parametrize("count", [540, 1000])
async def test_idle_connections_make_room_for_the_owner(short: Path, count: int, address: str) -> None:
    async with owned(short, headers=600.0) as gateway:
        with many_descriptors():
            async with crowd(gateway, count, address):
                await until(lambda: gateway.descriptors() >= 512)
                await owner_gets_in(gateway)
                assert gateway.descriptors() < 512 + OWN


async def test_heads_byte_by_byte_are_cut_in_time(short: Path) -> None:
    async with owned(short, headers=1.0) as gateway, crowd(gateway, 100, "127.0.0.2") as links:
        dripping = asyncio.ensure_future(drip(links, b"GET /api/v1/status HTTP/1.1\r\nX-Slow: "))
        await owner_gets_in(gateway)
        async with asyncio.timeout(60):
            assert await asyncio.gather(*(ended(reader) for reader, _ in links)) == [b""] * len(links)
        dripping.cancel()
        await owner_gets_in(gateway)


async def test_bodies_byte_by_byte_of_strangers_make_room_for_the_owner(short: Path) -> None:
    head = (
        b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n"
    )
    async with owned(short, connections=100) as gateway, crowd(gateway, 100, "127.0.0.2") as links:
        dripping = asyncio.ensure_future(drip(links, head))
        for reader, _ in links:
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        await owner_gets_in(gateway)
        dripping.cancel()


async def test_without_descriptors_it_gives_up_what_says_nothing(short: Path) -> None:
    async with owned(short) as gateway, AsyncExitStack() as stack:
        await owner_gets_in(gateway)
        most = gateway.descriptors() + 20
        resource.prlimit(gateway.service.pid, resource.RLIMIT_NOFILE, (most, most))
        for _ in range(60):
            stack.callback((await connected(gateway, "127.0.0.2")).close)
        await owner_gets_in(gateway)
        told = [line for line in gateway.service.log() if "the kernel gives no" in str(line.get("message"))]
        assert 0 < len(told) < 10


async def test_it_may_have_as_many_descriptors_as_its_places_want(short: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        async with owned(short, connections=2000) as gateway:
            allowed, _ = resource.prlimit(gateway.service.pid, resource.RLIMIT_NOFILE)
            assert allowed == resource.RLIM_INFINITY or allowed >= min(2000, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_handshakes_under_way_do_not_hold_up_the_end(short: Path) -> None:
    async with owned(short) as gateway, AsyncExitStack() as stack:
        before = gateway.descriptors()
        for _ in range(5):
            stack.callback((await connected(gateway, "127.0.0.2")).close)
        await until(lambda: gateway.descriptors() >= before + 5)
        assert await gateway.service.stop() == 0


async def drip(links: list[Link], head: bytes) -> None:
    """Sends a head to all, and a byte more every so often: here time itself is what is tested."""
    for _, writer in links:
        writer.write(head)
    for _ in range(1000):
        await asyncio.sleep(0.1)
        for _, writer in links:
            if not writer.transport.is_closing():
                writer.write(b"y")


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side ends it, however it does."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""
