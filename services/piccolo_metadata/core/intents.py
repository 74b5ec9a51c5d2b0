"""Intents as bytes, for the journal: deterministic CBOR of their fields in order.

The journal never leaves this device; its layout may change with the schema version. That an object is exposed
is written when it is so: what was journalled before that could be said is read as before.
"""

from __future__ import annotations

from typing import Any, cast

from piccolo_formats import cbor

from piccolo_metadata.core.objects import Intent, NewFile, ObjectKind, StoredContent, StoredObject


def pack_intent(intent: Intent) -> bytes:
    """The bytes that `unpack_intent` reads."""
    stored, files = _pack_object(intent.object), [_pack_file(file) for file in intent.files]
    marks = [True] if intent.exposed else []
    return cbor.encode_checked([stored, list(files), intent.commit_record, *marks])


def unpack_intent(body: bytes) -> Intent:
    """The intent of the journal's bytes."""
    stored, files, commit_record, *marks = cast("list[Any]", cbor.decode(body))
    unpacked = tuple(_unpack_file(file) for file in files)
    return Intent(_unpack_object(stored), unpacked, commit_record, exposed=any(marks))


def _pack_object(stored: StoredObject) -> cbor.Value:
    return [
        stored.object_id,
        int(stored.kind),
        stored.layout,
        stored.sealed_layout_key,
        stored.wrapped_pack_key,
        list(stored.missing),
    ]


def _unpack_object(fields: list[Any]) -> StoredObject:
    object_id, kind, layout, layout_key, pack_key, missing = fields
    return StoredObject(object_id, ObjectKind(kind), layout, layout_key, pack_key, tuple(missing))


def _pack_file(file: NewFile) -> cbor.Value:
    content = file.content
    return [
        file.path,
        file.modified,
        file.media,
        file.expected_revision,
        [content.content, content.mac, content.wrapped_key, content.offset, content.length],
        file.upload_id,
        file.version_id,
        file.size,
        list(file.order),
        file.moved_from,
    ]


def _unpack_file(fields: list[Any]) -> NewFile:
    path, modified, media, expected, content, upload_id, version_id, size, (generation, seq), source = fields
    stored, order = StoredContent(*content), (generation, seq)
    return NewFile(path, modified, media, expected, stored, upload_id, version_id, size, order, source)
