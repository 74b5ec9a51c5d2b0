"""Intents: from Prepare, over the keepers' promise, to Publish.

Rules:
* Prepare journals all that Publish will write, without the files whose names cannot be had; it changes no
  name. With none left it journals nothing.
* Publish writes the object, its contents and its names in one transaction. A name that changed since is
  refused alone; when all are, the object is there without names, and is reclaimable.
* A version is named at its place among those of its file (core/versions.py): what a recovery finds may be
  older than the current one. It is answered as what it is, under the revision that its file has.
* A kept version that is moved (engine/packs.py) changes its place in that transaction, or is refused alone.
* Publishing again answers the same, from what was recorded with the first answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor

from piccolo_metadata.core.entries import Entry, EntryKind
from piccolo_metadata.core.intents import pack_intent, unpack_intent
from piccolo_metadata.core.objects import Intent, NewFile, Published, Refusal
from piccolo_metadata.core.pages import PAGE_BYTES, take
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import exposed, files, history, objects, packs, repairs, tree, uploads
from piccolo_metadata.engine.tree import Current
from piccolo_metadata.ports import Rows, Transaction


def prepare(tx: Transaction, intent: Intent) -> list[Refusal]:
    """Journals an intent; returns the files that it leaves out. Preparing again replaces the intent.

    Raises PiccoloError INVALID (LAYOUT_INVALID) or ALREADY_EXISTS (OBJECT_EXISTS).
    """
    objects.check_layout(intent.object)
    object_id = intent.object.object_id
    if tx.one("SELECT 1 FROM object WHERE object_id = ?", object_id):
        raise PiccoloError(
            Kind.ALREADY_EXISTS, "OBJECT_EXISTS", f"The object {object_id.hex()} is published already."
        )
    tx.run("DELETE FROM intent WHERE object_id = ?", object_id)
    refused: list[Refusal] = []
    kept: list[NewFile] = []
    for index, file in enumerate(intent.files):
        try:
            kept.append(_prepared(tx, file, [other.version_id for other in kept]))
        except PiccoloError as wrong:
            refused.append(Refusal(index, wrong.reason, wrong.message))
    if kept:
        body = pack_intent(replace(intent, files=tuple(kept)))
        tx.run("INSERT INTO intent (object_id, body) VALUES (?, ?)", object_id, body)
    return refused


def publish(tx: Transaction, object_id: bytes, missing: tuple[int, ...]) -> list[Published]:
    """Makes an intent's files visible; returns the outcome for each, in the order of the journalled intent.

    Raises PiccoloError NOT_FOUND, INTENT_NOT_FOUND.
    """
    answered = tx.one("SELECT answer FROM published WHERE object_id = ?", object_id)
    if answered:
        return _unpack(answered[0])
    row = tx.one("SELECT body FROM intent WHERE object_id = ?", object_id)
    if row is None:
        raise _not_found(object_id)
    intent = unpack_intent(row[0])
    stored = replace(intent.object, missing=missing)
    objects.insert(tx, stored)
    if intent.exposed:
        exposed.mark_one(tx, object_id)
    outcomes = [_publish_one(tx, index, object_id, file) for index, file in enumerate(intent.files)]
    packs.leave(tx, sorted({file.moved_from for file in intent.files if file.moved_from}))
    history.mark_if_unused(tx, object_id)
    repairs.enqueue_missing(tx, stored)
    tx.run("DELETE FROM intent WHERE object_id = ?", object_id)
    tx.run(
        "INSERT INTO published (object_id, time, answer) VALUES (?, ?, ?)", object_id, tx.now, _pack(outcomes)
    )
    return outcomes


def listing(rows: Rows) -> list[Intent]:
    """Open intents, oldest first, up to about 4 MiB: the others follow when these have ended."""
    bodies = rows.each("SELECT body FROM intent ORDER BY number")
    return take((unpack_intent(body) for (body,) in bodies), PAGE_BYTES, lambda one: one.weight).items


def abandon(tx: Transaction, object_id: bytes) -> None:
    """Drops an intent; dropping it again changes nothing.

    Raises PiccoloError PRECONDITION, INTENT_PUBLISHED when its files have their names already.
    """
    if tx.one("SELECT 1 FROM object WHERE object_id = ?", object_id):
        raise PiccoloError(
            Kind.PRECONDITION, "INTENT_PUBLISHED", f"The object {object_id.hex()} is published already."
        )
    tx.run("DELETE FROM intent WHERE object_id = ?", object_id)


def forget_answers(tx: Transaction, before: int) -> int:
    """Forgets what Publish answered before a time (seconds since 1970); returns how many answers."""
    return tx.run("DELETE FROM published WHERE time < ?", before)


def _prepared(tx: Transaction, file: NewFile, others: list[bytes]) -> NewFile:
    """The file as it can be published now; raises the PiccoloError that says why not."""
    if not file.moved_from:
        return replace(file, path=str(_check(tx, file, others)))
    packs.check_move(tx, file)
    return file


def _check(tx: Transaction, file: NewFile, others: list[bytes]) -> Path:
    """The path of a file that can be published now; raises the PiccoloError that says why not."""
    path = Path.parse(file.path)
    nodes = tree.chain(tx, path)
    present = nodes[-1] if len(nodes) == len(path.parts) + 1 else None
    if present and present.is_directory:
        raise tree.is_a_directory(path)
    if present is None and not nodes[-1].is_directory:
        raise tree.not_a_directory(Path(path.parts[: len(nodes) - 1]))
    if file.expected_revision == 0 and present:
        raise files.exists(path)
    if file.expected_revision:
        tree.check_revision(tree.find(tx, path), file.expected_revision, path)
    if file.version_id in others or tx.one("SELECT 1 FROM content WHERE version_id = ?", file.version_id):
        raise PiccoloError(
            Kind.ALREADY_EXISTS, "VERSION_EXISTS", f"The version of {path} is published already, elsewhere."
        )
    return path


def _publish_one(tx: Transaction, index: int, object_id: bytes, file: NewFile) -> Published:
    if file.upload_id:
        uploads.forget(tx, file.upload_id)
    try:
        if file.moved_from:
            packs.move(tx, object_id, file)
            return Published()
        path = _check(tx, file, [])
    except PiccoloError as wrong:
        return Published(refusal=Refusal(index, wrong.reason, wrong.message))
    _insert_content(tx, object_id, file)
    new = Current(file.version_id, file.size, file.modified, file.media)
    above = tree.make_directories(tx, path.parent)
    node = tree.child(tx, above[-1].id, path.name)
    was_there = node is not None
    if node:
        node = history.add(tx, node, new, file.order)
    else:
        node = tree.insert(tx, above, path.name, new)
        history.add_first(tx, node)
    return Published(entry=node.showing(new).entry(path), created=not was_there)


def _insert_content(tx: Transaction, object_id: bytes, file: NewFile) -> None:
    content = file.content
    tx.run(
        "INSERT INTO content"
        " (version_id, object_id, content, mac, wrapped_key, offset, length, size, modified, media,"
        " generation, seq)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        file.version_id,
        object_id,
        content.content,
        content.mac,
        content.wrapped_key,
        content.offset,
        content.length,
        file.size,
        file.modified,
        file.media,
        *file.order,
    )


def _pack(outcomes: list[Published]) -> bytes:
    return cbor.encode([_pack_one(outcome) for outcome in outcomes])


def _pack_one(outcome: Published) -> cbor.Value:
    if outcome.refusal:
        refusal = outcome.refusal
        return [refusal.index, refusal.reason, refusal.message]
    if outcome.entry is None:
        return []
    entry = outcome.entry
    shown = [entry.revision, entry.version_id, entry.size, entry.modified, entry.media, entry.versions]
    return [str(entry.path), *shown, entry.entry_id, outcome.created]


def _unpack(answer: bytes) -> list[Published]:
    return [_unpack_one(fields) for fields in cast("list[list[Any]]", cbor.decode(answer))]


def _unpack_one(fields: list[Any]) -> Published:
    if not fields:
        return Published()
    if len(fields) == 3:
        return Published(refusal=Refusal(*fields))
    path, revision, *rest, created = fields
    return Published(entry=Entry(Path.parse(path), EntryKind.FILE, revision, *rest), created=created)


def _not_found(object_id: bytes) -> PiccoloError:
    return PiccoloError(
        Kind.NOT_FOUND,
        "INTENT_NOT_FOUND",
        f"There is no intent for the object {object_id.hex()}: it was never prepared, or was abandoned.",
    )
