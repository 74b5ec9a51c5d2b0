"""The owner's names: looking, making, moving, removing. Each function is one view or one write.

Rules:
* A directory that a path needs is made; it stays when what was in it goes.
* A write that names a revision happens only to the entry as its caller saw it.
* What is overwritten or removed goes into the trash.
"""

from __future__ import annotations

from dataclasses import replace as changed

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry, Totals
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import history, properties, trash, tree
from piccolo_metadata.engine.tree import Node
from piccolo_metadata.engine.walk import children, walk
from piccolo_metadata.ports import Rows, Transaction


def stat(rows: Rows, path: Path, *, noted: bool = False) -> Entry:
    """The entry of a path, `noted`: with its properties; raises PiccoloError NOT_FOUND, ENTRY_NOT_FOUND."""
    return _told(rows, tree.find(rows, path), path, noted)


def locate(rows: Rows, number: int) -> Entry:
    """The entry of an id; raises PiccoloError NOT_FOUND, ENTRY_NOT_FOUND."""
    path = tree.path_of(rows, number, {})
    if path is None:
        raise PiccoloError(
            Kind.NOT_FOUND, "ENTRY_NOT_FOUND", "It is not among the files any more: it was deleted."
        )
    return tree.by_id(rows, number).entry(path)


def listing(rows: Rows, path: Path, after: str, most: int, *, noted: bool = False) -> Page[Entry]:
    """A page of a directory in name order, the names after one; `noted`: with their properties.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or PRECONDITION (NOT_A_DIRECTORY).
    """
    directory = tree.find_directory(rows, path)
    entries = (_told(rows, node, path / node.name, noted) for node in children(rows, directory.id, after))
    return take(entries, most, lambda entry: entry.weight)


def listing_below(
    rows: Rows, path: Path, after: tuple[str, ...], most: int, *, noted: bool = False
) -> Page[Entry]:
    """A page of all that lies below a directory, in path order, what comes after a place in it.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or PRECONDITION (NOT_A_DIRECTORY).
    """
    directory = tree.find_directory(rows, path)
    entries = (_told(rows, node, here, noted) for here, node in walk(rows, directory, path, after))
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


def _told(rows: Rows, node: Node, path: Path, noted: bool) -> Entry:
    entry = node.entry(path)
    return changed(entry, properties=properties.of(rows, node.id)) if noted else entry


def make_directory(tx: Transaction, path: Path, *, exclusive: bool = False) -> Entry:
    """Makes a directory and its missing parents; one that is there is as good, unless it is `exclusive`.

    Raises PiccoloError ALREADY_EXISTS (ENTRY_EXISTS) or PRECONDITION (NOT_A_DIRECTORY).
    """
    present = tree.lookup(tx, path)
    if present and (exclusive or not present.is_directory):
        raise exists(path)
    return tree.make_directories(tx, path)[-1].entry(path)


def move(
    tx: Transaction,
    source: Path,
    destination: Path,
    *,
    overwrite: bool,
    expected: int | None,
    replace: bool = False,
) -> Entry:
    """Renames a file or a directory; returns it under its new name. For `replace` see `make_room`.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND), CONFLICT (REVISION_CONFLICT), ALREADY_EXISTS
    (ENTRY_EXISTS), PRECONDITION (NOT_A_DIRECTORY) or INVALID (ROOT_FIXED, INTO_ITSELF, PATH_TOO_LONG).
    """
    node = tree.find(tx, source)
    tree.check_revision(node, expected, source)
    refuse_root(source)
    if source == destination:
        return node.entry(source)
    refuse_into_itself(source, destination)
    if replace:
        refuse_to_lose(source, destination)
    above = make_room(tx, destination, overwrite=overwrite, replace=replace)
    return tree.place(tx, node, above, destination.name).entry(destination)


def copy_file(
    tx: Transaction,
    source: Path,
    destination: Path,
    *,
    overwrite: bool,
    expected: int | None = None,
    replace: bool = False,
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
    if replace:
        refuse_to_lose(source, destination)
    above = make_room(tx, destination, overwrite=overwrite, replace=replace)
    return copy_node(tx, node, above, destination.name).entry(destination)


def copy_node(tx: Transaction, node: Node, above: list[Node], name: str) -> Node:
    """A second name for a file's current version, in the last of the directories `above`."""
    copy = tree.insert(tx, above, name, node.current)
    history.add_first(tx, copy)
    properties.copy(tx, node.id, copy.id)
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


def make_room(tx: Transaction, path: Path, *, overwrite: bool, replace: bool = False) -> list[Node]:
    """Sees to it that a new name is free and its parents are there; returns the chain of directories to it.

    What has the name goes into the trash: a file with `overwrite`, a directory too with `replace`.

    Raises PiccoloError ALREADY_EXISTS (ENTRY_EXISTS) or PRECONDITION (NOT_A_DIRECTORY).
    """
    if path == Path():
        raise exists(path)
    above = tree.make_directories(tx, path.parent)
    occupant = tree.child(tx, above[-1].id, path.name)
    if occupant is None:
        return above
    if not may_replace(occupant, overwrite=overwrite, replace=replace):
        raise exists(path)
    trash.discard(tx, occupant, str(path))
    return above


def may_replace(occupant: Node, *, overwrite: bool, replace: bool) -> bool:
    """Whether what has a name may give way."""
    return replace or (overwrite and not occupant.is_directory)


def refuse_to_lose(source: Path, destination: Path) -> None:
    """Raises PiccoloError INVALID, INTO_ITSELF where what is replaced holds what it is replaced by."""
    if source.within(destination):
        raise PiccoloError(
            Kind.INVALID,
            "INTO_ITSELF",
            f"{source} lies in {destination}: it cannot replace what it is a part of.",
        )


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
