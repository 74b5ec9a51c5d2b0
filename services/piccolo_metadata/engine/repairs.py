"""The repair queue.

Rules:
* An object is in it once, with its highest urgency: the lowest margin and the earliest time ever asked for.
* An object that was reclaimed meanwhile needs no repair and is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

from piccolo_metadata.core.margins import margin
from piccolo_metadata.core.objects import Queue, Repair, StoredObject
from piccolo_metadata.core.pages import take
from piccolo_metadata.engine import objects
from piccolo_metadata.ports import Rows, Transaction


def enqueue(tx: Transaction, repairs: Sequence[Repair]) -> None:
    """Puts objects into the queue."""
    for repair in repairs:
        tx.run(
            "INSERT INTO repair (object_id, margin, cause, not_before, tries)"
            " SELECT object_id, ?2, ?3, ?4, 0 FROM object WHERE object_id = ?1"
            " ON CONFLICT (object_id) DO UPDATE SET"
            " cause = iif(excluded.margin < margin, excluded.cause, cause),"
            " margin = min(margin, excluded.margin), not_before = min(not_before, excluded.not_before)",
            repair.object_id,
            repair.margin,
            repair.cause,
            repair.not_before,
        )


def enqueue_missing(tx: Transaction, stored: StoredObject) -> None:
    """Puts a new object into the queue when not all of its fragments were placed."""
    if stored.missing:
        layout = objects.check_layout(stored)
        left = margin(layout.k, layout.keepers, stored.missing)
        cause = f"{len(stored.missing)} of {layout.m} fragments were not placed when it was written"
        enqueue(tx, [Repair(stored.object_id, left, cause, tx.now, 0)])


def listing(rows: Rows, most: int, *, due: bool) -> Queue:
    """The queue, most urgent first; with `due`, only what need not wait any longer."""
    until = rows.now if due else (1 << 62)
    found = rows.each(
        "SELECT object_id, margin, cause, not_before, tries FROM repair WHERE not_before <= ?"
        " ORDER BY margin, not_before, object_id",
        until,
    )
    page = take((Repair(*row) for row in found), most, lambda repair: len(repair.cause) + 48)
    (total,) = rows.one("SELECT count(*) FROM repair") or (0,)
    return Queue(page.items, total)


def finish(tx: Transaction, object_id: bytes, retry_at: int | None) -> None:
    """Takes an object out of the queue, or puts it back for another try; what is not in it stays out."""
    if retry_at is None:
        tx.run("DELETE FROM repair WHERE object_id = ?", object_id)
    else:
        tx.run("UPDATE repair SET not_before = ?, tries = tries + 1 WHERE object_id = ?", retry_at, object_id)
