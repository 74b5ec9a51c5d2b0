"""What lets a caller in has to hold for as long as bytes move."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from piccolo_gateway.core.sessions import Lifetimes, Sessions
from piccolo_gateway.core.visitors import UNKNOWN
from piccolo_gateway.tests.conftest import World

PIECE = 1 << 20


@pytest.fixture
async def film(world: World) -> World:
    world.fakes.tree.put("/a/film", world.fakes.tree.content(bytes(PIECE), 256 * PIECE))
    return world


async def robot(world: World, scope: str) -> Any:
    _, made = await world.json("POST", "/tokens", json={"name": scope, "scopes": [scope]})
    return made


@pytest.mark.parametrize("path", ["/api/v1/files/a/film", "/api/v1/archives/a", "/dav/a/film"])
async def test_a_token_that_is_revoked_reads_nothing_more(film: World, path: str) -> None:
    made = await robot(film, "read")
    async with film.stranger(made["secret"]) as other, other.request("GET", path) as response:
        await response.content.readexactly(PIECE)
        assert (await film.json("DELETE", f"/tokens/{made['token_id']}"))[0] == 204
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await film.fakes.store.seen(lambda: film.fakes.store.reading == 0)


async def test_a_session_that_is_ended_reads_nothing_more(film: World) -> None:
    async with film.stranger() as other:
        await other.client.log_in()
        async with other.request("GET", "/api/v1/files/a/film") as response:
            await response.content.readexactly(PIECE)
            assert (await film.json("DELETE", "/sessions"))[0] == 204
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()


@pytest.mark.parametrize("way", ["PUT", "dav", "create", "append"])
async def test_a_token_that_is_revoked_stores_nothing_more(world: World, way: str) -> None:
    made = await robot(world, "write")
    revoked = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(PIECE)
        await world.fakes.store.seen(lambda: world.fakes.store.taken > 0)
        await revoked.wait()
        yield bytes(PIECE)

    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    begin = {
        "Upload-Length": str(2 * PIECE),
        "Upload-Metadata": "path " + base64.b64encode(b"/x").decode(),
    }
    async with world.stranger(made["secret"]) as other:
        method, path, headers = {
            "PUT": ("PUT", "/api/v1/files/x", {}),
            "dav": ("PUT", "/dav/x", {}),
            "create": ("POST", "/api/v1/uploads", {**tus, **begin}),
            "append": ("PATCH", "", {**tus, "Upload-Offset": "0"}),
        }[way]
        if way == "append":
            async with other.request("POST", "/api/v1/uploads", headers={**tus, **begin}) as response:
                path = response.headers["Location"]

        async def store() -> int:
            async with other.request(method, path, data=body(), headers=headers) as response:
                return int(response.status)

        storing = asyncio.ensure_future(store())
        await world.fakes.store.seen(lambda: world.fakes.store.taken > 0)
        assert (await world.json("DELETE", f"/tokens/{made['token_id']}"))[0] == 204
        revoked.set()
        assert await storing == 401
    assert "/x" not in world.fakes.tree.nodes


def test_a_long_transfer_is_a_use_of_its_session() -> None:
    sessions = Sessions(Lifetimes(10.0, 100.0, 4), bytes)
    _, session = sessions.begin(frozenset(), 0, 0.0, UNKNOWN)
    for clock in range(0, 100, 9):
        assert sessions.goes_on(session.session_id, clock, float(clock))
    assert not sessions.goes_on(session.session_id, 101, 101.0)
