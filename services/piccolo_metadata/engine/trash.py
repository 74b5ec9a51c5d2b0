"""The trash: where removed entries wait, and how they end.

Rules:
* Removing moves one row: a directory goes with all that is in it, however much that is.
* What is doomed can no longer be restored; it is taken apart in small pieces, so that nobody waits for it.
  A process that dies in between goes on at its next start.
* Trash ids are revisions, so none is given twice.
"""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.ages import DAY
from piccolo_metadata.core.entries import Entry, Removed
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import history, settings, tree
from piccolo_metadata.engine.tree import Node
from piccolo_metadata.ports import Memory, Rows, Transaction

_PIECE: Final = 500


def discard(tx: Transaction, node: Node, path: str, *, doomed: bool = False) -> Removed:
    """Moves an entry into the trash, `doomed` to be taken apart at once."""
    files = _count_files(tx, node)
    trash_id = tx.revision()
    tx.run(
        "INSERT INTO trash (id, entry, path, removed, aged, files, doomed) VALUES (?, ?, ?, ?, ?, ?, ?)",
        trash_id,
        node.id,
        path,
        tx.now,
        tx.age,
        files,
        int(doomed),
    )
    tree.place(tx, node, [tree.by_id(tx, tree.TRASH)], str(trash_id))
    return Removed(
        trash_id, node.entry(Path()), tx.now, files, tx.now if doomed else tx.now + kept_seconds(tx)
    )


def kept_seconds(rows: Rows) -> int:
    """How long the owner wants removed entries kept, by the memory's age."""
    return settings.get_whole(rows, "trash.days") * DAY


def listing(rows: Rows, before: int | None, most: int) -> Page[Removed]:
    """A page of the trash, newest first, those with an id below `before`."""
    found = rows.each(
        "SELECT id, entry, path, removed, aged, files FROM trash"
        " WHERE doomed = 0 AND id < ? ORDER BY id DESC",
        before if before is not None else 1 << 62,
    )
    left = kept_seconds(rows) - rows.age
    removed = (
        Removed(
            trash_id,
            tree.by_id(rows, entry).entry(Path.parse(path)),
            when,
            files,
            rows.now + max(0, aged + left),
        )
        for trash_id, entry, path, when, aged, files in found
    )
    return take(removed, most, lambda one: one.entry.weight + 32)


def restore(tx: Transaction, trash_id: int, path: Path | None) -> Entry:
    """Takes an entry out of the trash, to its old path or to another; missing parents are made again.

    Raises PiccoloError NOT_FOUND (TRASH_NOT_FOUND), ALREADY_EXISTS (ENTRY_EXISTS), PRECONDITION
    (NOT_A_DIRECTORY) or INVALID (PATH_TOO_LONG).
    """
    entry, old, _ = _find(tx, trash_id)
    target = Path.parse(old) if path is None else path
    above = tree.make_directories(tx, target.parent)
    if target == Path() or tree.child(tx, above[-1].id, target.name):
        raise PiccoloError(
            Kind.ALREADY_EXISTS, "ENTRY_EXISTS", f"{target} exists; restore under another name."
        )
    tx.run("DELETE FROM trash WHERE id = ?", trash_id)
    return tree.place(tx, tree.by_id(tx, entry), above, target.name).entry(target)


def doom(tx: Transaction, trash_id: int) -> tuple[int, str]:
    """Dooms one entry before its time; returns how many files that are, and the path that it had.

    Raises PiccoloError NOT_FOUND (TRASH_NOT_FOUND).
    """
    _, path, files = _find(tx, trash_id)
    tx.run("UPDATE trash SET doomed = 1 WHERE id = ?", trash_id)
    tree.touch(tx)
    return files, path


def doom_expired(tx: Transaction, keep: int) -> int:
    """Dooms what has been in the trash for `keep` seconds of the memory's age; returns how many entries."""
    doomed = tx.run("UPDATE trash SET doomed = 1 WHERE doomed = 0 AND aged <= ?", tx.age - keep)
    if doomed:
        tree.touch(tx)
    return doomed


async def take_apart(memory: Memory) -> None:
    """Deletes all that is doomed, piece by piece."""
    while await memory.write(take_apart_some):
        pass


def take_apart_some(tx: Transaction) -> bool:
    """Deletes a piece of what is doomed; returns whether there was any."""
    row = tx.one("SELECT id, entry FROM trash WHERE doomed = 1 ORDER BY id LIMIT 1")
    if row is None:
        return False
    trash_id, top = row
    path, freed, deleted = [top], [], 0
    while path and deleted < _PIECE:
        inside = tx.one("SELECT id FROM entry WHERE parent = ? LIMIT 1", path[-1])
        if inside:
            path.append(inside[0])
            continue
        number = path.pop()
        freed += history.forget_all(tx, number)
        if number == top:
            tx.run("DELETE FROM trash WHERE id = ?", trash_id)
        tree.delete(tx, number)
        deleted += 1
    history.release(tx, freed)
    return True


def _find(rows: Rows, trash_id: int) -> tuple[int, str, int]:
    row = rows.one("SELECT entry, path, files FROM trash WHERE id = ? AND doomed = 0", trash_id)
    if row is None:
        raise PiccoloError(
            Kind.NOT_FOUND, "TRASH_NOT_FOUND", "The trash does not hold this any more, or never did."
        )
    return row[0], row[1], row[2]


def _count_files(rows: Rows, node: Node) -> int:
    if not node.is_directory:
        return 1
    row = rows.one(
        "WITH RECURSIVE below (id, kind) AS (SELECT ?, 2 UNION ALL"
        " SELECT e.id, e.kind FROM below b JOIN entry e ON e.parent = b.id WHERE b.kind = 2)"
        " SELECT count(*) FROM below WHERE kind = 1",
        node.id,
    )
    return int(row[0]) if row else 0
