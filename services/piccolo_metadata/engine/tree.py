"""The tree of names: finding, placing, naming, walking.

Rules:
* An entry knows its parent and its name, so a directory moves with all that is in it by one row.
* Entries 1, 2 and 3 are the root, the trash and where copies are built: each its own parent, without a name.
  What does not hang below the root has no path.
* `deep` of a directory is at least the length of the longest path below it, beyond its own. So a move can
  tell, without a walk, that no path grows beyond the limit.
* Every row of the tree is written here, and the search index with it.
* An id is given once: what was deleted last is remembered, because others may know an entry by its id alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry, EntryKind
from piccolo_metadata.core.paths import PATH_BYTES, Path, check_length
from piccolo_metadata.engine import outbox, search_index
from piccolo_metadata.ports import Rows, Transaction

ROOT: Final = 1
TRASH: Final = 2
STAGE: Final = 3
FILE: Final = int(EntryKind.FILE)
DIRECTORY: Final = int(EntryKind.DIRECTORY)

COLUMNS: Final = "id, parent, name, kind, revision, version_id, size, modified, media, versions, deep"
_BY_NAME: Final = f"SELECT {COLUMNS} FROM entry WHERE parent = ? AND name = ?"  # noqa: S608 - a constant
_BY_ID: Final = f"SELECT {COLUMNS} FROM entry WHERE id = ?"  # noqa: S608
TOPIC: Final = "files"
_DELETED: Final = "entry.deleted"
_INSERT: Final = (
    f"INSERT INTO entry ({COLUMNS}) VALUES (1 + max((SELECT max(id) FROM entry), coalesce("  # noqa: S608
    f"(SELECT CAST(value AS INTEGER) FROM local WHERE key = '{_DELETED}'), 0)),"
    f" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {COLUMNS}"
)


@dataclass(frozen=True, slots=True)
class Current:
    """What an entry shows of its current version."""

    version_id: bytes | None
    size: int
    modified: int
    media: str


class Node(NamedTuple):
    """One row of the tree. (A tuple, because a walk makes one for each name that it meets.)"""

    id: int
    parent: int
    name: str
    kind: int
    revision: int
    version_id: bytes | None
    size: int
    modified: int
    media: str
    versions: int
    deep: int

    @property
    def is_directory(self) -> bool:
        """Whether names can lie in it."""
        return self.kind == DIRECTORY

    @property
    def current(self) -> Current:
        """What a file shows of its current version."""
        return Current(self.version_id, self.size, self.modified, self.media)

    def showing(self, version: Current) -> Node:
        """The same file, as one with that version current."""
        return self._replace(
            version_id=version.version_id, size=version.size, modified=version.modified, media=version.media
        )

    @property
    def length(self) -> int:
        """Bytes that the longest path of it and what is in it has from its own slash on."""
        return 1 + len(self.name.encode()) + self.deep

    def entry(self, path: Path) -> Entry:
        """The entry as callers see it, at its path."""
        return Entry(
            path,
            EntryKind(self.kind),
            self.revision,
            self.version_id,
            self.size,
            self.modified,
            self.media,
            self.versions,
            self.id,
        )


def by_id(rows: Rows, number: int) -> Node:
    """The row of that id, which must be there."""
    row = rows.one(_BY_ID, number)
    if row is None:
        raise LookupError(f"no entry {number}")
    return Node(*row)


def child(rows: Rows, parent: int, name: str) -> Node | None:
    """What has a name in a directory."""
    row = rows.one(_BY_NAME, parent, name)
    return Node(*row) if row else None


def chain(rows: Rows, path: Path) -> list[Node]:
    """The nodes from the root along the path, as far as there are any."""
    nodes = [by_id(rows, ROOT)]
    for name in path.parts:
        node = child(rows, nodes[-1].id, name)
        if node is None:
            break
        nodes.append(node)
    return nodes


def lookup(rows: Rows, path: Path) -> Node | None:
    """What has a path, None when nothing has."""
    nodes = chain(rows, path)
    return nodes[-1] if len(nodes) == len(path.parts) + 1 else None


def find(rows: Rows, path: Path) -> Node:
    """What has a path; raises PiccoloError NOT_FOUND, ENTRY_NOT_FOUND."""
    node = lookup(rows, path)
    if node is None:
        raise PiccoloError(Kind.NOT_FOUND, "ENTRY_NOT_FOUND", f"There is nothing named {path}.")
    return node


def find_directory(rows: Rows, path: Path) -> Node:
    """The directory of a path; raises PiccoloError NOT_FOUND or PRECONDITION (NOT_A_DIRECTORY)."""
    node = find(rows, path)
    if not node.is_directory:
        raise not_a_directory(path)
    return node


def find_file(rows: Rows, path: Path) -> Node:
    """The file of a path; raises PiccoloError NOT_FOUND or PRECONDITION (IS_A_DIRECTORY)."""
    node = find(rows, path)
    if node.is_directory:
        raise is_a_directory(path)
    return node


def path_of(rows: Rows, number: int, known: dict[int, Path | None]) -> Path | None:
    """The path of an entry, None when it does not hang below the root.

    Args:
        rows: where to look.
        number: the entry's id.
        known: directories met before, by id; grows. The caller begins with an empty one.
    """
    if number == ROOT:
        return Path()
    if number in known:
        return known[number]
    row = rows.one("SELECT parent, name, kind FROM entry WHERE id = ?", number)
    if row is None or row[0] == number:
        return None
    above = path_of_parent(rows, row[0], known)
    path = above / row[1] if above is not None else None
    if row[2] == DIRECTORY:
        known[number] = path
    return path


def path_of_parent(rows: Rows, number: int, known: dict[int, Path | None]) -> Path | None:
    """As `path_of`, for directories; without recursion, because trees may be deep."""
    names: list[tuple[int, str]] = []
    while number != ROOT and number not in known:
        parent, name = rows.one("SELECT parent, name FROM entry WHERE id = ?", number) or (number, "")
        if parent == number:
            known[number] = None
            break
        names.append((number, name))
        number = parent
    path = Path() if number == ROOT else known[number]
    for directory, name in reversed(names):
        path = path / name if path is not None else None
        known[directory] = path
    return path


def make_directories(tx: Transaction, path: Path) -> list[Node]:
    """The nodes from the root to the directory `path`, the missing ones made.

    Raises PiccoloError PRECONDITION, NOT_A_DIRECTORY when a file is in the way.
    """
    nodes = chain(tx, path)
    for depth, node in enumerate(nodes):
        if not node.is_directory:
            raise not_a_directory(Path(path.parts[:depth]))
    missing = path.parts[len(nodes) - 1 :]
    for at, name in enumerate(missing):
        # each knows at once what comes below it: to tell all above it of every one would take for ever
        nodes.append(insert(tx, nodes, name, deep=_length(missing[at + 1 :])))
    return nodes


def insert(
    tx: Transaction, above: list[Node], name: str, current: Current | None = None, deep: int = 0
) -> Node:
    """A new entry in the last of the directories `above`, which is a chain from a top entry on.

    Args:
        tx: the write.
        above: the chain.
        name: its name, which is free.
        current: the first version of a file; None makes a directory.
        deep: how long the paths are that will be below the new directory.
    """
    kind, versions = (FILE, 1) if current else (DIRECTORY, 0)
    first = current or Current(None, 0, tx.now, "")
    row = tx.one(
        _INSERT,
        above[-1].id,
        name,
        kind,
        tx.revision(),
        first.version_id,
        first.size,
        first.modified,
        first.media,
        versions,
        deep,
    )
    node = Node(*row or ())
    tx.touch(TOPIC)
    search_index.add(tx, node.id, name)
    deepen(tx, above, node.length)
    return node


def touch(tx: Transaction) -> None:
    """Tells of a change that no entry's own revision tells of; the mark of those who watch rises by it."""
    tx.revision()
    tx.touch(TOPIC)


def place(tx: Transaction, node: Node, above: list[Node], name: str) -> Node:
    """Moves an entry, with all that is in it, into the last of the directories `above`, under a name.

    The caller has made sure that the name is free. Raises PiccoloError INVALID, PATH_TOO_LONG.
    """
    length = 1 + len(name.encode()) + node.deep
    if above[0].id == ROOT and _size(above) + length > PATH_BYTES:
        length = 1 + len(name.encode()) + _measure(tx, node)
        check_length(_size(above) + length)
    tx.run(
        "UPDATE entry SET parent = ?, name = ?, revision = ? WHERE id = ?",
        above[-1].id,
        name,
        tx.revision(),
        node.id,
    )
    if name != node.name:
        search_index.remove(tx, node.id)
        search_index.add(tx, node.id, name)
    tx.touch(TOPIC)
    deepen(tx, above, length)
    return by_id(tx, node.id)


def delete(tx: Transaction, number: int) -> None:
    """Deletes an entry that nothing refers to any more."""
    (highest,) = tx.one("SELECT max(id) FROM entry") or (number,)
    if number == highest:
        give_no_more(tx, number)
    tx.run("DELETE FROM property WHERE entry = ?", number)
    tx.run("DELETE FROM entry WHERE id = ?", number)
    search_index.remove(tx, number)


def give_no_more(tx: Transaction, number: int) -> None:
    """Gives no id up to this one to another entry."""
    present = int(outbox.local(tx, _DELETED) or b"0")
    outbox.set_local(tx, {_DELETED: str(max(present, number)).encode()})


def skip_ids(tx: Transaction, count: int) -> None:
    """After a restore: gives no id that the lost device may have given since."""
    (highest,) = tx.one("SELECT max(id) FROM entry") or (0,)
    give_no_more(tx, highest + count)


def deepen(tx: Transaction, above: list[Node], length: int) -> None:
    """Lets the directories know that a path below the last of them is `length` bytes longer than its own."""
    for node in reversed(above):
        if node.deep >= length:
            return  # so do those above it
        tx.run("UPDATE entry SET deep = max(deep, ?) WHERE id = ?", length, node.id)
        length += 1 + len(node.name.encode())


def _size(above: list[Node]) -> int:
    return _length(node.name for node in above[1:])


def _length(names: Iterable[str]) -> int:
    return sum(1 + len(name.encode()) for name in names)


def _measure(tx: Transaction, node: Node) -> int:
    """What `deep` should be, by a walk, and is from now on: removals do not shrink it."""
    row = tx.one(
        "WITH RECURSIVE below (id, length) AS ("
        " SELECT ?, 0 UNION ALL"
        " SELECT e.id, b.length + 1 + octet_length(e.name) FROM below b JOIN entry e ON e.parent = b.id"
        " WHERE e.id <> e.parent)"
        " SELECT max(length) FROM below",
        node.id,
    )
    deep = int(row[0]) if row else 0
    tx.run("UPDATE entry SET deep = ? WHERE id = ?", deep, node.id)
    return deep


def check_revision(node: Node, expected: int | None, path: Path) -> None:
    """Raises PiccoloError CONFLICT, REVISION_CONFLICT when the entry is not as its caller saw it."""
    if expected is not None and node.revision != expected:
        raise PiccoloError(
            Kind.CONFLICT,
            "REVISION_CONFLICT",
            f"{path} has changed since it was read; read it again and decide anew.",
            {"revision": str(node.revision)},
        )


def not_a_directory(path: Path) -> PiccoloError:
    """PRECONDITION, NOT_A_DIRECTORY."""
    return PiccoloError(Kind.PRECONDITION, "NOT_A_DIRECTORY", f"{path} is a file, not a directory.")


def is_a_directory(path: Path) -> PiccoloError:
    """PRECONDITION, IS_A_DIRECTORY."""
    return PiccoloError(Kind.PRECONDITION, "IS_A_DIRECTORY", f"{path} is a directory, not a file.")
