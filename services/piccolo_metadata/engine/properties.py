"""What clients note about entries: texts by name.

Rules:
* They belong to the entry: new versions, moves and the trash leave them as they are. A copy has its own.
* They end with the entry (tree.delete).
* An entry has at most so many bytes of them: a listing must stay a listing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry, Property
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import tree
from piccolo_metadata.ports import Rows, Transaction

MOST_BYTES: Final = 128 * 1024


def of(rows: Rows, number: int) -> tuple[Property, ...]:
    """An entry's properties in name order."""
    found = rows.each("SELECT name, value FROM property WHERE entry = ? ORDER BY name", number)
    return tuple(Property(*row) for row in found)


def patch(tx: Transaction, path: Path, put: Sequence[Property], remove: Sequence[str]) -> Entry:
    """Notes and forgets properties; returns the entry with all it has then.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or INVALID (PROPERTIES_TOO_LARGE).
    """
    node = tree.find(tx, path)
    for name in remove:
        tx.run("DELETE FROM property WHERE entry = ? AND name = ?", node.id, name)
    for one in put:
        tx.run(
            "INSERT INTO property (entry, name, value) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value",
            node.id,
            one.name,
            one.value,
        )
    noted = of(tx, node.id)
    if sum(len(one.name.encode()) + len(one.value.encode()) for one in noted) > MOST_BYTES:
        raise PiccoloError(
            Kind.INVALID,
            "PROPERTIES_TOO_LARGE",
            f"An entry may have {MOST_BYTES} bytes of properties; forget some first.",
        )
    return replace(node.entry(path), properties=noted)


def copy(tx: Transaction, source: int, target: int) -> None:
    """Gives a new entry the properties of another."""
    tx.run(
        "INSERT INTO property (entry, name, value) SELECT ?, name, value FROM property WHERE entry = ?",
        target,
        source,
    )
