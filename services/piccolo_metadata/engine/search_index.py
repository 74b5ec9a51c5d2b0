"""The index of names: every three characters in a row of a folded name lead to its entry.

Rules:
* It is derived from the names and travels in no backup; `rebuild` makes it again.
* Two end marks follow each name, so that every character begins a group of three, and a query of one or two
  characters is a range of groups: from the query itself to the query and more of the last of all characters
  than a group can hold.
* SQLite's tokenizer takes U+FFFE and U+FFFF for U+FFFD; so what is indexed and what is asked for have that.
* It finds candidates: a name may hold all groups of a query and not the query. The caller looks at the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from piccolo_metadata.core.paths import fold
from piccolo_metadata.ports import Row, Rows, Transaction

_GROUP: Final = 3
_END: Final = "\x01\x01"
_LAST: Final = "\U0010ffff"
_AS_TOKENIZED: Final = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
_BY_ID: Final = "SELECT id, parent, name FROM entry WHERE id IN"


def add(tx: Transaction, entry: int, name: str) -> None:
    """Indexes an entry's name."""
    tx.run("INSERT INTO search (rowid, name) VALUES (?, ?)", entry, _indexed(fold(name)) + _END)


def remove(tx: Transaction, entry: int) -> None:
    """Forgets an entry."""
    tx.run("DELETE FROM search WHERE rowid = ?", entry)


def rebuild(tx: Transaction) -> None:
    """Makes the index anew from all names."""
    tx.run("INSERT INTO search (search) VALUES ('delete-all')")
    for number, name in tx.each("SELECT id, name FROM entry WHERE name <> '' ORDER BY id"):
        add(tx, number, name)


class Candidate(NamedTuple):
    """An entry whose name may hold what was asked for."""

    id: int
    parent: int
    name: str


def candidates(rows: Rows, folded: str, most: int) -> list[Candidate]:
    """At most `most` entries, in no order, among which are those whose folded name holds `folded`."""
    asked = _indexed(folded)
    found = _short(rows, asked, most) if len(asked) < _GROUP else _long(rows, asked, most)
    return [Candidate(*row) for row in found]


def _indexed(folded: str) -> str:
    return folded.translate(_AS_TOKENIZED)


def _short(rows: Rows, folded: str, most: int) -> Iterator[Row]:
    sql = f"{_BY_ID} (SELECT DISTINCT doc FROM temp.gram WHERE term >= ? AND term < ? LIMIT ?)"  # noqa: S608
    return rows.each(sql, folded, folded + _GROUP * _LAST, most)


def _long(rows: Rows, folded: str, most: int) -> Iterator[Row]:
    groups = {folded[at : at + _GROUP] for at in range(len(folded) - _GROUP + 1)}
    match = " AND ".join('"' + group.replace('"', '""') + '"' for group in sorted(groups))
    sql = f"{_BY_ID} (SELECT rowid FROM search WHERE search MATCH ? LIMIT ?)"  # noqa: S608
    return rows.each(sql, match, most)
