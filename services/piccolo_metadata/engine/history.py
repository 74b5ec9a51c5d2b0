"""The versions of a file: adding, listing, restoring, pruning, and what their end frees.

Rules:
* The version with the highest number is the current one; the entry shows it.
* A new version gets the number that its order says (core/versions.py). One that goes into the history changes
  neither what the entry shows nor its revision: whoever has seen the current version has seen right.
* A version is a reference to a content; copies share contents, and so do restored versions.
* When the last reference into an object goes, the object is reclaimable, for ever: nothing can refer to it
  again. A pack is reclaimable when none of its files is referred to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry, Version
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.core.versions import Kept, Order, place, prunable
from piccolo_metadata.engine import tree
from piccolo_metadata.engine.tree import Current, Node
from piccolo_metadata.ports import Rows, Transaction

_VERSION_BYTES = 96


def versions(rows: Rows, path: Path, before: int | None, most: int) -> Page[Version]:
    """A page of a file's versions, newest first, those with a number below `before`.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or PRECONDITION (IS_A_DIRECTORY).
    """
    node = tree.find_file(rows, path)
    found = rows.each(
        "SELECT v.number, v.version_id, c.size, c.modified, v.stored, v.replaced IS NULL, c.media"
        " FROM version v JOIN content c ON c.version_id = v.version_id"
        " WHERE v.entry = ? AND v.number < ? ORDER BY v.number DESC",
        node.id,
        before if before is not None else 1 << 62,
    )
    return take((_version(row) for row in found), most, lambda version: _VERSION_BYTES + len(version.media))


def add_first(tx: Transaction, node: Node) -> None:
    """Records the version that a new file was inserted with."""
    _insert(tx, node.id, 1, node.version_id)


def add(tx: Transaction, node: Node, new: Current, order: Order) -> Node:
    """Gives a file a new version: the current one, unless the order of the present one is higher."""
    number = place(_orders(tx, node.id), order)
    if number > _newest(tx, node.id):
        _insert(tx, node.id, _supersede(tx, node.id), new.version_id)
        _show(tx, node, new, node.versions + 1)
    else:
        _make_room(tx, node.id, number)
        _insert(tx, node.id, number, new.version_id, replaced=tx.age)
        tx.run("UPDATE entry SET versions = versions + 1 WHERE id = ?", node.id)
        tree.touch(tx)
    return tree.by_id(tx, node.id)


def holds(rows: Rows, node: Node, version_id: bytes) -> bool:
    """Whether a file keeps a version."""
    sql = "SELECT 1 FROM version WHERE version_id = ? AND entry = ?"
    return rows.one(sql, version_id, node.id) is not None


def restore(tx: Transaction, path: Path, version_id: bytes, expected: int | None = None) -> Entry:
    """Makes an older version the current one again; the one that is current already changes nothing.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND, VERSION_NOT_FOUND), CONFLICT (REVISION_CONFLICT) or
    PRECONDITION (IS_A_DIRECTORY).
    """
    node = tree.find_file(tx, path)
    tree.check_revision(node, expected, path)
    row = tx.one(
        "SELECT v.number, c.size, c.modified, c.media"
        " FROM version v JOIN content c ON c.version_id = v.version_id"
        " WHERE v.entry = ? AND v.version_id = ?",
        node.id,
        version_id,
    )
    if row is None:
        raise version_not_found(path)
    if node.version_id != version_id:
        number = _supersede(tx, node.id)
        tx.run(
            "UPDATE version SET number = ?, replaced = NULL WHERE entry = ? AND number = ?",
            number,
            node.id,
            row[0],
        )
        _show(tx, node, Current(version_id, *row[1:]), node.versions)
    return tree.by_id(tx, node.id).entry(path)


def prune(tx: Transaction, entry: int, *, keep: int, min_age: int) -> int:
    """Gives up the versions of a file that may go; returns how many."""
    rows = tx.each("SELECT number, replaced FROM version WHERE entry = ?", entry)
    numbers = prunable([Kept(*row) for row in rows], keep=keep, min_age=min_age, age=tx.age)
    gone = [_delete(tx, entry, number) for number in numbers]
    if gone:
        tx.run("UPDATE entry SET versions = versions - ? WHERE id = ?", len(gone), entry)
        release(tx, gone)
        tree.touch(tx)
    return len(gone)


def forget_all(tx: Transaction, entry: int) -> list[bytes]:
    """Deletes all versions of a file; returns them, for `release`."""
    rows = tx.each("DELETE FROM version WHERE entry = ? RETURNING version_id", entry)
    return [version_id for (version_id,) in rows]


def release(tx: Transaction, version_ids: Iterable[bytes]) -> None:
    """Marks the objects as reclaimable in which, now that these references are gone, none is left."""
    objects: set[bytes] = set()
    for version_id in version_ids:
        (object_id,) = tx.one("SELECT object_id FROM content WHERE version_id = ?", version_id) or (b"",)
        objects.add(object_id)
    for object_id in sorted(objects):
        mark_if_unused(tx, object_id)


def mark_if_unused(tx: Transaction, object_id: bytes) -> None:
    """Marks an object as reclaimable when no version refers to anything in it."""
    tx.run(
        "UPDATE object SET reclaimable = 1 WHERE object_id = ?1 AND NOT EXISTS (SELECT 1 FROM content c"
        " JOIN version v ON v.version_id = c.version_id WHERE c.object_id = ?1)",
        object_id,
    )


def version_not_found(path: Path) -> PiccoloError:
    """NOT_FOUND, VERSION_NOT_FOUND."""
    return PiccoloError(
        Kind.NOT_FOUND, "VERSION_NOT_FOUND", f"{path} has no such version, or has it no more."
    )


def _supersede(tx: Transaction, entry: int) -> int:
    """Ends the current version; returns the number for the next."""
    number = _newest(tx, entry)
    tx.run("UPDATE version SET replaced = ? WHERE entry = ? AND number = ?", tx.age, entry, number)
    return number + 1


def _newest(rows: Rows, entry: int) -> int:
    (number,) = rows.one("SELECT max(number) FROM version WHERE entry = ?", entry) or (0,)
    return int(number)


def _orders(rows: Rows, entry: int) -> Iterator[tuple[int, Order]]:
    """The numbers and orders of a file's versions, newest first."""
    found = rows.each(
        "SELECT v.number, c.generation, c.seq FROM version v JOIN content c ON c.version_id = v.version_id"
        " WHERE v.entry = ? ORDER BY v.number DESC",
        entry,
    )
    return ((number, (generation, seq)) for number, generation, seq in found)


def _make_room(tx: Transaction, entry: int, number: int) -> None:
    """Counts the versions from a number on up by one; from the top, because no two may have one number."""
    above = tx.each(
        "SELECT number FROM version WHERE entry = ? AND number >= ? ORDER BY number DESC", entry, number
    )
    for (taken,) in list(above):
        tx.run("UPDATE version SET number = ? WHERE entry = ? AND number = ?", taken + 1, entry, taken)


def _insert(
    tx: Transaction, entry: int, number: int, version_id: bytes | None, replaced: int | None = None
) -> None:
    tx.run(
        "INSERT INTO version (entry, number, version_id, stored, replaced) VALUES (?, ?, ?, ?, ?)",
        entry,
        number,
        version_id,
        tx.now,
        replaced,
    )


def _delete(tx: Transaction, entry: int, number: int) -> bytes:
    sql = "DELETE FROM version WHERE entry = ? AND number = ? RETURNING version_id"
    (version_id,) = tx.one(sql, entry, number) or (b"",)
    return bytes(version_id)


def _show(tx: Transaction, node: Node, current: Current, count: int) -> None:
    tx.run(
        "UPDATE entry SET version_id = ?, size = ?, modified = ?, media = ?, versions = ?, revision = ?"
        " WHERE id = ?",
        current.version_id,
        current.size,
        current.modified,
        current.media,
        count,
        tx.revision(),
        node.id,
    )
    tx.touch(tree.TOPIC)


def _version(row: tuple[int, bytes, int, int, int, int, str]) -> Version:
    number, version_id, size, modified, stored, current, media = row
    return Version(number, version_id, size, modified, stored, bool(current), media)


def with_history(rows: Rows, after: int, more_than: int, most: int) -> list[int]:
    """Some entries with more than so many versions, in the order of their ids, those after one."""
    sql = "SELECT id FROM entry WHERE versions > 1 AND versions > ? AND id > ? ORDER BY id LIMIT ?"
    return [number for (number,) in rows.each(sql, more_than, after, most)]
