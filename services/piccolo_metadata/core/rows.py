"""The digest of the rows that a changeset touches (docs/storage-format.md, section 11).

Rules:
* A touched row counts once, as it is after the change; a deleted one counts as null.
* digest = digest("rows", the rows' digests in ascending order, joined), a row's digest being
  digest("row", deterministic CBOR of [table, [primary key's values], [all values] or null]).
* SQLite leaves out what does not fit a table without a word; a digest over what is really there finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from piccolo_formats import cbor
from piccolo_formats.digests import digest

Cell: TypeAlias = int | str | bytes | None
Touched: TypeAlias = tuple[str, tuple[Cell, ...], tuple[Cell, ...] | None]


def row_digest(rows: Iterable[Touched]) -> bytes:
    """The 32-byte digest of touched rows: (table, key, values or None when deleted), in any order."""
    return digest("rows", *sorted(_one(*row) for row in rows))


def _one(table: str, key: tuple[Cell, ...], values: tuple[Cell, ...] | None) -> bytes:
    row: cbor.Value = None if values is None else list(values)
    return digest("row", cbor.encode_checked([table, list(key), row]))  # a table's columns have types
