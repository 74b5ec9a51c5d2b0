from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.state import version_in
from piccolo_chassis.testing import running, spawned

from piccolo_metadata.adapters.connection import open_writer
from piccolo_metadata.adapters.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    STEPS,
    UNRECORDED,
    check_not_newer,
    migrate,
    recorded_tables,
    version_of,
)
from piccolo_metadata.config import STATE
from piccolo_metadata.core.paths import Path as FilePath
from piccolo_metadata.engine import files
from piccolo_metadata.ports import SNAPSHOT_WANTED
from piccolo_metadata.testing import memory
from piccolo_metadata.tests.builders import Bench


def tables(connection: apsw.Connection) -> list[str]:
    names = connection.execute(
        "SELECT name FROM pragma_table_list"
        " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [name for (name,) in names]


def test_every_table_is_strict_with_a_primary_key_that_is_never_null() -> None:
    bench = Bench()
    for table in tables(bench.connection):
        strict = bench.connection.execute("SELECT strict FROM pragma_table_list WHERE name = ?", (table,)).get
        assert strict == 1, table
        columns = bench.rows(f"SELECT name, \"notnull\", pk FROM pragma_table_info('{table}')")
        keys = [(name, not_null) for name, not_null, pk in columns if pk]
        assert keys, table
        assert all(not_null for _, not_null in keys), table


def test_what_a_backup_holds_and_what_stays_here() -> None:
    bench = Bench()
    assert recorded_tables(bench.connection) == (
        "audit",
        "content",
        "entry",
        "exposed",
        "object",
        "progress",
        "property",
        "repair",
        "setting",
        "state",
        "tombstone",
        "tombstone_keeper",
        "trash",
        "version",
    )
    assert set(tables(bench.connection)) == set(recorded_tables(bench.connection)) | UNRECORDED - {"search"}


def test_nothing_changes_a_recorded_table_behind_a_changeset() -> None:
    bench = Bench()
    triggers = bench.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    assert {name for (name,) in triggers} == {"audit_no_update", "audit_no_delete"}  # both only refuse
    for table in recorded_tables(bench.connection):
        actions = bench.rows(f"SELECT on_update, on_delete FROM pragma_foreign_key_list('{table}')")
        assert set(actions) <= {("NO ACTION", "NO ACTION")}, table


def test_the_settings_of_the_writing_connection() -> None:
    bench = Bench(":memory:")
    assert bench.connection.pragma("foreign_keys") == 1
    assert bench.connection.pragma("synchronous") == 2  # FULL
    assert bench.connection.pragma("application_id") == APPLICATION_ID
    with pytest.raises(apsw.SQLError):
        bench.connection.execute('SELECT "no such column"')


def test_the_database_is_in_wal_mode(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "metadata.db")
    assert connection.pragma("journal_mode") == "wal"
    connection.close()


NEXT = (*STEPS, "CREATE TABLE later (id INTEGER PRIMARY KEY NOT NULL) STRICT; INSERT INTO later VALUES (1);")


def test_steps_are_taken_once_and_in_order(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "metadata.db")
    assert migrate(connection)
    assert not migrate(connection)
    assert migrate(connection, NEXT)
    assert version_of(connection) == len(NEXT)
    assert not migrate(connection, NEXT)
    assert connection.execute("SELECT count(*) FROM later").get == 1


def test_a_step_that_fails_leaves_the_version_before_it_whole(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "metadata.db")
    migrate(connection)
    broken = (
        *STEPS,
        "CREATE TABLE later (id INTEGER PRIMARY KEY NOT NULL) STRICT; INSERT INTO nowhere VALUES (1);",
    )
    with pytest.raises(apsw.SQLError):
        migrate(connection, broken)
    assert version_of(connection) == SCHEMA_VERSION
    assert "later" not in tables(connection)
    assert migrate(connection, NEXT)


def test_a_newer_database_is_refused_in_words_and_left_alone(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "metadata.db")
    migrate(connection, NEXT)
    with pytest.raises(PiccoloError, match="newer release") as refused:
        migrate(connection)
    assert refused.value.reason == "SCHEMA_NEWER"
    assert version_of(connection) == len(NEXT)
    connection.close()


async def test_a_memory_of_a_newer_release_does_not_open(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "metadata.db")
    migrate(connection, NEXT)
    connection.close()
    before = (tmp_path / "metadata.db").read_bytes()
    with pytest.raises(PiccoloError, match="newer release"):
        async with memory(tmp_path):
            pass
    assert (tmp_path / "metadata.db").read_bytes() == before


def test_a_step_of_the_next_release_is_known_and_not_taken(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "metadata.db")
    assert migrate(connection, NEXT, 1)
    assert version_of(connection) == len(STEPS)
    assert not migrate(connection, NEXT, 1)
    migrate(connection, NEXT)
    assert not migrate(connection, NEXT, 1)
    assert version_of(connection) == len(NEXT)
    connection.close()


async def test_after_a_newer_release_was_given_up_its_memory_lives_and_is_backed_up_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "__defaults__", (NEXT, 0))
    monkeypatch.setattr(check_not_newer, "__defaults__", (len(NEXT),))
    monkeypatch.setattr("piccolo_metadata.adapters.snapshots.STEPS", NEXT)
    async with memory(tmp_path):
        pass
    monkeypatch.setattr(migrate, "__defaults__", (NEXT, 1))
    async with memory(tmp_path) as living:
        assert living.outbox.schema == len(NEXT)
        await living.database.write(files.make_directory, FilePath.parse("/after"))
        (entry,) = await living.outbox.pending(0, 1 << 20)
        assert entry.schema == len(NEXT)
        snapshot = await living.outbox.snapshot()
        assert snapshot.schema == len(NEXT)
        async with memory(tmp_path / "blank") as blank:
            target = blank.outbox.work_folder / "snapshot.db"
            snapshot.path.rename(target)
            async with blank.outbox.restoring(target) as restoring:
                assert await restoring.replace({}) == 0
            assert blank.outbox.schema == len(NEXT)
            assert await blank.database.read(files.stat, FilePath.parse("/after"))


async def test_after_a_migration_the_next_backup_is_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory(tmp_path) as first:
        assert await first.outbox.local(SNAPSHOT_WANTED) is None
    monkeypatch.setattr(migrate, "__defaults__", (NEXT, 0))
    async with memory(tmp_path) as second:
        assert await second.outbox.local(SNAPSHOT_WANTED) == b""


@pytest.mark.component
async def test_a_folder_is_of_the_release_that_brought_it_to_its_format(tmp_path: Path) -> None:
    settings = {"state": str(tmp_path / "state")}
    async with running("metadata", settings, tmp_path / "one"):
        assert version_in(tmp_path / "state", "metadata") == STATE.written
    async with running("metadata", settings, tmp_path / "two", module="piccolo_metadata.tests.later"):
        assert version_in(tmp_path / "state", "metadata") == STATE.written + 1
    async with spawned("metadata", settings, tmp_path / "three") as old:
        assert await old.exited() == 78
        assert "newer release" in old.raw_log()
