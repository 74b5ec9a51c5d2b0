"""Who watches is told of everything that changes what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path as FilePath
from typing import TypeAlias

import pytest

from piccolo_metadata.core.ages import DAY
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import changes, files, history, publishing, trash, tree, upkeep
from piccolo_metadata.testing import TestMemory, memory
from piccolo_metadata.tests.builders import a_file, an_intent

A, B = Path.parse("/a"), Path.parse("/b")
Change: TypeAlias = Callable[[TestMemory], Awaitable[object]]


@pytest.fixture
async def lived(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    """A file with two versions, and something in the trash."""
    async with memory(tmp_path) as made:
        for version in ("first", "second"):
            await publish(made, version, order=(2, 1))
        await made.database.write(files.make_directory, B)
        await made.database.write(files.remove, B, recursive=True, expected=None, doomed=False)
        yield made


async def publish(here: TestMemory, version: str, order: tuple[int, int]) -> None:
    intent = an_intent(a_file("/a", version, order=order), name=version)
    await here.database.write(publishing.prepare, intent)
    await here.database.write(publishing.publish, intent.object.object_id, ())


async def purge(here: TestMemory) -> None:
    (removed,) = (await here.database.read(trash.listing, None, 10)).items
    await here.database.write(trash.doom, removed.trash_id)


async def expire(here: TestMemory) -> None:
    here.clock.pass_days(400)
    assert await here.database.write(trash.doom_expired, DAY) == 1


async def prune(here: TestMemory) -> None:
    here.clock.pass_days(400)
    number = (await here.database.read(tree.find_file, A)).id
    assert await here.database.write(history.prune, number, keep=1, min_age=DAY) == 1


async def publish_an_older_one(here: TestMemory) -> None:
    seen = await here.database.read(files.stat, A)
    await publish(here, "older", order=(1, 1))
    now = await here.database.read(files.stat, A)
    assert (now.version_id, now.revision) == (seen.version_id, seen.revision)


@pytest.mark.parametrize("change", [purge, expire, prune, publish_an_older_one])
async def test_what_goes_or_comes_into_the_history_is_told(lived: TestMemory, change: Change) -> None:
    watching = changes.watch(lived.database, tree.TOPIC)
    before = await anext(watching)
    await change(lived)
    async with asyncio.timeout(10):
        assert await anext(watching) > before


async def test_upkeep_that_gives_nothing_up_tells_nobody(lived: TestMemory) -> None:
    before = await lived.database.read(changes.mark, tree.TOPIC)
    await upkeep.once(lived.database, may_give_up=True)
    assert await lived.database.read(changes.mark, tree.TOPIC) == before
