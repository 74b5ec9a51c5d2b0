"""The writer, the readers, and what happens when the disk or the database is not as it should be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.adapters.batch import Batch, Work
from piccolo_metadata.adapters.damage import OpenMark, set_aside_before
from piccolo_metadata.core import paths
from piccolo_metadata.engine import files, operations, state
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import Rows, Transaction
from piccolo_metadata.testing import TestMemory, memory


@pytest.fixture
async def open_memory(tmp_path: Path) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path) as opened:
        yield opened


def put(tx: Transaction, key: str, value: bytes = b"") -> int:
    return state.put(tx, "n", [StateValue(key, value, 0)], [], check=False)


def keys(rows: Rows) -> list[str]:
    return [one.key for one in state.listing(rows, "n", "", "", 1_000).items]


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with memory(tmp_path) as first:
        await first.database.write(files.make_directory, paths.Path.parse("/a"))
        revision = await first.database.write(put, "k")
    async with memory(tmp_path) as second:
        assert str((await second.database.read(files.stat, paths.Path.parse("/a"))).path) == "/a"
        assert await second.database.write(put, "k2") > revision


async def test_a_reader_sees_what_a_writer_was_told_is_there(open_memory: TestMemory) -> None:
    for number in range(50):
        await open_memory.database.write(put, str(number))
        assert str(number) in await open_memory.database.read(keys)


class Gate:
    """Holds the writer thread until it is opened."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def hold(self, tx: Transaction) -> None:
        self.reached.set()
        assert self.open.wait(10)


async def held(open_memory: TestMemory, group: asyncio.TaskGroup) -> Gate:
    gate = Gate()
    group.create_task(open_memory.database.write(gate.hold))
    await asyncio.to_thread(gate.reached.wait, 10)
    return gate


async def test_writes_that_wait_share_one_commit_and_fail_alone(open_memory: TestMemory) -> None:
    def fail(tx: Transaction) -> None:
        put(tx, "half")
        raise PiccoloError(Kind.INVALID, "NO_GOOD", "No good.")

    before = (await open_memory.outbox.backlog()).last
    async with asyncio.TaskGroup() as group:
        gate = await held(open_memory, group)
        good = [group.create_task(open_memory.database.write(put, str(n))) for n in range(20)]
        bad = asyncio.gather(*(open_memory.database.write(fail) for _ in range(5)), return_exceptions=True)
        await asyncio.sleep(0)
        gate.open.set()
    assert [type(error) for error in await bad] == [PiccoloError] * 5
    assert sorted(await open_memory.database.read(keys)) == sorted(map(str, range(20)))
    assert len({task.result() for task in good}) == 20  # each has a revision of its own
    assert (await open_memory.outbox.backlog()).last == before + 1


async def test_a_write_that_fails_gives_its_revision_to_nobody_it_matters_to(open_memory: TestMemory) -> None:
    first = await open_memory.database.write(put, "a")
    with pytest.raises(ZeroDivisionError):
        await open_memory.database.write(lambda tx: put(tx, "b") // 0)
    assert await open_memory.database.write(put, "c") > first


async def test_a_cancelled_write_that_has_not_begun_is_not_done(open_memory: TestMemory) -> None:
    async with asyncio.TaskGroup() as group:
        gate = await held(open_memory, group)
        given_up = group.create_task(open_memory.database.write(put, "given up"))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        gate.open.set()
    assert await open_memory.database.read(keys) == []


async def test_a_cancelled_read_is_interrupted_and_gives_its_connection_back(open_memory: TestMemory) -> None:
    begun = threading.Event()

    def long(rows: Rows) -> int:
        begun.set()
        endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        (count,) = rows.one(endless) or (0,)
        return int(count)

    for _ in range(7):  # more than there are readers
        begun.clear()
        reading = asyncio.ensure_future(open_memory.database.read(long))
        await asyncio.to_thread(begun.wait, 60)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    async with asyncio.timeout(60):
        assert await asyncio.gather(*(open_memory.database.read(keys) for _ in range(9))) == [[]] * 9


async def test_a_reader_cannot_write(open_memory: TestMemory) -> None:
    def write(rows: Rows) -> None:
        rows.one("DELETE FROM entry")

    with pytest.raises(apsw.ReadOnlyError):
        await open_memory.database.read(write)


async def test_readers_and_the_writer_never_wait_for_each_other(open_memory: TestMemory) -> None:
    database = open_memory.database
    begun, go_on = threading.Event(), threading.Event()

    def slow(rows: Rows) -> tuple[int, int]:
        before = len(keys(rows))
        begun.set()
        assert go_on.wait(10)
        return before, len(keys(rows))

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(database.read(slow))
        await asyncio.to_thread(begun.wait, 10)
        for number in range(20):
            await database.write(put, str(number))
        go_on.set()
    assert reading.result() == (0, 0)  # one consistent view
    assert len(await database.read(keys)) == 20


async def test_a_write_after_the_end_is_refused(tmp_path: Path) -> None:
    async with memory(tmp_path) as closed:
        last = asyncio.ensure_future(closed.database.write(put, "last"))
        await asyncio.sleep(0)
    await last  # what was queued was done
    for work in (closed.database.write(put, "late"), closed.database.read(keys)):
        with pytest.raises(PiccoloError) as refused:
            await work
        assert refused.value.reason == "STOPPING"


# a full disk


def limit(tx: Transaction, more: int) -> None:
    """Lets the database grow by so many pages and no more."""
    (pages,) = tx.one("PRAGMA page_count") or (0,)
    tx.one(f"PRAGMA max_page_count = {pages + more}")


async def test_a_full_disk_refuses_writes_in_words_and_serves_reads(open_memory: TestMemory) -> None:
    database = open_memory.database
    await database.write(put, "before")
    await database.write(limit, 8)
    with pytest.raises(PiccoloError, match="disk of this device is full") as refused:
        await database.write(put, "large", bytes(1_000_000))
    assert (refused.value.kind, refused.value.reason) == (Kind.FULL, "DISK_FULL")
    assert await database.read(keys) == ["before"]
    await database.write(limit, 100_000)
    await database.write(put, "large", bytes(1_000_000))
    assert await database.read(keys) == ["before", "large"]


async def test_in_a_batch_on_a_full_disk_what_fits_is_written(open_memory: TestMemory) -> None:
    database = open_memory.database
    await database.write(limit, 40)
    async with asyncio.TaskGroup() as group:
        gate = await held(open_memory, group)
        work = [put] * 9
        results = asyncio.gather(
            *(database.write(one, str(n), bytes(1_000_000 if n == 4 else 10)) for n, one in enumerate(work)),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
        gate.open.set()
    told = [isinstance(result, PiccoloError) and result.reason for result in await results]
    assert told == [False] * 4 + ["DISK_FULL"] + [False] * 4
    assert await database.read(keys) == [str(n) for n in range(9) if n != 4]


async def test_a_batch_that_is_lost_as_a_whole_is_done_one_by_one(
    open_memory: TestMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_memory.database
    commit = Batch.commit
    sizes: list[int] = []

    def failing(batch: Batch, works: Iterator[Work]) -> int:
        listed = list(works)
        sizes.append(len(listed))
        last = commit(batch, iter(listed))
        if len(listed) > 1:
            raise apsw.FullError("as a commit may say")
        return last

    async with asyncio.TaskGroup() as group:
        gate = await held(open_memory, group)
        monkeypatch.setattr(Batch, "commit", failing)
        written = [group.create_task(database.write(put, str(n))) for n in range(5)]
        await asyncio.sleep(0)
        gate.open.set()
    assert [task.result() > 0 for task in written] == [True] * 5
    assert sizes == [5, 1, 1, 1, 1, 1]


# watching


async def test_a_change_is_not_missed_between_two_looks(open_memory: TestMemory) -> None:
    database = open_memory.database
    seen = await database.changed(operations.TOPIC, -1)
    await database.write(operations.start, "one", "check", "", "")
    async with asyncio.timeout(60):
        later = await database.changed(operations.TOPIC, seen)
        assert later > seen
        watched = operations.watch(database, "", 0)
        assert (await anext(watched)).operation_id == "one"
        following = asyncio.ensure_future(anext(watched))
        await database.write(operations.start, "two", "check", "", "")
        assert (await following).operation_id == "two"


async def test_a_failed_write_wakes_nobody(open_memory: TestMemory) -> None:
    def fail(tx: Transaction) -> None:
        operations.start(tx, "one", "check", "", "")
        raise PiccoloError(Kind.INVALID, "NO_GOOD", "No good.")

    database = open_memory.database
    seen = await database.changed(operations.TOPIC, -1)
    with pytest.raises(PiccoloError):
        await database.write(fail)
    await database.write(put, "x")
    assert await database.changed(operations.TOPIC, -1) == seen


# damage


async def filled(folder: Path) -> None:
    async with memory(folder) as first:
        for number in range(50):
            await first.database.write(put, str(number), bytes(5_000))


def pages_of_state(folder: Path) -> list[int]:
    connection = apsw.Connection(str(folder / "metadata.db"))
    sql = "SELECT pageno FROM dbstat WHERE name = 'state' AND pagetype = 'leaf'"
    pages = [int(number) for (number,) in connection.execute(sql)]
    connection.close()
    return pages


def spoil(folder: Path, pages: list[int]) -> bytes:
    """Writes over pages, as a dying disk does; returns the file's content."""
    path = folder / "metadata.db"
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4_096)
            file.write(b"\xa5" * 4_096)
    return path.read_bytes()


async def test_a_damaged_database_is_set_aside_with_what_to_do(tmp_path: Path) -> None:
    await filled(tmp_path)
    spoilt = spoil(tmp_path, pages_of_state(tmp_path))
    OpenMark(tmp_path).set()  # the last run did not end by itself
    with pytest.raises(PiccoloError, match="restore the backup with your 24 words") as refused:
        async with memory(tmp_path):
            pass
    assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "DATABASE_DAMAGED")
    (aside,) = set_aside_before(tmp_path)
    assert str(aside) == refused.value.details["aside"]
    assert (aside / "metadata.db").read_bytes() == spoilt  # nothing is deleted
    async with memory(tmp_path) as empty:
        assert await empty.database.read(keys) == []
        assert await empty.outbox.is_empty()


async def test_what_is_no_database_at_all_is_set_aside_too(tmp_path: Path) -> None:
    (tmp_path / "metadata.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(PiccoloError, match="set aside"):
        async with memory(tmp_path):
            pass
    assert len(set_aside_before(tmp_path)) == 1


async def test_after_an_orderly_end_the_file_is_not_checked_and_after_another_it_is(tmp_path: Path) -> None:
    await filled(tmp_path)
    mark = OpenMark(tmp_path)
    assert not mark.is_set()
    async with memory(tmp_path):
        assert mark.is_set()
    assert not mark.is_set()


async def test_damage_that_shows_while_running_is_told_and_checked_at_the_next_start(tmp_path: Path) -> None:
    await filled(tmp_path)
    pages = pages_of_state(tmp_path)
    async with memory(tmp_path) as damaged:
        spoil(tmp_path, pages)
        with pytest.raises(PiccoloError, match="damaged") as told:
            await damaged.database.read(lambda rows: list(rows.each("SELECT * FROM state")))
        assert (told.value.kind, told.value.reason) == (Kind.DATA_LOSS, "DATABASE_DAMAGED")
    assert OpenMark(tmp_path).is_set()
    with pytest.raises(PiccoloError, match="set aside"):
        async with memory(tmp_path):
            pass
