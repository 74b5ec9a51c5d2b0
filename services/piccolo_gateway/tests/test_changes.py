"""Two screens agree: whatever changes, by a call or by itself, is told to whoever shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.engine.changes import Changes, Look
from piccolo_gateway.tests.conftest import World
from piccolo_gateway.tests.test_events import Events, listen

TOPICS = [
    "files",
    "settings",
    "audit",
    "sessions",
    "tokens",
    "shares",
    "network",
    "device",
    "health",
    "members",
    "keeping",
    "invitations",
    "proposals",
]


@asynccontextmanager
async def watching(world: World, *topics: str) -> AsyncIterator[tuple[Events, dict[str, str]]]:
    """A stream of some topics, and the tag of each as it is now."""
    async with listen(world) as stream:
        stream.topics = frozenset(topics)
        tags: dict[str, str] = {}
        while set(tags) != set(topics):
            _, topic, data = await stream.next()
            tags[topic] = data["tag"]
        yield stream, tags


async def until(stream: Events, tags: dict[str, str], topic: str) -> None:
    """Returns when a topic's tag has become another."""
    while True:
        _, told, data = await stream.next()
        if told == topic and data["tag"] != tags[topic]:
            return


async def put(world: World) -> None:
    await world.client.put("/a", b"x")


async def move(world: World) -> None:
    await world.json("POST", "/move", json={"source": "/first", "destination": "/second"})


async def trash(world: World) -> None:
    await world.json("DELETE", "/files/first")


async def rename(world: World) -> None:
    await world.json("PATCH", "/settings", json={"values": {"device.name": "Attic"}})


async def log_in(world: World) -> None:
    async with world.stranger() as other:
        await other.client.log_in()


async def make_token(world: World) -> None:
    await world.client.make_token("robot", "read")


async def share(world: World) -> None:
    assert (await world.json("POST", "/shares", json={"path": "/first"}))[0] == 201


async def lock(world: World) -> None:
    await world.client.lock()


async def invite(world: World) -> None:
    await world.client.invite()


async def purge(world: World) -> None:
    await world.json("DELETE", "/files/first?purge=true")


@pytest.mark.parametrize(
    ("topic", "act"),
    [
        ("files", put),
        ("files", move),
        ("files", trash),
        ("files", purge),
        ("settings", rename),
        ("sessions", log_in),
        ("tokens", make_token),
        ("shares", share),
        ("device", lock),
        ("invitations", invite),
        ("audit", make_token),
    ],
)
async def test_what_a_call_changes_is_told_to_another_screen(
    world: World, topic: str, act: Callable[[World], Awaitable[None]]
) -> None:
    await world.client.found()
    await world.client.put("/first", b"1")
    async with world.stranger() as other:
        await other.client.log_in()
        async with watching(other, topic) as (stream, tags):
            await act(world)
            await until(stream, tags, topic)


async def test_every_topic_has_a_tag_at_once(world: World) -> None:
    await world.client.found()
    async with watching(world, *TOPICS) as (_, tags):
        assert all(tags.values())


async def test_a_download_by_a_link_is_told_to_its_owner(world: World) -> None:
    await world.client.put("/a", b"x")
    _, made = await world.json("POST", "/shares", json={"path": "/a"})
    async with watching(world, "shares") as (stream, tags), world.stranger() as visitor:
        await visitor.json("POST", f"/shared/{made['secret']}/downloads", json={})
        await until(stream, tags, "shares")


async def test_what_changed_while_nobody_listened_is_told_at_once(world: World) -> None:
    async with watching(world, "files", "tokens", "settings") as (_, before):
        pass
    await put(world)
    await make_token(world)
    async with watching(world, "files", "tokens", "settings") as (_, after):
        assert {topic for topic in after if after[topic] != before[topic]} == {"files", "tokens"}


async def test_a_refused_call_is_not_told(world: World) -> None:
    async with watching(world, "tokens") as (stream, tags):
        await world.json("DELETE", "/tokens/none")
        await make_token(world)
        _, _, data = await stream.next()
        assert data["tag"] == tags["tokens"].replace("-0", "-1")


async def test_a_thousand_files_are_a_few_events(world: World) -> None:
    async with watching(world, "files") as (stream, tags):
        for number in range(1000):
            world.fakes.tree.put(f"/{number}", world.fakes.tree.content(b"x", 1))
        events = 0
        last = tags["files"]
        while last != str(world.fakes.changes.mark_of_files):
            last = (await stream.next())[2]["tag"]
            events += 1
        assert events < 100


class Said(msgspec.Struct, frozen=True):
    text: str


class Watched:
    """What is looked at; a test changes it."""

    def __init__(self) -> None:
        self.text, self.looks, self.away = "a", 0, False
        self.looked = asyncio.Event()

    async def read(self) -> Said:
        self.looks += 1
        self.looked.set()
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "AWAY", "It is away.")
        return Said(self.text)


async def told(news: AsyncIterator[tuple[str, str]], topic: str) -> str:
    async with asyncio.timeout(10):
        while True:
            found, tag = await anext(news)
            if found == topic:
                return tag


async def test_what_changes_by_itself_is_looked_at() -> None:
    watched = Watched()
    changes = Changes("boot", {"health": Look(watched.read, 0.01)})
    async with changes.open() as news:
        first = await told(news, "health")
        watched.text = "b"
        assert await told(news, "health") != first
        watched.away = True
        watched.text = "c"
        watched.looked.clear()
        await watched.looked.wait()
        watched.away = False
        await told(news, "health")


async def test_nobody_looks_while_nobody_listens_and_one_look_serves_all() -> None:
    watched = Watched()
    changes = Changes("boot", {"health": Look(watched.read, 3600.0)})
    assert watched.looks == 0
    async with changes.open() as one, changes.open() as other:
        assert await told(one, "health") == await told(other, "health")
        assert watched.looks == 1
        changes.called("circle")
        watched.text = "b"
        await told(one, "health")
        assert watched.looks == 2
    changes.called("circle")
    async with changes.open() as news:
        await told(news, "health")
    any_task: Any = changes._looking
    assert any_task.done()
