"""A living memory, a blank one, and what goes from the one to the other."""

from __future__ import annotations

import shutil
from pathlib import Path as FilePath
from typing import Any

import apsw

from piccolo_metadata.adapters.schema import recorded_tables
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import files, publishing
from piccolo_metadata.ports import OutboxEntry, Rows
from piccolo_metadata.testing import TestMemory
from piccolo_metadata.tests.builders import a_file, an_intent, content_of


async def publish(target: TestMemory, path: str, version: object) -> None:
    """Publishes one file."""
    intent = an_intent(a_file(path, version))
    await target.database.write(publishing.prepare, intent)
    await target.database.write(publishing.publish, intent.object.object_id, ())


async def rename(target: TestMemory, old: str, new: str) -> None:
    """Moves an entry."""
    await target.database.write(files.move, Path.parse(old), Path.parse(new), overwrite=False, expected=None)


async def entries(source: TestMemory, after: int = 0) -> list[OutboxEntry]:
    """All that waits in the outbox."""
    return await source.outbox.pending(after, 1 << 40)


async def handed_over(source: TestMemory, target: TestMemory) -> FilePath:
    """A snapshot of the one in the work folder of the other."""
    snapshot = await source.outbox.snapshot()
    return FilePath(shutil.move(snapshot.path, target.outbox.work_folder / "restored.db"))


def recorded(path: FilePath) -> dict[str, list[tuple[Any, ...]]]:
    """What a backup has to bring back of a database."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return content_of(connection, recorded_tables(connection))
    finally:
        connection.close()


def paths(rows: Rows) -> list[str]:
    """All paths."""
    page = files.listing_below(rows, Path(), (), 1_000)
    return [str(entry.path) for entry in page.items]
