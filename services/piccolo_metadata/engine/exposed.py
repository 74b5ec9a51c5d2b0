"""Objects whose keys were wrapped for words that strangers may know: what is to be sealed anew, and to end.

Rules:
* An object is exposed from the transaction on that takes a wrap of exposed words away from it: so none is
  forgotten, and none that came later is named. It is forgotten with the object, when its tombstone is queued.
* A memory that others rebuilt never saw such wraps: what it is told of is exposed from its publication on,
  where the publisher says so.
* A version that moves as it is takes the mark along; one that was sealed anew leaves it behind.
* Exposed packs are not offered for compaction: they are written anew in any case.
"""

from __future__ import annotations

from typing import Final

from piccolo_metadata.core.objects import Exposed, StoredObject
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.engine.objects import COLUMNS, stored
from piccolo_metadata.engine.tombstones import is_exposed
from piccolo_metadata.ports import Rows, Transaction

_KEPT: Final = "EXISTS (SELECT 1 FROM version v WHERE v.version_id = c.version_id)"


def mark(tx: Transaction, epoch: int) -> int:
    """Marks all objects of which a key is wrapped for another epoch than this; returns how many are new."""
    return tx.run(
        "INSERT OR IGNORE INTO exposed (object_id)"
        " SELECT object_id FROM object WHERE length(wrapped_pack_key) > 0"
        " AND substr(wrapped_pack_key, 1, 4) <> ?1"
        " UNION SELECT object_id FROM content WHERE substr(wrapped_key, 1, 4) <> ?1",
        epoch.to_bytes(4),
    )


def mark_one(tx: Transaction, object_id: bytes) -> None:
    """Marks an object."""
    tx.run("INSERT OR IGNORE INTO exposed (object_id) VALUES (?)", object_id)


def inherit(tx: Transaction, object_id: bytes, source: bytes) -> None:
    """A version came into an object as it was in another one."""
    if is_exposed(tx, source):
        mark_one(tx, object_id)


def listing(rows: Rows, after: bytes, most: int) -> Page[StoredObject]:
    """A page of exposed objects that something is kept of, in id order, those after an id."""
    found = rows.each(
        f"SELECT {COLUMNS} FROM object WHERE reclaimable = 0 AND object_id > ?"  # noqa: S608 - constants
        " AND object_id IN (SELECT object_id FROM exposed) ORDER BY object_id",
        after,
    )
    return take((stored(row) for row in found), most, lambda one: one.weight)


def left(rows: Rows) -> Exposed:
    """How much there is of it still."""
    (objects,) = rows.one("SELECT count(*) FROM exposed") or (0,)
    versions, size = rows.one(
        "SELECT count(*), coalesce(sum(c.length), 0) FROM exposed e"  # noqa: S608 - a constant
        f" JOIN content c ON c.object_id = e.object_id WHERE {_KEPT}"
    ) or (0, 0)
    return Exposed(objects, versions, size)
