"""Changesets, snapshots and restores: what a backup is made of."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.adapters.schema import SCHEMA_VERSION, STEPS, migrate, recorded_tables
from piccolo_metadata.adapters.snapshots import open_snapshot
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import (
    audit,
    files,
    history,
    numbers,
    operations,
    outbox,
    publishing,
    search,
    state,
    trash,
    tree,
    upkeep,
    uploads,
)
from piccolo_metadata.engine import settings as owner_settings
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import SNAPSHOT_WANTED, OutboxEntry, Rows, Transaction
from piccolo_metadata.testing import TestMemory, memory
from piccolo_metadata.tests.builders import Bench, a_file, an_id, an_intent, content_of
from piccolo_metadata.tests.test_uploads import an_upload


@pytest.fixture
async def living(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "living") as opened:
        yield opened


@pytest.fixture
async def blank(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "blank") as opened:
        yield opened


async def publish(target: TestMemory, path: str, version: object) -> None:
    intent = an_intent(a_file(path, version))
    await target.database.write(publishing.prepare, intent)
    await target.database.write(publishing.publish, intent.object.object_id, ())


async def entries(source: TestMemory, after: int = 0) -> list[OutboxEntry]:
    return await source.outbox.pending(after, 1 << 40)


async def handed_over(source: TestMemory, target: TestMemory) -> FilePath:
    """A snapshot of the one in the work folder of the other."""
    snapshot = await source.outbox.snapshot()
    return FilePath(shutil.move(snapshot.path, target.outbox.work_folder / "restored.db"))


def recorded(path: FilePath) -> dict[str, list[tuple[Any, ...]]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return content_of(connection, recorded_tables(connection))
    finally:
        connection.close()


def paths(rows: Rows) -> list[str]:
    page = files.listing_below(rows, Path(), (), 1_000)
    return [str(entry.path) for entry in page.items]


# the outbox


async def test_each_commit_leaves_one_entry_and_wakes_the_backup(living: TestMemory) -> None:
    waiting = asyncio.ensure_future(living.outbox.committed(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await living.database.write(files.make_directory, Path.parse("/a"))
    async with asyncio.timeout(5):
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


# replaying

NAMES = st.sampled_from(["a", "b", "ä"])
WHERE = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
STEP = st.one_of(
    st.tuples(st.just("publish"), WHERE, st.integers(0, 10**6)),
    st.tuples(st.just("directory"), WHERE),
    st.tuples(st.just("move"), WHERE, WHERE),
    st.tuples(st.just("copy"), WHERE, WHERE),
    st.tuples(st.just("remove"), WHERE, st.booleans()),
    st.tuples(st.just("take apart")),
    st.tuples(st.just("restore"), st.integers(0, 3)),
    st.tuples(st.just("version"), WHERE),
    st.tuples(st.just("state"), NAMES, st.binary(max_size=9)),
    st.tuples(st.just("setting"), st.integers(1, 99)),
    st.tuples(st.just("audit"), NAMES),
    st.tuples(st.just("reserve"), st.integers(1, 9)),
    st.tuples(st.just("local")),
)


def act(bench: Bench, step: tuple[Any, ...]) -> None:
    """Does a step, whatever comes of it."""
    kind, *args = step
    where = [Path(arg) for arg in args if isinstance(arg, tuple)]
    actions: dict[str, Callable[[], object]] = {
        "publish": lambda: bench.publish(a_file(str(where[0]), args[1])),
        "directory": lambda: bench.do(files.make_directory, where[0]),
        "move": lambda: bench.do(files.move, *where, overwrite=True, expected=None),
        "copy": lambda: bench.do(files.copy_file, *where, overwrite=True),
        "remove": lambda: bench.do(files.remove, where[0], recursive=True, expected=None, doomed=args[1]),
        "take apart": lambda: bench.do(trash.take_apart_some),
        "restore": lambda: bench.do(
            trash.restore, bench.now(trash.listing, None, 9).items[args[0]].trash_id, None
        ),
        "version": lambda: bench.do(
            history.restore, where[0], bench.now(history.versions, where[0], None, 9).items[-1].version_id
        ),
        "state": lambda: bench.do(state.put, "n", [StateValue(args[0], args[1], 0)], [], check=False),
        "setting": lambda: bench.do(owner_settings.set_some, {"trash.days": str(args[0])}),
        "audit": lambda: bench.do(audit.append, args[0], "b", "", "ok", ""),
        "reserve": lambda: bench.do(numbers.reserve, args[0]),
        "local": lambda: bench.do(outbox.set_local, {"k": b"v"}),
    }
    try:
        actions[kind]()
    except (PiccoloError, IndexError, AssertionError):
        return


def pending(bench: Bench) -> list[OutboxEntry]:
    return bench.now(outbox.pending, 0, 1 << 40)


@given(st.lists(STEP, max_size=25), st.integers(0, 25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_and_the_changesets_after_it_are_the_database(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]], at: int
) -> None:
    from piccolo_metadata.adapters.changesets import Tables, apply_entry
    from piccolo_metadata.adapters.snapshots import number_of, write_snapshot

    folder = tmp_path_factory.mktemp("replay")
    bench = Bench(folder / "metadata.db")
    for step in steps[:at]:
        act(bench, step)
    snapshot = write_snapshot(folder / "metadata.db", folder / "snapshot.db")
    for step in steps[at:]:
        act(bench, step)
    restored = open_snapshot(folder / "snapshot.db")
    tables = Tables(restored)
    assert number_of(restored) == snapshot.number
    for entry in pending(bench)[snapshot.number :]:
        apply_entry(restored, tables, entry)
    assert content_of(restored, tables.names) == content_of(bench.connection, tables.names)
    assert restored.execute("PRAGMA foreign_key_check").fetchall() == []
    restored.close()
    bench.close()
    shutil.rmtree(folder)


async def test_a_restored_memory_is_the_one_that_was_lost(living: TestMemory, blank: TestMemory) -> None:
    await publish(living, "/a/Größe.txt", 1)
    await living.database.write(audit.append, "owner", "setup", "", "ok", "")
    snapshot = await handed_over(living, blank)
    await publish(living, "/a/b", 2)
    await living.database.write(
        files.move, Path.parse("/a"), Path.parse("/c"), overwrite=False, expected=None
    )
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
    events = await blank.database.read(audit.listing, "", None, 10)
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
    async with asyncio.timeout(5):
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


# what must not be applied


async def refused(blank: TestMemory, snapshot: FilePath, entry: OutboxEntry) -> str:
    """The reason for which an entry is refused; nothing of it is kept."""
    async with blank.outbox.restoring(snapshot) as restoring:
        before = recorded(snapshot)
        with pytest.raises(PiccoloError) as failed:
            await restoring.apply(entry)
        assert recorded(snapshot) == before
        return failed.value.reason


async def changed(living: TestMemory, blank: TestMemory) -> tuple[FilePath, OutboxEntry]:
    """A snapshot, and the one entry after it."""
    await publish(living, "/a", 1)
    snapshot = await handed_over(living, blank)
    await living.database.write(
        files.move, Path.parse("/a"), Path.parse("/b"), overwrite=False, expected=None
    )
    return snapshot, (await entries(living))[-1]


async def test_a_missing_entry_is_noticed(living: TestMemory, blank: TestMemory) -> None:
    snapshot, entry = await changed(living, blank)
    assert await refused(blank, snapshot, replace(entry, number=entry.number + 1)) == "CHANGESET_ORDER"
    assert await refused(blank, snapshot, replace(entry, number=entry.number - 1)) == "CHANGESET_ORDER"


async def test_an_entry_of_another_schema_is_refused(living: TestMemory, blank: TestMemory) -> None:
    snapshot, entry = await changed(living, blank)
    assert await refused(blank, snapshot, replace(entry, schema=SCHEMA_VERSION + 1)) == "SCHEMA_NEWER"
    assert await refused(blank, snapshot, replace(entry, schema=0)) == "CHANGESET_SCHEMA"


async def test_a_wrong_digest_is_refused(living: TestMemory, blank: TestMemory) -> None:
    snapshot, entry = await changed(living, blank)
    assert await refused(blank, snapshot, replace(entry, digest=bytes(32))) == "CHANGESET_DIGEST"


async def test_an_entry_that_does_not_fit_is_refused(living: TestMemory, blank: TestMemory) -> None:
    snapshot, entry = await changed(living, blank)
    connection = apsw.Connection(str(snapshot))
    connection.execute("UPDATE entry SET name = 'elsewhere' WHERE name = 'a'")
    connection.close()
    assert await refused(blank, snapshot, entry) == "CHANGESET_CONFLICT"


@pytest.mark.parametrize("changeset", [b"garbage", b"T\x05"])
async def test_an_entry_that_is_no_changeset_is_refused(
    living: TestMemory, blank: TestMemory, changeset: bytes
) -> None:
    snapshot, entry = await changed(living, blank)
    assert await refused(blank, snapshot, replace(entry, changeset=changeset)) in {
        "CHANGESET_CONFLICT",
        "CHANGESET_DIGEST",
    }


async def test_an_entry_may_not_touch_what_is_in_no_backup(living: TestMemory, blank: TestMemory) -> None:
    snapshot, entry = await changed(living, blank)
    other = Bench()
    session = apsw.Session(other.connection, "main")
    session.attach("local")
    other.do(outbox.set_local, {"backup.head": b"forged"})
    forged = replace(entry, changeset=session.changeset())
    assert await refused(blank, snapshot, forged) == "CHANGESET_CONFLICT"


async def test_columns_that_are_missing_are_not_left_out_silently(
    living: TestMemory, blank: TestMemory
) -> None:
    snapshot, entry = await changed(living, blank)
    old = Bench()
    old.connection.execute("ALTER TABLE setting ADD COLUMN more TEXT")
    session = apsw.Session(old.connection, "main")
    session.attach("setting")
    old.connection.execute("INSERT INTO setting VALUES ('trash.days', '3', 'more')")
    forged = replace(entry, changeset=session.changeset())
    assert await refused(blank, snapshot, forged) in {"CHANGESET_CONFLICT", "CHANGESET_DIGEST"}


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA application_id = 1",
        "CREATE TABLE more (id INTEGER PRIMARY KEY)",
        "CREATE TRIGGER evil AFTER INSERT ON entry BEGIN DELETE FROM object; END",
        "DROP INDEX version_content",
        "INSERT INTO version VALUES (99, 1, x'00', 1, 1)",
        "DELETE FROM local",
    ],
)
async def test_a_snapshot_that_is_not_ours_to_the_letter_is_refused(
    living: TestMemory, blank: TestMemory, sql: str
) -> None:
    await publish(living, "/a", 1)
    snapshot = await handed_over(living, blank)
    connection = apsw.Connection(str(snapshot))
    connection.pragma("foreign_keys", "off")
    connection.execute(sql)
    connection.close()
    with pytest.raises(PiccoloError) as failed:
        async with blank.outbox.restoring(snapshot):
            pass
    assert failed.value.reason == "BACKUP_DAMAGED"
    assert await blank.outbox.is_empty()


async def test_a_snapshot_of_a_newer_release_is_refused_in_words(
    living: TestMemory, blank: TestMemory
) -> None:
    snapshot = await handed_over(living, blank)
    connection = apsw.Connection(str(snapshot))
    migrate(connection, (*STEPS, "CREATE TABLE later (id INTEGER PRIMARY KEY NOT NULL) STRICT"))
    connection.close()
    with pytest.raises(PiccoloError, match="newer release") as failed:
        async with blank.outbox.restoring(snapshot):
            pass
    assert failed.value.reason == "SCHEMA_NEWER"


@pytest.mark.parametrize("content", [b"", b"garbage" * 1_000])
async def test_what_is_no_database_is_refused(blank: TestMemory, content: bytes) -> None:
    path = blank.outbox.work_folder / "restored.db"
    path.write_bytes(content)
    with pytest.raises(PiccoloError) as failed:
        async with blank.outbox.restoring(path):
            pass
    assert failed.value.reason == "BACKUP_DAMAGED"


def test_the_tree_is_empty_at_first() -> None:
    bench = Bench()
    assert bench.now(outbox.is_empty)
    assert bench.now(tree.lookup, Path()) is not None
    assert an_id("x") != an_id("y")
