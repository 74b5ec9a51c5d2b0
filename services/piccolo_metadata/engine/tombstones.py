"""Tombstones that keepers have still to be told.

Rules:
* An object is forgotten in the transaction that queues its tombstone, and only when no kept version lies in
  it: nothing that somebody can still name is buried.
* A tombstone waits for each keeper until that keeper has acknowledged it.
* Recording the same tombstone again changes nothing. Its number is a revision, so none is given twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.objects import PendingTombstone
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.ports import Rows, Transaction

_PAGE = 10_000


def record(tx: Transaction, tombstone: bytes, object_ids: Sequence[bytes], keepers: Sequence[bytes]) -> int:
    """Forgets objects and queues their tombstone; returns its number.

    Raises PiccoloError PRECONDITION, OBJECT_IN_USE.
    """
    known = tx.one("SELECT id FROM tombstone WHERE record = ?", tombstone)
    if known:
        return int(known[0])
    for object_id in object_ids:
        _forget(tx, object_id)
    number = tx.revision()
    if keepers:
        tx.run("INSERT INTO tombstone (id, record) VALUES (?, ?)", number, tombstone)
    for keeper in sorted(set(keepers)):
        tx.run("INSERT INTO tombstone_keeper (keeper, tombstone) VALUES (?, ?)", keeper, number)
    return number


def pending(rows: Rows, keeper: bytes, number: int = 0, last: bytes = b"") -> Page[PendingTombstone]:
    """A page of what a keeper (empty: each) has not acknowledged, oldest first.

    Args:
        rows: where to look.
        keeper: whose.
        number: the tombstone to go on after, and `last` the keeper of that one.
        last: see above.
    """
    found = rows.each(
        "SELECT t.id, k.keeper, t.record FROM tombstone_keeper k JOIN tombstone t ON t.id = k.tombstone"
        " WHERE (?1 = x'' OR k.keeper = ?1) AND (t.id, k.keeper) > (?2, ?3) ORDER BY t.id, k.keeper",
        keeper,
        number,
        last,
    )
    return take((PendingTombstone(*row) for row in found), _PAGE, lambda one: len(one.tombstone) + 48)


def acknowledge(tx: Transaction, number: int, keeper: bytes) -> None:
    """Ends the queueing for one keeper; doing it again changes nothing."""
    tx.run("DELETE FROM tombstone_keeper WHERE keeper = ? AND tombstone = ?", keeper, number)
    tx.run(
        "DELETE FROM tombstone WHERE id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM tombstone_keeper WHERE tombstone = ?1)",
        number,
    )


def replaced_key(object_id: bytes) -> str:
    """The local value that says which outbox entry tells of an object's replacement (engine/packs.py)."""
    return f"replaced/{object_id.hex()}"


def is_exposed(rows: Rows, object_id: bytes) -> bool:
    """Whether strangers may know an object's keys (engine/exposed.py)."""
    return rows.one("SELECT 1 FROM exposed WHERE object_id = ?", object_id) is not None


def _forget(tx: Transaction, object_id: bytes) -> None:
    row = tx.one("SELECT reclaimable FROM object WHERE object_id = ?", object_id)
    if row is None:
        return  # fragments that were found at a keeper without an object may be buried, too
    if not row[0]:
        raise PiccoloError(
            Kind.PRECONDITION,
            "OBJECT_IN_USE",
            f"The object {object_id.hex()} holds versions that are still kept; it cannot be buried.",
        )
    tx.run("DELETE FROM repair WHERE object_id = ?", object_id)
    tx.run("DELETE FROM content WHERE object_id = ?", object_id)
    tx.run("DELETE FROM exposed WHERE object_id = ?", object_id)
    tx.run("DELETE FROM object WHERE object_id = ?", object_id)
    tx.run("DELETE FROM local WHERE key = ?", replaced_key(object_id))
