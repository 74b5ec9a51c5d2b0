"""A restore under way: a snapshot's file, changesets applied to it, and at the end the exchange.

Rules:
* The living memory is untouched until the exchange, and is exchanged only while it is empty.
* What belongs to this device and to nobody's files stays: operations, local values, and what was written to
  the audit log meanwhile, which is appended to the restored one.
* No number is given twice: revisions, mutation numbers and outbox entries go on beyond the restored ones.
* The exchange is one rename of a checked and fsynced file; before it the old database has no journal left
  that could be played into the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import apsw
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import sync_folder

from piccolo_metadata.adapters.batch import Batch, View, Write
from piccolo_metadata.adapters.changesets import Tables, apply_entry
from piccolo_metadata.adapters.connection import translated
from piccolo_metadata.adapters.database import Database
from piccolo_metadata.adapters.schema import migrate
from piccolo_metadata.adapters.snapshots import check_whole, forget_number, number_of, sync_file
from piccolo_metadata.engine import audit, numbers, outbox, search_index, tree
from piccolo_metadata.ports import SNAPSHOT_WANTED, OutboxEntry

_CARRIED: Final = ("operation", "local")


class Restoration:
    """Implements ports.Restoring."""

    def __init__(self, database: Database, path: Path, connection: apsw.Connection) -> None:
        self._database, self._path, self._connection = database, path, connection
        self._tables = Tables(connection)
        self._number = number_of(connection)

    @property
    def number(self) -> int:
        """The last outbox entry that it contains."""
        return self._number

    async def apply(self, entry: OutboxEntry) -> None:
        """Applies the next changeset, whole or not at all."""
        if entry.number != self._number + 1:
            raise PiccoloError(
                Kind.DATA_LOSS,
                "CHANGESET_ORDER",
                f"The backup's change {self._number + 1} is missing: next comes {entry.number}. "
                "Restore to an earlier point.",
            )
        await asyncio.to_thread(self._apply, entry)
        self._number = entry.number

    async def replace(self, local: Mapping[str, bytes | None]) -> int:
        """Becomes the memory; returns the number of files."""
        await asyncio.to_thread(self._prepare)
        return await self._database.exchange(partial(self._exchange, local))

    async def close(self) -> None:
        """Ends the restore; the file stays where it is."""
        await asyncio.to_thread(self._connection.close, True)

    def _apply(self, entry: OutboxEntry) -> None:
        with translated():
            apply_entry(self._connection, self._tables, entry)

    def _prepare(self) -> None:
        """What takes long: done while the living memory still serves."""
        with translated():
            migrate(self._connection)
            with self._connection:
                search_index.rebuild(self._write())
            check_whole(self._connection)

    def _exchange(self, local: Mapping[str, bytes | None]) -> int:
        with translated():
            with self._connection:
                files = self._finish(local)
            self._connection.close(True)
            sync_file(self._path)
        _take_place(self._path, self._database.path)
        return files

    def _finish(self, local: Mapping[str, bytes | None]) -> int:
        living = apsw.Connection(str(self._database.path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            write = self._write()
            if not outbox.is_empty(View(living, self._database.look())):
                raise _not_empty()
            forget_number(self._connection)
            _carry_over(living, self._connection)
            audit.append_again(write, living.execute("SELECT * FROM audit ORDER BY number"))
            numbers.skip_ahead(write)
            tree.skip_ids(write, numbers.SKIPPED)
            outbox.set_local(write, {SNAPSHOT_WANTED: b"", **local})
            outbox.continue_after(write, self._number)
            return outbox.count_files(write)
        finally:
            living.close(True)

    def _write(self) -> Write:
        return Write(Batch(self._connection, self._tables, self._database.look()))


def _carry_over(living: apsw.Connection, restored: apsw.Connection) -> None:
    for table in _CARRIED:
        marks = ""
        for row in living.execute(f"SELECT * FROM {table}"):  # noqa: S608 - the schema's own names
            marks = marks or ", ".join("?" * len(row))
            restored.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608


def _take_place(new: Path, old: Path) -> None:
    for database in (old, new):
        if database.with_name(database.name + "-wal").exists():
            raise PiccoloError(
                Kind.INTERNAL, "JOURNAL_LEFT", f"{database} did not close in order; nothing was exchanged."
            )
    new.replace(old)
    sync_folder(old.parent)


def _not_empty() -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION,
        "MEMORY_NOT_EMPTY",
        "This device already keeps files of its own; a backup is restored to an empty device only. "
        "Nothing was changed.",
    )
