"""The owner's names: looking, making, moving, removing. Each function is one view or one write.

Rules:
* A directory that a path needs is made; it stays when what was in it goes.
* A write that names a revision happens only to the entry as its caller saw it.
* What is overwritten or removed goes into the trash.
"""

from __future__ import annotations

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry, Totals
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import history, trash, tree
from piccolo_metadata.engine.tree import Node
from piccolo_metadata.engine.walk import children, walk
from piccolo_metadata.ports import Rows, Transaction


def stat(rows: Rows, path: Path) -> Entry:
    """The entry of a path; raises PiccoloError NOT_FOUND, ENTRY_NOT_FOUND."""
    return tree.find(rows, path).entry(path)


def listing(rows: Rows, path: Path, after: str, most: int) -> Page[Entry]:
    """A page of a directory in name order, the names after one.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or PRECONDITION (NOT_A_DIRECTORY).
    """
    directory = tree.find_directory(rows, path)
    entries = (node.entry(path / node.name) for node in children(rows, directory.id, after))
    return take(entries, most, lambda entry: entry.weight)


def listing_below(rows: Rows, path: Path, after: tuple[str, ...], most: int) -> Page[Entry]:
    """A page of all that lies below a directory, in path order, what comes after a place in it.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or PRECONDITION (NOT_A_DIRECTORY).
    """
    directory = tree.find_directory(rows, path)
    entries = (node.entry(here) for here, node in walk(rows, directory, path, after))
    return take(entries, most, lambda entry: entry.weight)


def totals(rows: Rows, path: Path) -> Totals:
    """Counts below a directory; raises as `listing`."""
    directory = tree.find_directory(rows, path)
    row = rows.one(
        "WITH RECURSIVE below (id, kind, size, versions) AS (SELECT ?, 2, 0, 0 UNION ALL"
        " SELECT e.id, e.kind, e.size, e.versions FROM below b JOIN entry e ON e.parent = b.id"
        " WHERE b.kind = 2 AND e.id <> e.parent)"
        " SELECT count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2) - 1,"
        " sum(size), sum(versions) FROM below",
        directory.id,
    )
    return Totals(*row or (0, 0, 0, 0))


def make_directory(tx: Transaction, path: Path) -> Entry:
    """Makes a directory and its missing parents; one that is there already is as good.

    Raises PiccoloError ALREADY_EXISTS (ENTRY_EXISTS) or PRECONDITION (NOT_A_DIRECTORY).
    """
    present = tree.lookup(tx, path)
    if present and not present.is_directory:
        raise exists(path)
    return tree.make_directories(tx, path)[-1].entry(path)


def move(tx: Transaction, source: Path, destination: Path, *, overwrite: bool, expected: int | None) -> Entry:
    """Renames a file or a directory; returns it under its new name.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND), CONFLICT (REVISION_CONFLICT), ALREADY_EXISTS
    (ENTRY_EXISTS), PRECONDITION (NOT_A_DIRECTORY) or INVALID (ROOT_FIXED, INTO_ITSELF, PATH_TOO_LONG).
    """
    node = tree.find(tx, source)
    tree.check_revision(node, expected, source)
    refuse_root(source)
    if source == destination:
        return node.entry(source)
    refuse_into_itself(source, destination)
    above = make_room(tx, destination, overwrite=overwrite)
    return tree.place(tx, node, above, destination.name).entry(destination)


def copy_file(
    tx: Transaction, source: Path, destination: Path, *, overwrite: bool, expected: int | None = None
) -> Entry | None:
    """Gives a file's current version a second name; None when the source is a directory.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND), CONFLICT (REVISION_CONFLICT), ALREADY_EXISTS
    (ENTRY_EXISTS), PRECONDITION (NOT_A_DIRECTORY) or INVALID (INTO_ITSELF).
    """
    node = tree.find(tx, source)
    tree.check_revision(node, expected, source)
    if node.is_directory:
        return None
    refuse_into_itself(source, destination)
    above = make_room(tx, destination, overwrite=overwrite)
    return copy_node(tx, node, above, destination.name).entry(destination)


def copy_node(tx: Transaction, node: Node, above: list[Node], name: str) -> Node:
    """A second name for a file's current version, in the last of the directories `above`."""
    copy = tree.insert(tx, above, name, node.current)
    history.add_first(tx, copy)
    return copy


def remove(
    tx: Transaction, path: Path, *, recursive: bool, expected: int | None, doomed: bool
) -> tuple[int, int]:
    """Puts an entry into the trash, or dooms it; returns how many files that are, and its id in the trash.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND), CONFLICT (REVISION_CONFLICT), PRECONDITION
    (DIRECTORY_NOT_EMPTY) or INVALID (ROOT_FIXED).
    """
    node = tree.find(tx, path)
    tree.check_revision(node, expected, path)
    refuse_root(path)
    if node.is_directory and not recursive and next(children(tx, node.id), None):
        raise PiccoloError(
            Kind.PRECONDITION,
            "DIRECTORY_NOT_EMPTY",
            f"{path} is not empty; remove what is in it first, or all of it at once (recursive).",
        )
    removed = trash.discard(tx, node, str(path), doomed=doomed)
    return removed.files, removed.trash_id


def make_room(tx: Transaction, path: Path, *, overwrite: bool) -> list[Node]:
    """Sees to it that a new name is free and its parents are there; returns the chain of directories to it.

    Raises PiccoloError ALREADY_EXISTS (ENTRY_EXISTS) or PRECONDITION (NOT_A_DIRECTORY).
    """
    if path == Path():
        raise exists(path)
    above = tree.make_directories(tx, path.parent)
    occupant = tree.child(tx, above[-1].id, path.name)
    if occupant is None:
        return above
    if occupant.is_directory or not overwrite:
        raise exists(path)
    trash.discard(tx, occupant, str(path))
    return above


def refuse_root(path: Path) -> None:
    """Raises PiccoloError INVALID, ROOT_FIXED for the root."""
    if path == Path():
        raise PiccoloError(Kind.INVALID, "ROOT_FIXED", "The root directory stays where it is.")


def refuse_into_itself(source: Path, destination: Path) -> None:
    """Raises PiccoloError INVALID, INTO_ITSELF for a destination at or below the source."""
    if destination.within(source):
        raise PiccoloError(
            Kind.INVALID,
            "INTO_ITSELF",
            f"{destination} lies in {source}: it cannot be moved or copied there.",
        )


def exists(path: Path) -> PiccoloError:
    """ALREADY_EXISTS, ENTRY_EXISTS."""
    return PiccoloError(Kind.ALREADY_EXISTS, "ENTRY_EXISTS", f"{path} exists already.")
