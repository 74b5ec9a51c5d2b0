"""Small values that other services keep; they travel in the backup.

Rules:
* A write of several values is one transaction. With `check`, each value is written only over the revision
  that its caller saw; revision 0 means that there must be none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.ports import Rows, Transaction


@dataclass(frozen=True, slots=True)
class StateValue:
    """One value; `revision` is of its last change, or what a writer expects it to be."""

    key: str
    value: bytes
    revision: int


def get(rows: Rows, namespace: str, key: str) -> StateValue:
    """One value; raises PiccoloError NOT_FOUND, STATE_NOT_FOUND."""
    found = _find(rows, namespace, key)
    if found is None:
        raise PiccoloError(Kind.NOT_FOUND, "STATE_NOT_FOUND", f"{namespace} has no value {key!r}.")
    return found


def put(
    tx: Transaction, namespace: str, values: Sequence[StateValue], remove: Sequence[str], *, check: bool
) -> int:
    """Writes and removes values; returns the revision of this change.

    Raises PiccoloError INVALID (STATE_TWICE) or CONFLICT (REVISION_CONFLICT).
    """
    keys = [value.key for value in values] + list(remove)
    if len(set(keys)) != len(keys):
        raise PiccoloError(Kind.INVALID, "STATE_TWICE", "A key is named twice in one write.")
    for value in values:
        if check:
            _check(tx, namespace, value)
        tx.run(
            "INSERT INTO state (namespace, key, value, revision) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value, revision = excluded.revision",
            namespace,
            value.key,
            value.value,
            tx.revision(),
        )
    for key in remove:
        tx.run("DELETE FROM state WHERE namespace = ? AND key = ?", namespace, key)
    return tx.revision()


def listing(rows: Rows, namespace: str, prefix: str, after: str, most: int) -> Page[StateValue]:
    """A page of a namespace's values whose key begins with `prefix`, in key order, those after a key."""
    found = rows.each(
        "SELECT key, value, revision FROM state WHERE namespace = ?1 AND key > ?2 AND key >= ?3"
        " AND substr(key, 1, length(?3)) = ?3 ORDER BY key",
        namespace,
        after,
        prefix,
    )
    return take((StateValue(*row) for row in found), most, lambda one: len(one.key) + len(one.value) + 16)


def _find(rows: Rows, namespace: str, key: str) -> StateValue | None:
    row = rows.one("SELECT key, value, revision FROM state WHERE namespace = ? AND key = ?", namespace, key)
    return StateValue(*row) if row else None


def _check(tx: Transaction, namespace: str, value: StateValue) -> None:
    present = _find(tx, namespace, value.key)
    revision = present.revision if present else 0
    if revision != value.revision:
        raise PiccoloError(
            Kind.CONFLICT,
            "REVISION_CONFLICT",
            f"{namespace}'s value {value.key!r} has changed since it was read; read it and decide anew.",
            {"key": value.key, "revision": str(revision)},
        )
