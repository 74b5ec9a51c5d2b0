"""What no library would send: broken framing, smuggled requests, endless heads, slow and silent clients.

After each of them the gateway goes on serving others, and nothing was done that nobody asked for.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import aiohttp
import pytest

from piccolo_gateway.config import LimitsConfig
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World, pinned

CLOSE = "Connection: close\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


async def sent(world: World, raw: str | bytes) -> bytes:
    """All that comes back for raw bytes, until the gateway closes the connection."""
    async with world.raw() as (reader, writer):
        writer.write(raw.encode("latin-1") if isinstance(raw, str) else raw)
        async with asyncio.timeout(15):
            return await reader.read()


def ended(world: World, route: str) -> int:
    """How many requests of an endpoint came to their end."""
    samples = [sample for family in world.host.metrics.collect() for sample in family.samples]
    counts = (
        each.value
        for each in samples
        if each.name == "piccolo_http_requests_total" and route in each.labels["route"]
    )
    return int(sum(counts))


def statuses(answer: bytes) -> list[bytes]:
    """The status of each answer that came over a connection."""
    return re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)


def put(world: World, framing: str, body: str = "", name: str = "a") -> str:
    """A PUT as bytes; its framing is the test's."""
    return f"PUT /api/v1/files/{name} HTTP/1.1\r\nHost: x\r\n{world.cookie()}{framing}\r\n{body}"


FRAMINGS = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5, 6\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: -5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: five\r\n",
    "Content-Length: 99999999999999999999999999\r\n",
    "Content-Length : 5\r\n",
    "Content-Length:\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: gzip, chunked, chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
]


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_no_request_hides_behind_another_ones_framing(world: World, framing: str) -> None:
    hidden = put(world, "Content-Length: 1\r\n" + CLOSE, "x", name="hidden")
    answer = await sent(world, put(world, framing, f"0\r\n\r\n{hidden}"))
    assert statuses(answer) == [b"400"]
    assert b"next_step" in answer
    assert list(world.fakes.tree.nodes) == ["/"]


@pytest.mark.parametrize(
    "body",
    [
        "zz\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\nabc\n0\n\n",
        "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\n" + "X: y\r\n" * 20_000 + "\r\n",
    ],
)
async def test_a_body_in_broken_chunks_is_refused_and_nothing_of_it_stays(world: World, body: str) -> None:
    answer = await sent(world, put(world, CHUNKED, body))
    assert statuses(answer) == [b"400"]
    assert list(world.fakes.tree.nodes) == ["/"]
    assert world.fakes.store.writing == 0


async def test_good_chunks_in_odd_forms_are_taken(world: World) -> None:
    body = "0003;name=value\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n"
    assert statuses(await sent(world, put(world, CHUNKED + CLOSE, body))) == [b"201"]
    assert await world.client.get("/a") == b"abcd"


@pytest.mark.parametrize(
    "request_",
    [
        "GET /api/v1/status x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET\r\n\r\n",
        "G@T /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX: " + "y" * 70_000 + "\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n" * 100_000 + "\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + "\r\n\r\n",
    ],
)
async def test_heads_that_are_none(world: World, request_: str) -> None:
    answer = await sent(world, request_)
    assert statuses(answer)[0] in {b"400", b"431"}
    assert len(statuses(answer)) == 1
    assert b'"HTTP_MALFORMED"' in answer
    assert b"next_step" in answer
    assert (await world.client.status())["product"] == "piccolo"


async def test_a_refused_body_is_never_taken_for_a_request(world: World) -> None:
    hidden = put(world, "Content-Length: 1\r\n", "x", name="hidden")
    refused = f"PUT /api/v1/files/a HTTP/1.1\r\nHost: x\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}"
    after = f"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n"
    assert statuses(await sent(world, refused + after))[:1] == [b"401"]
    assert list(world.fakes.tree.nodes) == ["/"]


async def test_bytes_behind_a_body_belong_to_no_file(world: World) -> None:
    answer = await sent(world, put(world, "Content-Length: 3\r\n", "abc and more\r\n\r\n"))
    assert statuses(answer)[-1] == b"400"
    if len(statuses(answer)) > 1:  # the two came apart
        assert await world.client.get("/a") == b"abc"
    else:
        assert list(world.fakes.tree.nodes) == ["/"]


async def test_requests_one_after_the_other_are_answered_in_order(world: World) -> None:
    parts = [put(world, "Content-Length: 1\r\n", str(number)) for number in range(3)]
    last = f"GET /api/v1/files/a HTTP/1.1\r\nHost: x\r\n{world.cookie()}{CLOSE}\r\n"
    answer = await sent(world, "".join(parts) + last)
    assert statuses(answer) == [b"201", b"200", b"200", b"200"]
    assert answer.endswith(b"\r\n\r\n2")


async def test_other_forms_of_http_are_understood_or_refused(world: World) -> None:
    old = await sent(world, "GET /api/v1/status HTTP/1.0\r\n\r\n")
    assert statuses(old) == [b"200"]
    assert b"piccolo" in await sent(world, "GET /api/v1/status\r\n\r\n")
    for request in (
        f"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n",
        f"OPTIONS * HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n",
        f"TRACE /api/v1/status HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n",
        f"BREW /api/v1/status HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n",
    ):
        (status,) = statuses(await sent(world, request))
        assert status in {b"400", b"404", b"405"}, request
    upgrade = (
        "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    switched = await sent(world, f"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n")
    assert b"101" not in statuses(switched)


async def test_a_head_that_drips_is_cut_off(start: Start) -> None:
    async with start(limits=LimitsConfig(headers=0.5)) as world, world.raw() as (reader, writer):
        writer.write(b"GET /api/v1/status HTTP/1.1\r\nX: ")
        dripping = asyncio.ensure_future(drip(writer, b"y", 0.1))
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        dripping.cancel()


async def test_who_opens_a_connection_and_says_nothing_is_cut_off(start: Start) -> None:
    async with start(limits=LimitsConfig(headers=0.5)) as world, world.raw() as (reader, _):
        async with asyncio.timeout(10):
            assert await reader.read() == b""


async def test_a_slow_client_is_not_a_silent_one(start: Start) -> None:
    async with start(limits=LimitsConfig(idle=1.0)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        async with world.raw() as (reader, writer):
            writer.write(put(world, "Content-Length: 20\r\n" + CLOSE).encode())
            dripping = asyncio.ensure_future(drip(writer, b"z", 0.1, 20))
            async with asyncio.timeout(15):
                answer = await reader.read()
            await dripping
        assert statuses(answer) == [b"201"]
        assert await world.client.get("/a") == b"z" * 20


async def test_who_does_not_read_its_answer_is_cut_off(start: Start) -> None:
    async with start(limits=LimitsConfig(unread=1.0)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        world.fakes.tree.put("/big", world.fakes.tree.content(bytes(1 << 20), 64 << 20))
        async with world.raw() as (reader, writer):
            ask = f"GET /api/v1/files/big HTTP/1.1\r\nHost: x\r\n{world.cookie()}{CLOSE}\r\n"
            writer.write(ask.encode())
            await reader.readuntil(b"\r\n\r\n")
            async with asyncio.timeout(60):
                while not ended(world, "/files"):  # noqa: ASYNC110 - a timer of the kernel's
                    await asyncio.sleep(0.1)
            with suppress(ConnectionError):
                assert len(await reader.read()) < 64 << 20
        assert len(await world.client.get("/big")) == 64 << 20


async def test_who_comes_too_many_takes_the_place_of_an_idle_one(start: Start) -> None:
    async with start(limits=LimitsConfig(connections=1)) as world, world.raw() as (reader, writer):
        writer.write(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert (await world.client.status())["product"] == "piccolo"
        with suppress(ConnectionError):
            await reader.read()
        assert reader.at_eof() or reader.exception()


async def test_a_request_under_way_of_the_owner_is_never_cut_to_make_room(start: Start) -> None:
    async with start(limits=LimitsConfig(connections=1, idle=30.0)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        async with world.raw() as (reader, writer):
            writer.write(put(world, f"Content-Length: {2 << 20}\r\n" + CLOSE).encode() + bytes(1 << 20))
            await world.fakes.store.seen(lambda: world.fakes.store.taken > 0)
            for _ in range(5):
                with pytest.raises((aiohttp.ClientError, ConnectionError)):
                    await world.client.status()
            writer.write(bytes(1 << 20))
            assert statuses(await reader.read()) == [b"201"]
        assert len(await world.client.get("/a")) == 2 << 20


async def test_a_shared_download_under_way_is_never_cut_to_make_room(start: Start) -> None:
    async with start(limits=LimitsConfig(connections=1)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        world.fakes.tree.put("/big", world.fakes.tree.content(bytes(1 << 20), 64 << 20))
        _, made = await world.json("POST", "/shares", json={"path": "/big"})
        _, begun = await world.json("POST", f"/shared/{made['secret']}/downloads", json={})
        async with world.raw() as (reader, writer):
            writer.write(f"GET {begun['address']} HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                await world.client.status()
            assert head.startswith(b"HTTP/1.1 200")
            assert len(await reader.read()) == 64 << 20


async def test_every_address_is_every_address_of_ipv4_too(start: Start) -> None:
    async with start(address="[::]:0") as world:
        port = int(world.client.url.rpartition(":")[2])
        for address in ("127.0.0.1", "::1"):
            tls = pinned(world.client.certificate)
            reader, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname="piccolo")
            writer.write(f"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\n".encode())
            assert statuses(await reader.read()) == [b"200"], address
            writer.transport.abort()


async def drip(writer: asyncio.StreamWriter, byte: bytes, seconds: float, times: int = 1000) -> None:
    """Sends a byte every so often: here time itself is what is tested."""
    for _ in range(times):
        writer.write(byte)
        await asyncio.sleep(seconds)
