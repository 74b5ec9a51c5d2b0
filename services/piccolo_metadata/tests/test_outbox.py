"""The outbox and snapshots: what a backup is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path as FilePath

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.adapters.schema import SCHEMA_VERSION
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import (
    files,
    outbox,
    publishing,
    state,
    upkeep,
    uploads,
)
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import SNAPSHOT_WANTED, Transaction
from piccolo_metadata.testing import TestMemory, memory
from piccolo_metadata.tests.builders import a_file, an_intent
from piccolo_metadata.tests.lost_and_found import entries, publish, recorded
from piccolo_metadata.tests.test_uploads import an_upload


@pytest.fixture
async def living(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "living") as opened:
        yield opened


# the outbox


async def test_each_commit_leaves_one_entry_and_wakes_the_backup(living: TestMemory) -> None:
    waiting = asyncio.ensure_future(living.outbox.committed(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await living.database.write(files.make_directory, Path.parse("/a"))
    async with asyncio.timeout(60):
        assert await waiting == 1
        assert await living.outbox.committed(0) == 1
    await living.database.write(files.make_directory, Path.parse("/b"))
    first, second = await entries(living)
    assert (first.number, second.number, second.schema) == (1, 2, SCHEMA_VERSION)
    assert second.time == living.clock.wall()
    assert await entries(living, 1) == [second]


async def test_what_is_in_no_backup_leaves_no_entry(living: TestMemory) -> None:
    await living.database.write(uploads.begin, an_upload())
    await living.database.write(publishing.prepare, an_intent(a_file("/a", 1)))
    await living.outbox.set_local({"backup.head": b"x"})
    assert await entries(living) == []


async def test_a_write_that_fails_leaves_no_entry(living: TestMemory) -> None:
    def fail(tx: Transaction) -> None:
        files.make_directory(tx, Path.parse("/a"))
        raise PiccoloError(Kind.INVALID, "NO_GOOD", "No good.")

    with pytest.raises(PiccoloError):
        await living.database.write(fail)
    assert await entries(living) == []


async def test_acknowledged_entries_go_with_the_local_facts_in_one_step(living: TestMemory) -> None:
    for name in "abc":
        await living.database.write(files.make_directory, Path.parse(f"/{name}"))
    await living.outbox.acknowledge(2, {"backup.head": b"two", "backup.old": None})
    assert [entry.number for entry in await entries(living)] == [3]
    assert await living.outbox.local("backup.head") == b"two"
    backlog = await living.outbox.backlog()
    assert (backlog.first, backlog.last, backlog.entries) == (3, 3, 1)
    assert backlog.bytes == len((await entries(living))[0].changeset)


async def test_numbers_go_on_after_everything_was_acknowledged_and_after_a_restart(
    tmp_path: FilePath,
) -> None:
    async with memory(tmp_path) as first:
        await first.database.write(files.make_directory, Path.parse("/a"))
        await first.outbox.acknowledge(1, {})
    async with memory(tmp_path) as second:
        assert second.database.last_number == 1
        await second.database.write(files.make_directory, Path.parse("/b"))
        assert [entry.number for entry in await entries(second)] == [2]


async def test_entries_are_read_in_portions(living: TestMemory) -> None:
    for number in range(5):
        await living.database.write(
            state.put, "n", [StateValue(str(number), bytes(1_000), 0)], [], check=False
        )
    assert [entry.number for entry in await living.outbox.pending(0, 1)] == [1]
    assert [entry.number for entry in await living.outbox.pending(1, 2_500)] == [2, 3]


async def test_an_outbox_that_outweighs_the_database_is_given_up_for_a_snapshot(
    living: TestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):  # the same value again and again: the database stays small, the outbox grows
        value = StateValue("k", bytes([number]) * 50_000, 0)
        await living.database.write(state.put, "n", [value], [], check=False)
    await upkeep.once(living.database, may_give_up=False)
    assert len(await entries(living)) == 40  # small outboxes stay
    monkeypatch.setattr(outbox, "_LEAST_LIMIT", 100_000)
    await upkeep.once(living.database, may_give_up=False)
    assert await entries(living) == []
    assert await living.outbox.local(SNAPSHOT_WANTED) == b""
    await living.database.write(files.make_directory, Path.parse("/a"))
    assert (await entries(living))[0].number == 41


# snapshots


async def test_a_snapshot_has_what_is_recorded_and_not_a_byte_of_the_rest(living: TestMemory) -> None:
    await publish(living, "/a/b", 1)
    upload = replace(an_upload("/x"), vault_state=b"SECRET" * 100)
    await living.database.write(uploads.begin, upload)
    await living.outbox.set_local({"backup.head": b"SECRET"})
    snapshot = await living.outbox.snapshot()
    assert (snapshot.number, snapshot.schema) == (1, SCHEMA_VERSION)
    assert b"SECRET" not in snapshot.path.read_bytes()
    assert recorded(snapshot.path) == recorded(living.database.path)


async def test_writing_goes_on_while_a_snapshot_is_taken(living: TestMemory) -> None:
    await publish(living, "/a", 1)
    async with asyncio.TaskGroup() as group:
        snapshots = [group.create_task(living.outbox.snapshot()) for _ in range(3)]
        for number in range(60):
            await living.database.write(files.make_directory, Path.parse(f"/{number}"))
    newest = max(task.result().number for task in snapshots)
    found = recorded(snapshots[-1].result().path)
    assert len(found["entry"]) == 4 + newest - 1  # the first three, /a, and one directory an entry
    assert not list(living.outbox.work_folder.glob("*-wal"))
