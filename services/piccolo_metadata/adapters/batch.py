"""One commit of the writer: many writes, each in a savepoint of its own.

Rules:
* A write that fails is rolled back alone. A failure that takes the whole transaction with it (a full disk,
  a broken one) ends the batch; nothing of it is kept.
* What the batch changed in recorded tables goes into the outbox before the commit, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw

from piccolo_metadata.adapters.changesets import Tables, record_entry
from piccolo_metadata.adapters.connection import translated
from piccolo_metadata.core.ages import Age
from piccolo_metadata.ports import Row, Transaction, Value

Work = Callable[[Transaction], Any]


class View:
    """Implements ports.Rows on a connection."""

    def __init__(self, connection: apsw.Connection, age: Age) -> None:
        self._connection, self._age = connection, age
        self._open: set[apsw.Cursor] = set()

    @property
    def now(self) -> int:
        """Seconds since 1970."""
        return self._age.wall

    @property
    def age(self) -> int:
        """Seconds of running."""
        return self._age.seconds

    def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, None when there is none."""
        cursor = self._connection.execute(sql, values)
        try:
            return next(cursor, None)
        finally:
            cursor.close(True)

    def each(self, sql: str, *values: Value) -> Iterator[Row]:
        """The rows, as they are read."""
        cursor = self._connection.execute(sql, values)
        self._open.add(cursor)
        try:
            yield from cursor
        finally:
            self._open.discard(cursor)
            cursor.close(True)

    def close(self) -> None:
        """Ends what is still being read: a view must not outlive its transaction."""
        for cursor in list(self._open):
            cursor.close(True)
        self._open.clear()


class Write(View):
    """Implements ports.Transaction within a batch."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch.connection, batch.age)
        self._batch = batch
        self._revision: int | None = None
        self.topics: set[str] = set()

    def run(self, sql: str, *values: Value) -> int:
        """Runs one statement; returns how many rows it changed."""
        self._connection.execute(sql, values).close(True)
        return self._connection.changes()

    def revision(self) -> int:
        """The revision of this write."""
        if self._revision is None:
            self._batch.revision += 1
            self._revision = self._batch.revision
        return self._revision

    def touch(self, topic: str) -> None:
        """Wakes those who wait for the topic, after the commit."""
        self.topics.add(topic)


@dataclass(slots=True)
class Outcome:
    """How a write ended: with a value, or with an error."""

    value: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class Batch:
    """A transaction under way, and what came of it."""

    connection: apsw.Connection
    tables: Tables
    age: Age
    revision: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)

    def commit(self, works: Iterator[Work]) -> int:
        """Runs the writes and commits; returns the outbox's last number.

        Raises what ended the whole transaction; then nothing is kept.
        """
        session = self.tables.record()
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            before = self.revision = self._last_revision()
            for work in works:
                self.outcomes.append(self._run(work))
            if self.revision > before:
                self.connection.execute(
                    "UPDATE progress SET revision = ?, age = max(age, ?)", (self.revision, self.age.seconds)
                )
            if changeset := session.changeset():
                record_entry(self.connection, self.tables, changeset, self.age.wall)
            last = last_number(self.connection)
            self.connection.execute("COMMIT")
            return last
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        finally:
            session.close()

    def _run(self, work: Work) -> Outcome:
        write, before = Write(self), self.revision
        self.connection.execute("SAVEPOINT one")
        try:
            with translated():
                value = work(write)
            write.close()
            self.connection.execute("RELEASE one")
        except Exception as failed:
            write.close()
            if not self.connection.in_transaction:
                raise  # SQLite has rolled everything back
            self.connection.execute("ROLLBACK TO one")
            self.connection.execute("RELEASE one")
            self.revision = before
            return Outcome(error=failed)
        self.topics |= write.topics
        return Outcome(value=value)

    def _last_revision(self) -> int:
        return int(self.connection.execute("SELECT revision FROM progress").get)


def last_number(connection: apsw.Connection, database: str = "main") -> int:
    """The number of the newest entry that the outbox ever had."""
    sql = f"SELECT seq FROM {database}.sqlite_sequence WHERE name = 'outbox'"  # noqa: S608 - no outer value
    return int(connection.execute(sql).get or 0)
