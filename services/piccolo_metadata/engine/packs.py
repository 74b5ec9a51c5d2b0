"""Packs in their later life: how much of each is still kept, and versions that move to another object.

Rules:
* A version moves only from where its mover saw it, and only while something keeps it; nothing but its place
  changes, and its seal and key where it was sealed anew: neither its name nor its history.
* A move that names a path is for the file that keeps this version: a commit record with another name would
  bring it back where it is no more.
* What was replaced so is not reclaimable before the backup that says where its versions lie now is
  acknowledged: until then a restored memory would look for them in the old place. Without a cloud nothing is
  waited for, because the keepers' own records bring the owner back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.backup_records import POSITION, Position
from piccolo_metadata.core.objects import NewFile, ObjectKind, PackUse
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import exposed, history, objects, outbox, tree
from piccolo_metadata.engine.tombstones import replaced_key
from piccolo_metadata.ports import SNAPSHOT_WANTED, Rows, Transaction

_KEPT: Final = "EXISTS (SELECT 1 FROM version v WHERE v.version_id = c.version_id)"


def listing(rows: Rows, after: bytes, most: int) -> Page[PackUse]:
    """A page of packs in id order, those after an id."""
    return take(_uses(rows, after), most, lambda one: 64)


def locate(rows: Rows, version_ids: Sequence[bytes]) -> list[bytes]:
    """The objects that versions lie in, in the order asked; empty for an unknown version."""
    return [_place(rows, version_id) for version_id in version_ids]


def check_move(rows: Rows, file: NewFile) -> None:
    """Refuses what cannot be moved.

    Raises PiccoloError CONFLICT (VERSION_MOVED) or NOT_FOUND (VERSION_NOT_FOUND).
    """
    if _place(rows, file.version_id) != file.moved_from:
        raise _moved("it does not lie where it was seen")
    if rows.one("SELECT 1 FROM version WHERE version_id = ? LIMIT 1", file.version_id) is None:
        raise PiccoloError(Kind.NOT_FOUND, "VERSION_NOT_FOUND", "Nothing keeps this version any more.")
    if file.path:
        node = tree.lookup(rows, Path.parse(file.path))
        if node is None or not history.holds(rows, node, file.version_id):
            raise _moved("what has its name now does not keep it")


def move(tx: Transaction, object_id: bytes, file: NewFile) -> None:
    """Lets a version lie in another object from now on. Raises as `check_move`."""
    check_move(tx, file)
    tx.run(
        "UPDATE content SET object_id = ?, offset = ?, length = ? WHERE version_id = ?",
        object_id,
        file.content.offset,
        file.content.length,
        file.version_id,
    )
    (sealed,) = tx.one("SELECT content FROM content WHERE version_id = ?", file.version_id) or (b"",)
    if sealed == file.content.content:
        # its key's wrap stays as it is here: it may be a newer one than the mover's
        exposed.inherit(tx, object_id, file.moved_from)
        return
    tx.run(
        "UPDATE content SET content = ?, mac = ?, wrapped_key = ? WHERE version_id = ?",
        file.content.content,
        file.content.mac,
        file.content.wrapped_key,
        file.version_id,
    )


def leave(tx: Transaction, sources: Sequence[bytes]) -> None:
    """Ends the packs that nothing lies in any more after a move, once a backup knows of it."""
    (last,) = tx.one("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'") or (0,)
    for object_id in sources:
        # this commit's own entry is the next one
        outbox.set_local(tx, {replaced_key(object_id): str(int(last) + 1).encode()})
        history.mark_if_unused(tx, object_id)


def waits_for_backup(rows: Rows, object_id: bytes) -> bool:
    """Whether no backup says yet where this object's versions went."""
    number = outbox.local(rows, replaced_key(object_id))
    if number is None:
        return False
    if outbox.local(rows, SNAPSHOT_WANTED) is not None:
        return True
    if (position := outbox.local(rows, POSITION)) is not None:
        # an outbox that is empty may have been given up while an older snapshot was on its way
        return Position.from_record(position).outbox < int(number)
    return rows.one("SELECT 1 FROM outbox WHERE number <= ? LIMIT 1", int(number)) is not None


def _uses(rows: Rows, after: bytes) -> Iterator[PackUse]:
    sql = (
        "SELECT object_id FROM object WHERE kind = ? AND reclaimable = 0 AND object_id > ?"
        " AND object_id NOT IN (SELECT object_id FROM exposed) ORDER BY object_id"
    )
    for (object_id,) in rows.each(sql, int(ObjectKind.PACK), after):
        files, size = rows.one(
            f"SELECT count(*), coalesce(sum(length), 0) FROM content c WHERE object_id = ? AND {_KEPT}",  # noqa: S608
            object_id,
        ) or (0, 0)
        yield PackUse(object_id, objects.check_layout(objects.get(rows, object_id)).size, files, size)


def _place(rows: Rows, version_id: bytes) -> bytes:
    row = rows.one("SELECT object_id FROM content WHERE version_id = ?", version_id)
    return bytes(row[0]) if row else b""


def _moved(why: str) -> PiccoloError:
    return PiccoloError(
        Kind.CONFLICT,
        "VERSION_MOVED",
        f"A version was left where it is: {why}. Read it again and decide anew.",
    )
