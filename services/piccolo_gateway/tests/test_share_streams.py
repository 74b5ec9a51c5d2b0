"""Downloads by links: how many at once, what becomes of them when the link or the name goes elsewhere."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from piccolo_gateway.config import LimitsConfig
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.test_shares import begun, make, read

PIECE = 1 << 20


@asynccontextmanager
async def gateway(start: Start, **limits: Any) -> AsyncIterator[World]:
    async with start(limits=LimitsConfig(**limits)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        for name in ("/film", "/folder/film", "/other"):
            world.fakes.tree.put(name, world.fakes.tree.content(bytes(PIECE), 256 * PIECE))
        yield world


@asynccontextmanager
async def under_way(visitor: World, address: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """A download whose client reads no further for now."""
    async with visitor.request("GET", address) as response:
        assert response.status == 200
        await response.content.readexactly(PIECE)
        yield response
        response.close()


async def refused(visitor: World, address: str) -> str:
    status, problem = await visitor.json("GET", address.removeprefix("/api/v1"))
    assert status == 429
    return str(problem["reason"])


@pytest.mark.parametrize("path", ["/film", "/folder"])
async def test_a_link_has_few_downloads_at_once_and_leaves_room_for_others(start: Start, path: str) -> None:
    async with gateway(start, shares=3, shares_each=2, patience=0.1) as world, AsyncExitStack() as stack:
        visitor = await stack.enter_async_context(world.stranger())
        address = await begun(visitor, (await make(world, path))["secret"])
        other = await begun(visitor, (await make(world, "/other"))["secret"])
        third = await begun(visitor, (await make(world, "/other"))["secret"])
        held = await stack.enter_async_context(under_way(visitor, address))
        await stack.enter_async_context(under_way(visitor, address))
        assert await refused(visitor, address) == "TOO_MANY_STREAMS"
        await stack.enter_async_context(under_way(visitor, other))
        assert await refused(visitor, third) == "TOO_MANY_STREAMS"
        held.close()
        await world.fakes.store.seen(lambda: world.fakes.store.reading == 2)
        async with under_way(visitor, third):
            pass


async def test_an_owner_s_archives_and_door_are_not_for_strangers_to_fill(start: Start) -> None:
    async with gateway(start, connections=6, archives=1, patience=0.1) as world, AsyncExitStack() as stack:
        visitor = await stack.enter_async_context(world.stranger())
        address = await begun(visitor, (await make(world, "/folder"))["secret"])
        for status in (b"200", b"429", b"429", b"429", b"429", b"429"):
            reader, writer = await stack.enter_async_context(world.raw())
            writer.write(f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await reader.readline()).split()[1] == status
        async with world.stranger() as owner:
            await owner.client.log_in()
            async with under_way(owner, "/api/v1/archives/folder"):
                pass


async def test_a_folder_that_took_the_name_is_not_given_to_who_waited(start: Start) -> None:
    async with gateway(start, shares=1) as world, world.stranger() as visitor:
        address = await begun(visitor, (await make(world, "/folder"))["secret"])
        async with under_way(visitor, await begun(visitor, (await make(world, "/film"))["secret"])):
            waiting = asyncio.ensure_future(read(visitor, address))
            done, _ = await asyncio.wait({waiting}, timeout=0.3)
            assert not done
            await world.json("POST", "/move", json={"source": "/folder", "destination": "/old"})
            world.fakes.tree.put("/folder/diary", world.fakes.tree.content(b"PRIVATE", 7))
            world.fakes.tree.put("/old/film", world.fakes.tree.content(b"small", 5))
        status, raw, _ = await waiting
        assert status == 200
        assert "old/film" in zipfile.ZipFile(io.BytesIO(raw)).namelist()
        assert b"PRIVATE" not in raw


async def test_a_folder_that_takes_the_name_on_the_way_is_not_given(world: World) -> None:
    tree = world.fakes.tree
    tree.put("/trip/0000", tree.content(bytes(PIECE), 64 * PIECE))
    for number in range(1, 600):
        tree.put(f"/trip/{number:04}", tree.content(b"x", 10))
    async with world.stranger() as visitor:
        address = await begun(visitor, (await make(world, "/trip"))["secret"])
        async with visitor.request("GET", address) as response:
            await response.content.readexactly(PIECE)
            await world.json("POST", "/move", json={"source": "/trip", "destination": "/old"})
            for number in range(600):
                tree.put(f"/trip/{number:04}", tree.nodes[f"/old/{number:04}"].versions[-1])
            for number in range(600, 620):
                await world.client.put(f"/trip/{number:04}", b"PRIVATE")
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()


async def test_a_file_that_takes_the_name_is_not_given(world: World) -> None:
    await world.client.put("/f", b"shared")
    async with world.stranger() as visitor:
        address = await begun(visitor, (await make(world, "/f"))["secret"])
        tree = world.fakes.tree

        def take_the_name() -> None:
            if "/g" not in tree.nodes:
                tree.nodes["/g"] = tree.nodes.pop("/f")
                tree.put("/f", tree.content(b"PRIVATE", 7))

        world.fakes.files.located = take_the_name
        status, raw, _ = await read(visitor, address)
        assert status == 410
        assert b"PRIVATE" not in raw
        assert (await read(visitor, address))[:2] == (200, b"shared")


@pytest.mark.parametrize("path", ["/film", "/folder"])
async def test_a_link_that_is_withdrawn_gives_nothing_more(start: Start, path: str) -> None:
    async with gateway(start) as world, world.stranger() as visitor:
        made = await make(world, path)
        address = await begun(visitor, made["secret"])
        async with visitor.request("GET", address) as response:
            await response.content.readexactly(PIECE)
            assert (await world.json("DELETE", f"/shares/{made['share_id']}"))[0] == 204
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        await world.fakes.store.seen(lambda: world.fakes.store.reading == 0)


async def test_a_link_that_is_withdrawn_while_somebody_waits_gives_nothing(start: Start) -> None:
    async with gateway(start, shares_each=1) as world, world.stranger() as visitor:
        made = await make(world, "/film")
        address = await begun(visitor, made["secret"])
        async with under_way(visitor, address):
            waiting = asyncio.ensure_future(read(visitor, address))
            done, _ = await asyncio.wait({waiting}, timeout=0.3)
            assert not done
            await world.json("DELETE", f"/shares/{made['share_id']}")
        assert (await waiting)[0] == 410
