"""Objects, their layouts, and what is found by them.

Rules:
* A layout is taken only when it is a well-formed record of the object it comes with; its signature is for
  the vault to judge, which made it.
* A layout is replaced only by who has seen the present one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.errors import FormatError
from piccolo_formats.records.manifest import Layout

from piccolo_metadata.core.objects import Manifest, NewFile, ObjectKind, StoredContent, StoredObject
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import history, tombstones, tree
from piccolo_metadata.engine.walk import walk
from piccolo_metadata.ports import Rows, Transaction

COLUMNS: Final = "object_id, kind, layout, sealed_layout_key, wrapped_pack_key, missing"
_CONTENT: Final = "content, mac, wrapped_key, offset, length"
_FEW: Final = 20_000


def get(rows: Rows, object_id: bytes) -> StoredObject:
    """One object; raises PiccoloError NOT_FOUND, OBJECT_NOT_FOUND."""
    row = rows.one(f"SELECT {COLUMNS} FROM object WHERE object_id = ?", object_id)  # noqa: S608 - a constant
    if row is None:
        raise PiccoloError(Kind.NOT_FOUND, "OBJECT_NOT_FOUND", f"There is no object {object_id.hex()}.")
    return stored(row)


def stored(row: tuple[bytes, int, bytes, bytes, bytes, bytes]) -> StoredObject:
    """The object of a row."""
    object_id, kind, layout, layout_key, pack_key, missing = row
    return StoredObject(object_id, ObjectKind(kind), layout, layout_key, pack_key, tuple(missing))


def insert(tx: Transaction, new: StoredObject) -> None:
    """Remembers a new object."""
    tx.run(
        f"INSERT INTO object ({COLUMNS}, reclaimable) VALUES (?, ?, ?, ?, ?, ?, 0)",  # noqa: S608
        new.object_id,
        int(new.kind),
        new.layout,
        new.sealed_layout_key,
        new.wrapped_pack_key,
        bytes(new.missing),
    )


def update(
    tx: Transaction,
    new: StoredObject,
    expected_layout: bytes,
    tombstone: bytes = b"",
    keepers: Sequence[bytes] = (),
) -> None:
    """Replaces an object's layout, and queues the tombstone of what it names there no more.

    Raises PiccoloError NOT_FOUND (OBJECT_NOT_FOUND), CONFLICT (LAYOUT_CONFLICT) or INVALID (LAYOUT_INVALID).
    """
    check_layout(new)
    if get(tx, new.object_id).layout != expected_layout:
        raise PiccoloError(
            Kind.CONFLICT,
            "LAYOUT_CONFLICT",
            "The object's layout has changed since it was read; read it again and decide anew.",
        )
    tx.run(
        "UPDATE object SET layout = ?, sealed_layout_key = ?, wrapped_pack_key = ?, missing = ?"
        " WHERE object_id = ?",
        new.layout,
        new.sealed_layout_key,
        new.wrapped_pack_key,
        bytes(new.missing),
        new.object_id,
    )
    if tombstone:
        tombstones.record(tx, tombstone, [], keepers)


def check_layout(new: StoredObject) -> Layout:
    """The layout record of an object; raises PiccoloError INVALID, LAYOUT_INVALID."""
    try:
        match cbor.decode(new.layout):
            case [bytes() as payload, list()]:
                layout = Layout.from_record(payload)
            case _:
                raise _wrong_layout("it is not signed")
    except FormatError as wrong:
        raise _wrong_layout(wrong.message) from wrong
    if layout.object_id != new.object_id:
        raise _wrong_layout("it is another object's")
    if any(index >= layout.m for index in new.missing) or len(set(new.missing)) != len(new.missing):
        raise _wrong_layout("what is said to be missing is no list of its fragments")
    return layout


def listing(rows: Rows, keeper: bytes, after: bytes, most: int) -> Page[StoredObject]:
    """A page of objects in id order, those after an id.

    Args:
        rows: where to look.
        keeper: only those whose layout names this keeper; empty is all.
        after: the id to go on after; empty is from the start.
        most: at most so many.
    """
    return take(_all(rows, keeper, after), most, lambda one: one.weight)


def reclaimable(
    rows: Rows, most: int, waits: Callable[[Rows, bytes], bool] = lambda rows, object_id: False
) -> Page[StoredObject]:
    """Objects that no kept version lies in and that wait for nothing else, in id order."""
    found = rows.each(f"SELECT {COLUMNS} FROM object WHERE reclaimable = 1 ORDER BY object_id")  # noqa: S608
    ready = (
        replace(stored(row), exposed=tombstones.is_exposed(rows, row[0]))
        for row in found
        if not waits(rows, row[0])
    )
    return take(ready, most, lambda one: one.weight)


def listing_under(rows: Rows, under: Path, keeper: bytes, after: bytes, most: int) -> Page[StoredObject]:
    """As `listing`, only those that hold the current version of a file at or below a path.

    A small subtree is walked and put in order; of a large one, all objects are looked at in their order.

    Raises PiccoloError NOT_FOUND, ENTRY_NOT_FOUND.
    """
    ids = _few_below(rows, under)
    if ids is None:
        found = (one for one in _all(rows, keeper, after) if _holds_current(rows, one.object_id, under))
    else:
        found = (get(rows, object_id) for object_id in sorted(ids) if object_id > after)
        found = (one for one in found if not keeper or keeper in one.layout)
    return take(found, most, lambda one: one.weight)


def files_of(rows: Rows, object_id: bytes, *, kept: bool = False) -> list[NewFile]:
    """The file versions in an object, once for each path that leads to them, or once with an empty one.

    Of several paths those come first under which the version is current.
    `kept`: only what a version still refers to.
    Raises PiccoloError NOT_FOUND, OBJECT_NOT_FOUND.
    """
    get(rows, object_id)
    known: dict[int, Path | None] = {}
    files: list[NewFile] = []
    sql = (
        f"SELECT version_id, size, modified, media, generation, seq, {_CONTENT} FROM content"  # noqa: S608
        " WHERE object_id = ? ORDER BY offset"
    )
    for version_id, size, modified, media, generation, seq, *content in rows.each(sql, object_id):
        entries = list(
            rows.each("SELECT replaced IS NOT NULL, entry FROM version WHERE version_id = ?", version_id)
        )
        if kept and not entries:
            continue
        paths = [(older, tree.path_of(rows, entry, known)) for older, entry in entries]
        for _, path in sorted((older, str(path)) for older, path in paths if path) or [(0, "")]:
            part, order = StoredContent(*content), (generation, seq)
            files.append(NewFile(path, modified, media, None, part, "", version_id, size, order))
    return files


def manifest(rows: Rows, path: Path, version_id: bytes) -> Manifest:
    """All that is needed to read a file: its current version (empty id) or another kept one.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND, VERSION_NOT_FOUND) or PRECONDITION (IS_A_DIRECTORY).
    """
    node = tree.find_file(rows, path)
    row = rows.one(
        f"SELECT object_id, {_CONTENT} FROM content WHERE version_id = ?1"  # noqa: S608
        " AND EXISTS (SELECT 1 FROM version WHERE version_id = ?1 AND entry = ?2)",
        version_id or node.version_id,
        node.id,
    )
    if row is None:
        raise history.version_not_found(path)
    return Manifest(node.entry(path), StoredContent(*row[1:]), get(rows, row[0]))


def _all(rows: Rows, keeper: bytes, after: bytes) -> Iterator[StoredObject]:
    sql = (
        f"SELECT {COLUMNS} FROM object WHERE object_id > ?1"  # noqa: S608
        # an owner_id is 32 random bytes: a layout holds them where it names that keeper and nowhere else
        " AND (?2 = x'' OR instr(layout, ?2) > 0) ORDER BY object_id"
    )
    return (stored(row) for row in rows.each(sql, after, keeper))


def _few_below(rows: Rows, under: Path) -> set[bytes] | None:
    """The objects that hold current versions at or below a path; None when it is a large subtree."""
    top = tree.find(rows, under)
    if not top.is_directory:
        return {_object_of(rows, top.version_id)}
    ids: set[bytes] = set()
    for count, (_, node) in enumerate(walk(rows, top, under)):
        if count == _FEW:
            return None
        if not node.is_directory:
            ids.add(_object_of(rows, node.version_id))
    return ids


def _object_of(rows: Rows, version_id: bytes | None) -> bytes:
    (object_id,) = rows.one("SELECT object_id FROM content WHERE version_id = ?", version_id) or (b"",)
    return bytes(object_id)


def _holds_current(rows: Rows, object_id: bytes, under: Path) -> bool:
    known: dict[int, Path | None] = {}
    found = rows.each(
        "SELECT v.entry FROM content c JOIN version v ON v.version_id = c.version_id"
        " WHERE c.object_id = ? AND v.replaced IS NULL",
        object_id,
    )
    paths = (tree.path_of(rows, entry, known) for (entry,) in found)
    return any(path is not None and path.within(under) for path in paths)


def _wrong_layout(why: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "LAYOUT_INVALID", f"The layout cannot be taken: {why}.")
