"""Changesets: recording what a transaction changes, and applying it elsewhere.

Rules:
* Only recorded tables are attached, so nothing of this device alone gets into a changeset.
* SQLite leaves out changes whose table or columns do not fit, silently. So a changeset is applied only to a
  database of its own schema version, any conflict aborts, and the rows' digest must come out the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import apsw
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import same

from piccolo_metadata.adapters.schema import check_not_newer, recorded_tables, version_of
from piccolo_metadata.core.rows import Cell, Touched, row_digest
from piccolo_metadata.ports import OutboxEntry

# what SQLite says of bytes that do not fit what is there, or are no changeset at all
_NO_CHANGESET: Final = (
    apsw.AbortError,
    apsw.ConstraintError,
    apsw.CorruptError,
    apsw.MismatchError,
    apsw.SQLError,
    apsw.TooBigError,
    UnicodeDecodeError,
)


class Tables:
    """The recorded tables of one connection, and how to find a row of each by its primary key."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.names = recorded_tables(connection)
        self._keys = {name: self._key_of(name) for name in self.names}

    def record(self) -> apsw.Session:
        """A session that records changes of these tables from now on."""
        session = apsw.Session(self._connection, "main")
        for name in self.names:
            session.attach(name)
        return session

    def touched(self, changeset: bytes, *, trust_inserts: bool) -> Iterator[Touched]:
        """The rows that a changeset touches, as they are now.

        Args:
            changeset: bytes of the session extension.
            trust_inserts: take inserted rows from the changeset (it was just recorded here) instead of the
                table.

        Raises PiccoloError DATA_LOSS, CHANGESET_CONFLICT for a table that is not recorded.
        """
        for change in apsw.Changeset.iter(changeset):
            if change.name not in self._keys:
                raise _conflict(f"it changes {change.name!r}, which is in no backup")
            inserted = change.opcode == apsw.SQLITE_INSERT
            values: Any = change.new if inserted else change.old
            key = tuple(values[column] for column in sorted(change.pk_columns))
            if len(key) != len(self._keys[change.name]) or apsw.no_change in key:
                raise _conflict(f"it names a row of {change.name} by what is not its key")
            if inserted and trust_inserts:
                yield change.name, key, values
            else:
                yield change.name, key, self._row(change.name, key)

    def _row(self, table: str, key: tuple[Cell, ...]) -> tuple[Any, ...] | None:
        marks = " AND ".join(f"{name} = ?" for name in self._keys[table])
        cursor = self._connection.execute(f"SELECT * FROM {table} WHERE {marks}", key)  # noqa: S608
        try:
            return next(cursor, None)
        finally:
            cursor.close(True)

    def _key_of(self, table: str) -> tuple[str, ...]:
        """The columns of a table's primary key, in the order of the columns."""
        columns = self._connection.execute("SELECT name, pk FROM pragma_table_info(?)", (table,))
        return tuple(str(name) for name, pk in columns if pk)


def record_entry(connection: apsw.Connection, tables: Tables, changeset: bytes, now: int) -> None:
    """Puts a transaction's changeset into the outbox, in the same transaction."""
    digest = row_digest(tables.touched(changeset, trust_inserts=True))
    connection.execute(
        "INSERT INTO outbox (schema, digest, changeset, time) VALUES (?, ?, ?, ?)",
        (version_of(connection), digest, changeset, now),
    )


def apply_entry(connection: apsw.Connection, tables: Tables, entry: OutboxEntry) -> None:
    """Applies a changeset in one transaction, whole or not at all.

    Raises PiccoloError PRECONDITION (SCHEMA_NEWER) or DATA_LOSS (CHANGESET_SCHEMA, CHANGESET_CONFLICT,
    CHANGESET_DIGEST).
    """
    check_not_newer(entry.schema)
    present = version_of(connection)
    if entry.schema != present:
        raise PiccoloError(
            Kind.DATA_LOSS,
            "CHANGESET_SCHEMA",
            f"The backup's changes are of schema {entry.schema}, its snapshot of {present}: they do not "
            "belong together. Restore to an earlier point.",
        )
    with connection:
        try:
            apsw.Changeset.apply(entry.changeset, connection, conflict=_abort)
        except _NO_CHANGESET as refused:
            raise _conflict(str(refused)) from refused
        try:
            found = row_digest(tables.touched(entry.changeset, trust_inserts=False))
        except _NO_CHANGESET as damaged:
            raise _conflict(str(damaged)) from damaged
        if not same(found, entry.digest):
            raise PiccoloError(
                Kind.DATA_LOSS,
                "CHANGESET_DIGEST",
                f"The backup's changes number {entry.number} do not lead to what they led to on the device. "
                "Nothing of them was kept; restore to an earlier point.",
            )


def _abort(_reason: int, _change: apsw.TableChange) -> int:
    return apsw.SQLITE_CHANGESET_ABORT


def _conflict(why: str) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "CHANGESET_CONFLICT",
        f"The backup's changes do not fit what is before them ({why}). Nothing of them was kept; "
        "restore to an earlier point.",
    )
