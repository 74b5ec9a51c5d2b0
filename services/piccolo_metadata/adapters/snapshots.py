"""Snapshots: a database file with all that is recorded and nothing else.

Rules:
* A snapshot is read in one transaction, so it is one moment; the writer goes on meanwhile.
* It is built table by table into a new file, so that no row of an unrecorded table, deleted or not, is in it.
* It says which outbox entry it contains last: changesets go on from there.
* What claims to be a snapshot is opened only when it is a whole database of a schema that we know, to the
  letter: a foreign trigger would run with our rights.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
from piccolo_chassis import pages
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.adapters.batch import last_number
from piccolo_metadata.adapters.connection import check_room, first_damage, prepare_library, translated
from piccolo_metadata.adapters.schema import (
    APPLICATION_ID,
    STEPS,
    check_not_newer,
    definition,
    migrate,
    recorded_tables,
    version_of,
)
from piccolo_metadata.ports import Snapshot

_NUMBER: Final = "snapshot.number"
_DECIMAL: Final = re.compile(b"0|[1-9][0-9]{0,18}")


def write_snapshot(database: Path, target: Path) -> Snapshot:
    """Writes a snapshot of a living database into the new file `target`, durably.

    Raises PiccoloError FULL, DISK_FULL; then `target` is gone again.
    """
    prepare_library()
    check_room(target.parent, database.stat().st_size)
    try:
        with translated():
            number, schema = _copy(database, target)
        sync_file(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Snapshot(target, number, schema)


def open_snapshot(path: Path) -> apsw.Connection:
    """Opens a snapshot for changes; a crash meanwhile may spoil the file.

    Raises PiccoloError PRECONDITION (SCHEMA_NEWER) or DATA_LOSS (BACKUP_DAMAGED).
    """
    prepare_library()
    with _told():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with _told():
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            pages.checked(connection)
            _check(connection)
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "off")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _told() -> Iterator[None]:
    """Tells what is wrong with a snapshot's file as BACKUP_DAMAGED."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as damaged:
        raise _damaged(str(damaged)) from damaged
    except apsw.IOError as failed:
        if not pages.is_rot(failed):
            raise
        raise _damaged("a page is not as it was written") from failed


def number_of(snapshot: apsw.Connection) -> int:
    """The last outbox entry that a snapshot contains."""
    found = snapshot.execute("SELECT CAST(value AS BLOB) FROM local WHERE key = ?", (_NUMBER,)).get
    if found is None or not _DECIMAL.fullmatch(found):
        raise _damaged("it does not say which change it contains last")
    return int(found)


def _copy(database: Path, target: Path) -> tuple[int, int]:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(str(target), flags=flags)
    try:
        pages.checked(connection)
        connection.pragma("journal_mode", "off")
        connection.pragma("synchronous", "off")
        connection.pragma("foreign_keys", "off")  # or SQLite copies row by row instead of page by page
        connection.execute("ATTACH ? AS living", (f"{database.absolute().as_uri()}?mode=ro",))
        schema = int(connection.pragma("user_version", schema="living"))
        migrate(connection, STEPS[:schema], 0)
        connection.execute("BEGIN")
        for table in recorded_tables(connection):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the schema's own names
            connection.execute(f"INSERT INTO {table} SELECT * FROM living.{table}")  # noqa: S608
        number = last_number(connection, "living")
        connection.execute(
            "INSERT INTO local (key, value) VALUES (?, CAST(? AS BLOB))", (_NUMBER, str(number))
        )
        connection.execute("COMMIT")
        return number, schema
    finally:
        connection.close(True)


def _check(connection: apsw.Connection) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise _damaged("it is no database of this service")
    version = version_of(connection)
    check_not_newer(version)
    reference = apsw.Connection(":memory:")
    try:
        migrate(reference, STEPS[:version], 0)
        if definition(reference) != definition(connection):
            raise _damaged(f"its tables are not those of schema {version}")
    finally:
        reference.close()
    check_whole(connection)
    _check_texts(connection)


def _check_texts(connection: apsw.Connection) -> None:
    """SQLite takes any bytes for text; one that is not UTF-8 could be restored, and never be read."""
    for table in recorded_tables(connection):
        columns = connection.execute("SELECT name FROM pragma_table_info(?) WHERE type = 'TEXT'", (table,))
        texts = ", ".join(name for (name,) in columns)
        try:
            for _ in connection.execute(f"SELECT {texts} FROM {table}") if texts else ():  # noqa: S608
                pass
        except UnicodeDecodeError as wrong:
            raise _damaged(f"a text in {table} is none") from wrong


def check_whole(connection: apsw.Connection) -> None:
    """Raises PiccoloError DATA_LOSS, BACKUP_DAMAGED unless pages and references are whole."""
    if found := first_damage(connection):
        raise _damaged(found)
    if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
        raise _damaged(f"a row of {broken[0]} refers to nothing")


def forget_number(restored: apsw.Connection) -> None:
    """Makes a snapshot a living database: it goes on by itself."""
    restored.execute("DELETE FROM local WHERE key = ?", (_NUMBER,))


def sync_file(path: Path) -> None:
    """Makes a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(found: str) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "BACKUP_DAMAGED",
        f"The snapshot cannot be used: {found}. Restore to an earlier point.",
        {"found": found},
    )
