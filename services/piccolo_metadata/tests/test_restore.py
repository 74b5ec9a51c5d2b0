"""A restore: what comes back, what stays, and what must not be taken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path as FilePath

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.adapters import database
from piccolo_metadata.adapters import restoring as module
from piccolo_metadata.core.audit import Wanted
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import (
    audit,
    files,
    numbers,
    operations,
    outbox,
    search,
)
from piccolo_metadata.ports import SNAPSHOT_WANTED
from piccolo_metadata.testing import TestMemory, memory
from piccolo_metadata.tests.lost_and_found import entries, handed_over, paths, publish, recorded, rename


@pytest.fixture
async def living(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "living") as opened:
        yield opened


@pytest.fixture
async def blank(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "blank") as opened:
        yield opened


async def test_a_restored_memory_is_the_one_that_was_lost(living: TestMemory, blank: TestMemory) -> None:
    await publish(living, "/a/Größe.txt", 1)
    await living.database.write(audit.append, "owner", "setup", "", "ok", "")
    snapshot = await handed_over(living, blank)
    await publish(living, "/a/b", 2)
    await rename(living, "/a", "/c")
    await living.database.write(numbers.reserve, 5)
    await living.outbox.set_generation(3)
    async with blank.outbox.restoring(snapshot) as restoring:
        for entry in await entries(living, restoring.number):
            await restoring.apply(entry)
        assert await blank.outbox.is_empty()  # untouched so far
        assert await restoring.replace({"backup.head": b"restored"}) == 2
    assert await blank.database.read(paths) == ["/c", "/c/Größe.txt", "/c/b"]
    found = await blank.database.read(search.search, "GRÖSSE", Path(), None, 10)
    assert [str(entry.path) for entry in found.items] == ["/c/Größe.txt"]
    assert await blank.outbox.local("backup.head") == b"restored"
    assert await blank.outbox.local(SNAPSHOT_WANTED) == b""
    assert not await blank.outbox.is_empty()
    ours, theirs = recorded(blank.database.path), recorded(living.database.path)
    for table in set(ours) - {"progress"}:
        assert ours[table] == theirs[table], table


async def test_no_number_is_given_twice_after_a_restore(living: TestMemory, blank: TestMemory) -> None:
    await living.outbox.set_generation(2)
    snapshot = await handed_over(living, blank)
    for _ in range(100):
        await living.database.write(numbers.reserve, 100_000)  # the backup never hears of these
    lost = await living.database.write(files.make_directory, Path.parse("/lost"))
    async with blank.outbox.restoring(snapshot) as restoring:
        await restoring.replace({})
    first, generation = await blank.database.write(numbers.reserve, 1)
    assert (first > 10_000_000, generation) == (True, 2)
    made = await blank.database.write(files.make_directory, Path.parse("/made"))
    assert made.revision > lost.revision
    assert made.entry_id > lost.entry_id
    last = (await blank.outbox.backlog()).last
    assert last > (await entries(blank))[0].number - 1
    assert (await entries(blank))[0].number == restoring.number + 1


async def test_what_belongs_to_this_device_stays(living: TestMemory, blank: TestMemory) -> None:
    await publish(living, "/a", 1)
    for action in ("one", "two"):
        await living.database.write(audit.append, "owner", action, "", "ok", "")
    await blank.database.write(audit.append, "owner", "recover", "", "ok", '{"n":1}')
    await blank.database.write(operations.start, "recovery", "recover", "", "")
    await blank.outbox.set_local({"backup.key": b"mine"})
    watched = operations.watch(blank.database, "recovery", 0)
    began = await anext(watched)
    snapshot = await handed_over(living, blank)
    async with blank.outbox.restoring(snapshot) as restoring:
        await restoring.replace({})
    events = await blank.database.read(audit.listing, Wanted(), None, 10)
    assert [(event.number, event.action) for event, _ in events.items] == [
        (3, "recover"),
        (2, "two"),
        (1, "one"),
    ]
    assert (await audit.verify(blank.database)).broken_at == 0
    assert await blank.outbox.local("backup.key") == b"mine"
    assert await blank.database.read(operations.get, "recovery") == began
    following = asyncio.ensure_future(anext(watched))
    ended = await blank.database.write(operations.cancel, "recovery")
    async with asyncio.timeout(60):
        assert await following == ended  # whoever watches the recovery sees it through


async def test_a_memory_with_files_is_not_replaced(living: TestMemory, blank: TestMemory) -> None:
    await publish(living, "/a", 1)
    snapshot = await handed_over(living, blank)
    async with blank.outbox.restoring(snapshot) as restoring:
        await publish(blank, "/mine", 2)
        with pytest.raises(PiccoloError, match="files of its own") as refused:
            await restoring.replace({})
    assert refused.value.reason == "MEMORY_NOT_EMPTY"
    assert await blank.database.read(paths) == ["/mine"]
    await publish(blank, "/more", 3)


async def test_reads_and_writes_wait_while_the_memory_is_exchanged(
    living: TestMemory, blank: TestMemory
) -> None:
    await publish(living, "/a", 1)
    snapshot = await handed_over(living, blank)

    async def ask() -> set[tuple[str, ...]]:
        seen = set()
        for _ in range(200):
            seen.add(tuple(await blank.database.read(paths)))
            await blank.database.write(outbox.set_local, {"k": b"v"})
        return seen

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask()) for _ in range(5)]
        async with blank.outbox.restoring(snapshot) as restoring:
            await restoring.replace({})
    assert set().union(*(task.result() for task in asking)) <= {(), ("/a",)}
    assert await blank.database.read(paths) == ["/a"]


async def test_an_unfinished_restore_leaves_nothing_but_a_file_that_the_next_start_removes(
    living: TestMemory, tmp_path: FilePath
) -> None:
    await publish(living, "/a", 1)
    async with memory(tmp_path / "cut") as cut:
        snapshot = await handed_over(living, cut)
        async with cut.outbox.restoring(snapshot):
            pass
        assert await cut.outbox.is_empty()
        assert snapshot.exists()
    async with memory(tmp_path / "cut") as again:
        assert await again.outbox.is_empty()
        assert not snapshot.exists()


async def test_an_exchange_that_fails_leaves_the_memory_as_it_was(
    living: TestMemory, blank: TestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(living, "/a", 1)
    snapshot = await handed_over(living, blank)

    def fail(_new: FilePath, _old: FilePath) -> None:
        raise OSError(5, "the disk fails just now")

    async with blank.outbox.restoring(snapshot) as restoring:
        monkeypatch.setattr(module, "_take_place", fail)
        with pytest.raises(OSError, match="just now"):
            await restoring.replace({})
    assert await blank.outbox.is_empty()
    await publish(blank, "/b", 2)
    assert await blank.database.read(paths) == ["/b"]


async def test_an_exchange_that_is_given_up_is_finished_all_the_same(
    living: TestMemory, blank: TestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(living, "/a", 1)
    snapshot = await handed_over(living, blank)
    reached, go_on = threading.Event(), threading.Event()
    take_place = module._take_place

    def slow(new: FilePath, old: FilePath) -> None:
        reached.set()
        assert go_on.wait(10)
        take_place(new, old)

    monkeypatch.setattr(module, "_take_place", slow)
    async with blank.outbox.restoring(snapshot) as restoring:
        replacing = asyncio.ensure_future(restoring.replace({}))
        await asyncio.to_thread(reached.wait, 10)
        replacing.cancel()
        reading = asyncio.ensure_future(blank.database.read(paths))
        await asyncio.sleep(0)
        assert not reading.done()  # it waits, and sees the new memory
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await replacing
        assert await reading == ["/a"]


@pytest.mark.parametrize("failing", ["writer", "reader"])
async def test_a_memory_that_cannot_be_opened_again_after_an_exchange_is_closed_all_the_same(
    living: TestMemory, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Who waits is told, and the process ends in order."""
    await publish(living, "/a", 1)
    reached, go_on = threading.Event(), threading.Event()

    def fail(*_: object) -> None:
        raise OSError(5, "the disk fails just now")

    def spoil(_new: FilePath, _old: FilePath) -> None:
        reached.set()
        assert go_on.wait(10)
        monkeypatch.setattr(database, "_check_version" if failing == "writer" else "Reader", fail)

    async with asyncio.timeout(60), memory(tmp_path / "blank") as blank:
        snapshot = await handed_over(living, blank)
        monkeypatch.setattr(module, "_take_place", spoil)
        async with blank.outbox.restoring(snapshot) as restoring:
            replacing = asyncio.ensure_future(restoring.replace({}))
            await asyncio.to_thread(reached.wait, 10)
            asking = [asyncio.ensure_future(blank.database.read(paths)) for _ in range(9)]
            go_on.set()
            with pytest.raises(OSError, match="just now"):
                await replacing
        for asked in asking:
            with pytest.raises(PiccoloError) as told:
                await asked
            assert told.value.reason == "STOPPING"
