"""The outbox's rows and the local values: what this device knows of its own backup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from piccolo_metadata.ports import SNAPSHOT_WANTED, Backlog, OutboxEntry, Rows, Transaction

_LEAST_LIMIT = 64 * 1024 * 1024

_OWNERS = (
    "SELECT 1 FROM entry WHERE id > 3",
    "SELECT 1 FROM object",
    "SELECT 1 FROM tombstone",
    "SELECT 1 FROM upload",
    "SELECT 1 FROM intent",
)


def pending(rows: Rows, after: int, most_bytes: int) -> list[OutboxEntry]:
    """Entries after a number, in order: at least one if there is one, else up to so many bytes."""
    found: list[OutboxEntry] = []
    weight = 0
    sql = "SELECT number, schema, digest, changeset, time FROM outbox WHERE number > ? ORDER BY number"
    for row in rows.each(sql, after):
        entry = OutboxEntry(*row)
        weight += len(entry.changeset)
        if found and weight > most_bytes:
            break
        found.append(entry)
    return found


def backlog(rows: Rows) -> Backlog:
    """How much waits."""
    sql = "SELECT coalesce(min(number), 0), count(*), coalesce(sum(length(changeset)), 0) FROM outbox"
    first, entries, size = rows.one(sql) or (0, 0, 0)
    last = rows.one("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'") or (0,)
    return Backlog(first, last[0], entries, size)


def acknowledge(tx: Transaction, through: int, values: Mapping[str, bytes | None]) -> None:
    """Forgets entries up to and including a number, and sets local values."""
    tx.run("DELETE FROM outbox WHERE number <= ?", through)
    set_local(tx, values)


def give_up_when_heavy(tx: Transaction) -> bool:
    """Empties an outbox that outweighs the database, so that it cannot fill the disk while there is no cloud;
    the next backup is then a snapshot. Returns whether it did.
    """
    pages, page = tx.one("PRAGMA page_count"), tx.one("PRAGMA page_size")
    waiting = backlog(tx)
    size = pages[0] * page[0] if pages and page else 0
    if waiting.bytes <= max(_LEAST_LIMIT, (size - waiting.bytes)):
        return False
    acknowledge(tx, waiting.last, {SNAPSHOT_WANTED: b""})
    return True


def local(rows: Rows, key: str) -> bytes | None:
    """A local value, None when there is none."""
    row = rows.one("SELECT value FROM local WHERE key = ?", key)
    return row[0] if row else None


def several(rows: Rows, keys: Iterable[str]) -> list[bytes | None]:
    """Local values, in the order of their keys."""
    return [local(rows, key) for key in keys]


def set_local(tx: Transaction, values: Mapping[str, bytes | None]) -> None:
    """Sets (None removes) local values."""
    for key, value in values.items():
        if value is None:
            tx.run("DELETE FROM local WHERE key = ?", key)
        else:
            tx.run("INSERT OR REPLACE INTO local (key, value) VALUES (?, ?)", key, value)


def is_empty(rows: Rows) -> bool:
    """Whether there is nothing of an owner's: no name, object or tombstone, and nothing on its way."""
    return all(rows.one(f"{sql} LIMIT 1") is None for sql in _OWNERS)


def continue_after(tx: Transaction, number: int) -> None:
    """After a restore: the next entry is the one after `number`, as if it had been written here."""
    tx.run("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    tx.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", number)


def count_files(rows: Rows) -> int:
    """All files, those in the trash too."""
    (files,) = rows.one("SELECT count(*) FROM entry WHERE kind = 1") or (0,)
    return int(files)
