"""The way of an owner through the public API, from a blank device to its files and back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from piccolo.metadata.v1 import memory_pb2

from integration.client import ApiError, OperationFailedError
from piccolo_gateway.tests.conftest import World
from piccolo_gateway.tests.fakes.keys import WORDS

SUCCEEDED = memory_pb2.OPERATION_STATE_SUCCEEDED


async def test_from_a_blank_device_to_a_file_that_is_read_back(blank: World) -> None:
    owner = blank.client
    assert (await owner.status())["keys"] == "empty"
    await owner.set_up()
    assert owner.words == WORDS
    assert (await owner.status())["keys"] == "unlocked"
    await owner.found()
    assert [member["name"] for member in await owner.members()] == ["device", "Ana"]
    await owner.knows_members(2)
    assert (await owner.invite()).startswith("piccolo:")
    written = await owner.put("/notes/Über/日本.txt", b"hello" * 1000, modified=1_700_000_000)
    assert written.size == 5000
    assert written.health.survives == 2
    assert await owner.get("/notes/Über/日本.txt") == b"hello" * 1000
    listed = {entry["path"] async for entry in owner.list()}
    assert listed == {"/notes", "/notes/Über", "/notes/Über/日本.txt"}
    assert (await owner.health()).words == "Every file survives the loss of any 2 devices."
    await owner.backed_up()


async def test_long_work_is_watched_to_its_end(world: World) -> None:
    operations = world.fakes.operations
    checking = asyncio.ensure_future(world.client.check())
    await operations.seen(lambda: operations.watchers > 0)
    await operations.advance("check-1", done=1, total=2)
    await operations.advance("check-1", done=2, state=SUCCEEDED, result='{"bad": 0}')
    assert (await checking)["result"] == '{"bad": 0}'


async def test_work_that_fails_says_why(world: World) -> None:
    repairing = asyncio.ensure_future(world.client.repair())
    operations = world.fakes.operations
    await operations.seen(lambda: "repair-1" in operations.known)
    failed = memory_pb2.OPERATION_STATE_FAILED
    await operations.advance("repair-1", state=failed, error_message="No keepers.")
    with pytest.raises(OperationFailedError, match="No keepers"):
        await repairing


async def test_recovery_is_watched_by_who_began_it_and_by_nothing_more(blank: World) -> None:
    owner = blank.client
    owner.words = WORDS
    wish: dict[str, Any] = {"contacts": "a:1#0000", "accept_rolled_back": True, "from_circle": True}
    recovering = asyncio.ensure_future(owner.recover(**wish))
    operations = blank.fakes.operations
    await operations.seen(lambda: operations.watchers > 0)
    with pytest.raises(ApiError) as refused:
        await owner.get("/x")
    assert refused.value.reason == "SCOPE_MISSING"
    asked = blank.fakes.keys.recovered
    assert (asked.contacts, asked.accept_rolled_back, asked.from_circle) == tuple(wish.values())
    await operations.advance("recover-1", state=SUCCEEDED, result='{"backup": "circle"}')
    assert await recovering == {"backup": "circle"}
    await owner.put("/x", b"")
    assert await owner.get("/x") == b""
