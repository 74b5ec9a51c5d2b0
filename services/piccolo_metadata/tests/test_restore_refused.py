"""What a restore must not take: changesets and snapshots that are not to the letter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path as FilePath

import apsw
import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.adapters.schema import SCHEMA_VERSION, STEPS, migrate
from piccolo_metadata.engine import (
    outbox,
)
from piccolo_metadata.ports import OutboxEntry
from piccolo_metadata.testing import TestMemory, memory
from piccolo_metadata.tests.builders import Bench
from piccolo_metadata.tests.lost_and_found import entries, handed_over, publish, recorded, rename


@pytest.fixture
async def living(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "living") as opened:
        yield opened


@pytest.fixture
async def blank(tmp_path: FilePath) -> AsyncIterator[TestMemory]:
    async with memory(tmp_path / "blank") as opened:
        yield opened


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
    await rename(living, "/a", "/b")
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
