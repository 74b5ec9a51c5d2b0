"""The stream of what changes: what it tells, where it goes on, how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from piccolo.metadata.v1 import memory_pb2

from piccolo_gateway.config import LimitsConfig
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World


@dataclass(slots=True)
class Events:
    """A stream that is read event by event."""

    response: aiohttp.ClientResponse
    topics: frozenset[str] = frozenset({"operation", "circle", "backup"})

    async def next(self) -> tuple[str, str, Any]:
        """Id, topic and data of the next event of the topics."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            while True:
                line = (await self.response.content.readline()).decode().rstrip("\n")
                if not line and fields.get("event") in self.topics:
                    return fields["id"], fields["event"], json.loads(fields["data"])
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value

    async def take(self, count: int) -> list[tuple[str, str, Any]]:
        """The next events."""
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def listen(world: World, query: str = "", **headers: str) -> AsyncIterator[Events]:
    async with world.request("GET", f"/api/v1/events{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        yield Events(response)


async def test_the_present_first_and_then_each_change(world: World) -> None:
    async with listen(world) as stream:
        first = {topic: data for _, topic, data in await stream.take(2)}
        assert first["circle"] is None
        assert first["backup"]["seq"] == 1
        await world.client.found()
        _, topic, circle = await stream.next()
        assert (topic, len(circle["members"])) == ("circle", 2)
        await world.fakes.backup.change(pending=3)
        _, topic, backup = await stream.next()
        assert (topic, backup["pending"]) == ("backup", 3)
        operation = await world.fakes.operations.start("check", "/photos")
        _, topic, told = await stream.next()
        assert (topic, told["operation_id"], told["state"]) == ("operation", operation, "running")


async def test_a_stream_goes_on_after_the_last_id(world: World) -> None:
    for _ in range(3):
        await world.fakes.operations.start("check")
    async with listen(world) as stream:
        seen = [(number, data) for number, topic, data in await stream.take(5) if topic == "operation"]
    assert [data["operation_id"] for _, data in seen] == ["check-1", "check-2", "check-3"]
    for query, headers in ((f"?after={seen[1][0]}", {}), ("", {"Last-Event-ID": seen[1][0]})):
        async with listen(world, query, **headers) as stream:
            again = [data["operation_id"] for _, topic, data in await stream.take(3) if topic == "operation"]
        assert again == ["check-3"]


async def test_an_id_of_another_device_begins_anew(world: World) -> None:
    await world.fakes.operations.start("check")
    async with listen(world, **{"Last-Event-ID": "feedfeedfeedfeed-99"}) as stream:
        topics = [topic for _, topic, _ in await stream.take(3)]
    assert sorted(topics) == ["backup", "circle", "operation"]


async def test_one_operation_and_nothing_else(world: World) -> None:
    one, other = [await world.fakes.operations.start(kind) for kind in ("check", "repair")]
    async with listen(world, f"?operation={one}") as stream:
        told = [await stream.next()]
        await world.fakes.operations.advance(other, done=1)
        succeeded = memory_pb2.OPERATION_STATE_SUCCEEDED
        await world.fakes.operations.advance(one, done=1, state=succeeded)
        told.append(await stream.next())
    assert [data["operation_id"] for _, _, data in told] == [one, one]
    assert told[-1][2]["state"] == "succeeded"


async def test_an_operation_that_is_not_there_is_refused(world: World) -> None:
    status, problem = await world.json("GET", "/events?operation=none")
    assert (status, problem["reason"]) == (404, "OPERATION_NOT_FOUND")


async def test_the_stream_ends_with_the_process(world: World) -> None:
    async with listen(world) as stream:
        await stream.take(2)
        world.host.stopping.set()
        async with asyncio.timeout(10):
            assert not (await stream.response.content.read()).count(b"event: operation")


async def test_the_stream_ends_with_the_session_it_was_opened_in(world: World) -> None:
    async with listen(world) as stream:
        await stream.take(2)
        await world.client.log_out()
        await world.fakes.backup.change(pending=7)
        async with asyncio.timeout(10):
            assert b"pending" not in await stream.response.content.read()


async def test_the_stream_ends_with_the_token_it_was_opened_with(world: World) -> None:
    _, made = await world.json("POST", "/tokens", json={"name": "screen", "scopes": ["read"]})
    async with world.stranger(made["secret"]) as robot, listen(robot) as stream:
        await stream.take(2)
        await world.fakes.backup.change(pending=6)
        assert (await stream.next())[2]["pending"] == 6
        assert (await world.json("DELETE", f"/tokens/{made['token_id']}"))[0] == 204
        await world.fakes.backup.change(pending=7)
        async with asyncio.timeout(10):
            assert b'"pending":7' not in await stream.response.content.read()


async def test_the_stream_ends_with_the_service_it_watches(world: World) -> None:
    async with listen(world) as stream:
        await stream.take(2)
        await world.fakes.stop("attestation")
        async with asyncio.timeout(10):
            await stream.response.content.read()


async def test_a_listener_that_goes_away_is_not_watched_for(world: World) -> None:
    operations = world.fakes.operations
    async with listen(world) as stream:
        await stream.take(2)
        assert operations.watchers == 1
        stream.response.close()
    await operations.seen(lambda: operations.watchers == 0)


async def test_listeners_are_counted(start: Start) -> None:
    async with start(limits=LimitsConfig(events=1)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        async with listen(world):
            status, problem = await world.json("GET", "/events")
            assert (status, problem["reason"]) == (429, "TOO_MANY_STREAMS")


async def test_operations_by_page_and_one_by_one(world: World) -> None:
    for _ in range(3):
        await world.fakes.operations.start("check")
    _, page = await world.json("GET", "/operations?page_size=2")
    assert [one["operation_id"] for one in page["operations"]] == ["check-3", "check-2"]
    _, page = await world.json("GET", f"/operations?page_token={page['next_page_token']}")
    assert [one["operation_id"] for one in page["operations"]] == ["check-1"]
    status, one = await world.json("POST", "/operations/check-1/cancel")
    assert (status, one["cancel_requested"]) == (202, True)
    assert (await world.json("GET", "/operations/check-1"))[1]["cancel_requested"]


@pytest.mark.parametrize("path", ["/check", "/repair"])
async def test_long_work_answers_at_once_and_says_where_to_look(world: World, path: str) -> None:
    async with world.request("POST", f"/api/v1{path}", json={}) as response:
        told = await response.json()
        assert response.status == 202
        assert response.headers["Location"] == f"/api/v1/operations/{told['operation_id']}"


async def test_who_may_only_watch_sees_no_name_and_no_circle(world: World) -> None:
    await world.client.found()
    operations = world.fakes.operations
    check = await operations.start("check", "/private/affair.txt")
    await operations.advance(
        check,
        state=memory_pb2.OPERATION_STATE_SUCCEEDED,
        result='{"lost_files":["/private/affair.txt"]}',
        error_message="/private/affair.txt",
    )
    secret = await world.client.make_token("screen", "watch")
    async with world.stranger(secret) as robot:
        _, page = await robot.json("GET", "/operations")
        _, one = await robot.json("GET", f"/operations/{check}")
        async with listen(robot) as stream:
            stream.topics |= {"files"}
            told = {topic: data for _, topic, data in await stream.take(2)}
            await world.fakes.backup.change(pending=7)
            await world.client.put("/x", b"")
            await operations.advance(check, done=2)
            told |= {topic: data for _, topic, data in await stream.take(2)}
    assert set(told) == {"operation", "files"}
    for shown in (*page["operations"], one, told["operation"]):
        assert (shown["kind"], shown["state"]) == ("check", "succeeded")
        assert "affair" not in json.dumps(shown)
        assert shown["result"] == shown["subject"] == ""
    assert "affair" in json.dumps(await world.json("GET", "/operations"))
    reader = await world.client.make_token("reader", "read")
    async with world.stranger(reader) as robot, listen(robot) as stream:
        assert "affair" in json.dumps(await stream.take(3))


async def test_who_recovers_sees_how_it_ended(world: World) -> None:
    recover = await world.fakes.operations.start("recover")
    await world.fakes.operations.advance(recover, result='{"words":"All came back."}', error_message="why")
    async with world.stranger(await world.client.make_token("screen", "watch")) as robot:
        _, told = await robot.json("GET", f"/operations/{recover}")
        assert (told["result"], told["error_message"]) == ('{"words":"All came back."}', "why")
        async with listen(robot, f"?operation={recover}") as stream:
            assert (await stream.next())[2] == told
