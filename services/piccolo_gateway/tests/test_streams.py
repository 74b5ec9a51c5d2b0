"""Streams that break off: clients, the vault, the process; and bodies that wait to be wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from piccolo.vault.v1 import key_pb2
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.config import LimitsConfig
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.test_files import get, put


async def test_expect_100_continue_is_answered_when_the_body_is_wanted(world: World) -> None:
    async with world.raw() as (reader, writer):
        head = "PUT /api/v1/files/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
        writer.write((head + world.cookie() + "\r\n").encode())
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert await reader.readline() == b"\r\n"
        writer.write(b"data")
        assert (await reader.readline()).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ('If-Match: "0"\r\n', b"412"),
        ("Content-Encoding: gzip\r\n", b"415"),
        ("Origin: https://evil\r\n", b"403"),
    ],
)
async def test_expect_100_continue_saves_a_body_that_is_refused(
    world: World, extra: str, status: bytes
) -> None:
    async with world.raw() as (reader, writer):
        head = "PUT /api/v1/files/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
        writer.write((head + extra + world.cookie() + "\r\n").encode())
        assert (await reader.readline()).split()[1] == status


async def test_no_stranger_is_told_to_go_on(world: World) -> None:
    async with world.raw() as (reader, writer):
        writer.write(
            b"PUT /api/v1/files/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await reader.readline()).split()[1] == b"401"


async def test_other_expectations_are_refused(world: World) -> None:
    status, problem, _ = await put(world, Expect="202-accepted")
    assert (status, problem["reason"]) == (417, "EXPECTATION_FAILED")


async def test_a_client_that_goes_away_leaves_nothing(world: World) -> None:
    async with world.raw() as (_reader, writer):
        head = "PUT /api/v1/files/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
        writer.write((head + world.cookie() + "\r\n").encode() + bytes(3 << 20))
        await world.fakes.store.seen(lambda: world.fakes.store.taken > 0)
    async with asyncio.timeout(10):
        await world.fakes.store.ended.wait()
    assert list(world.fakes.tree.nodes) == ["/"]
    assert world.fakes.store.writing == 0


async def test_a_reader_that_goes_away_ends_the_reading(world: World) -> None:
    content = world.fakes.tree.content(bytes(1 << 20), 1 << 34)
    world.fakes.tree.put("/big", content)
    async with world.request("GET", "/api/v1/files/big") as response:
        await response.content.readexactly(1 << 20)
        response.close()
    assert (await put(world))[0] == 201


async def test_a_failure_in_the_middle_of_a_file_cuts_the_connection(world: World) -> None:
    world.fakes.tree.put("/big", world.fakes.tree.content(bytes(1 << 20), 4 << 20))
    world.fakes.store.fail_reading = 2 << 20
    with pytest.raises(aiohttp.ClientError):
        await get(world, "/api/v1/files/big")
    assert (await put(world))[0] == 201


async def test_a_file_that_comes_short_is_never_taken_for_whole(world: World) -> None:
    await put(world)
    world.fakes.store.short = 3
    with pytest.raises(aiohttp.ClientError):
        await get(world)


async def test_a_client_that_takes_no_bytes_is_cut_off_and_no_incident(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async with start(limits=LimitsConfig(idle=0.3)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        world.fakes.tree.put("/big", world.fakes.tree.content(bytes(1 << 20), 1 << 34))
        async with world.raw() as (reader, writer):
            writer.write(f"GET /api/v1/files/big HTTP/1.1\r\nHost: x\r\n{world.cookie()}\r\n".encode())
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await world.fakes.store.seen(lambda: world.fakes.store.reading == 0)
        assert "unforeseen failure" not in caplog.text


async def test_a_failure_before_the_first_byte_is_a_problem(world: World) -> None:
    world.fakes.tree.put("/big", world.fakes.tree.content(b"", 100 << 20))
    status, body, headers = await get(world, "/api/v1/files/big", Range="bytes=0-1")
    assert (status, headers["Content-Type"]) == (500, "application/problem+json")
    assert b"NOT_KEPT" in body


async def test_what_the_vault_refuses_is_told_while_the_client_still_sends(world: World) -> None:
    world.fakes.store.failure = PiccoloError(Kind.LOCKED, "LOCKED", "Somebody locked it.")

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(2 << 20)
        await asyncio.Event().wait()

    status, problem, _ = await put(world, endless())
    assert (status, problem["reason"]) == (423, "LOCKED")
    assert problem["details"]["durable_bytes"] == "0"


async def test_no_space_is_told_from_the_announced_size(world: World) -> None:
    world.fakes.store.free = 5
    status, problem, _ = await put(world)
    assert (status, problem["reason"]) == (507, "NO_ROOM")
    assert "space" in problem["next_step"]


async def test_the_end_of_the_process_tells_how_far_an_upload_is_durable(world: World) -> None:
    sent = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(1 << 20)
        sent.set()
        await asyncio.Event().wait()

    storing = asyncio.ensure_future(put(world, endless()))
    await sent.wait()
    await world.fakes.store.seen(lambda: world.fakes.store.taken == 3 << 20)
    world.host.stopping.set()
    status, problem, headers = await storing
    assert (status, problem["reason"]) == (503, "STOPPING")
    # the vault's last word may still be on its way: what is told is durable, and not a piece less than known
    assert int(problem["details"]["durable_bytes"]) in {2 << 20, 3 << 20}
    assert headers["Retry-After"] == "1"


async def test_a_locked_device_closes_its_files_at_once(world: World) -> None:
    await put(world)
    assert (await world.json("POST", "/lock"))[0] == 200
    for method, path in (
        ("GET", "/files/a.txt"),
        ("HEAD", "/files/a.txt"),
        ("PUT", "/files/a.txt"),
        ("DELETE", "/files/a.txt"),
        ("GET", "/directories"),
        ("GET", "/search?query=a"),
        ("GET", "/trash"),
        ("GET", "/versions/a.txt"),
    ):
        status, problem = await world.json(method, path)
        assert status == 423, path
        assert method == "HEAD" or "passphrase" in problem["next_step"]
    assert (await world.json("GET", "/health"))[0] == 200


async def test_a_device_without_an_owner_says_what_to_do(blank: World) -> None:
    blank.fakes.keys.set_up(PASSPHRASE)
    await blank.client.log_in()
    blank.fakes.keys.state = key_pb2.KEY_STATE_EMPTY
    status, problem = await blank.json("GET", "/directories")
    assert (status, problem["reason"]) == (409, "NOT_SET_UP")


async def test_uploads_wait_for_their_turn_and_are_refused_in_the_end(start: Start) -> None:
    async with start(limits=LimitsConfig(uploads=1, patience=0.2)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        world.fakes.store.flow.clear()
        first = asyncio.ensure_future(put(world, path="/api/v1/files/one"))
        await world.fakes.store.seen(lambda: world.fakes.store.writing == 1)
        status, problem, headers = await put(world, path="/api/v1/files/two")
        assert (status, problem["reason"], headers["Retry-After"]) == (429, "TOO_MANY_STREAMS", "2")
        world.fakes.store.flow.set()
        assert (await first)[0] == 201
        assert (await put(world, path="/api/v1/files/two"))[0] == 201


async def test_an_upload_that_stalls_is_ended(start: Start) -> None:
    async with start(limits=LimitsConfig(idle=0.3)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()

        async def stalled() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        status, problem, _ = await put(world, stalled())
        assert (status, problem["reason"]) == (504, "STALLED")
