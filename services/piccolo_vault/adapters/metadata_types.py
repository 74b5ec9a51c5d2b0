"""The port's frozen types from and to the wire of the metadata service."""

from __future__ import annotations

import json

from piccolo.metadata.v1 import file_pb2, memory_pb2, object_pb2, upload_pb2

from piccolo_vault.ports.objects import (
    Entry,
    Intent,
    Manifest,
    NewFile,
    ObjectKind,
    Progress,
    Published,
    Refusal,
    StoredContent,
    StoredObject,
    Upload,
)

_KINDS = {
    ObjectKind.FILE: object_pb2.OBJECT_KIND_FILE,
    ObjectKind.PACK: object_pb2.OBJECT_KIND_PACK,
}
_STATES = {
    "running": memory_pb2.OPERATION_STATE_RUNNING,
    "succeeded": memory_pb2.OPERATION_STATE_SUCCEEDED,
    "failed": memory_pb2.OPERATION_STATE_FAILED,
    "cancelled": memory_pb2.OPERATION_STATE_CANCELLED,
}


def object_to(stored: StoredObject) -> object_pb2.StoredObject:
    """An object for the wire."""
    return object_pb2.StoredObject(
        object_id=stored.object_id,
        kind=_KINDS[stored.kind],
        layout=stored.layout,
        sealed_layout_key=stored.sealed_layout_key,
        wrapped_pack_key=stored.wrapped_pack_key,
        missing=stored.missing,
    )


def object_from(wire: object_pb2.StoredObject) -> StoredObject:
    """An object of the wire."""
    kind = ObjectKind.PACK if wire.kind == object_pb2.OBJECT_KIND_PACK else ObjectKind.FILE
    return StoredObject(
        wire.object_id,
        kind,
        wire.layout,
        wire.sealed_layout_key,
        wire.wrapped_pack_key,
        tuple(wire.missing),
        wire.exposed,
    )


def file_to(file: NewFile) -> object_pb2.NewFile:
    """A file version for the wire."""
    content = file.content
    return object_pb2.NewFile(
        path=file.path,
        modified=file.modified,
        media=file.media,
        expected_revision=file.expected_revision,
        content=object_pb2.StoredContent(
            content=content.content,
            mac=content.mac,
            wrapped_key=content.wrapped_key,
            offset=content.offset,
            length=content.length,
        ),
        upload_id=file.upload_id,
        version_id=file.version_id,
        size=file.size,
        moved_from=file.moved_from,
        generation=file.order[0],
        seq=file.order[1],
    )


def file_from(wire: object_pb2.NewFile) -> NewFile:
    """A file version of the wire."""
    expected = wire.expected_revision if wire.HasField("expected_revision") else None
    return NewFile(
        wire.path,
        wire.modified,
        wire.media,
        expected,
        content_from(wire.content),
        wire.upload_id,
        wire.version_id,
        wire.size,
        wire.moved_from,
        (wire.generation, wire.seq),
    )


def content_from(wire: object_pb2.StoredContent) -> StoredContent:
    """Where a file lies, of the wire."""
    return StoredContent(wire.content, wire.mac, wire.wrapped_key, wire.offset, wire.length)


def intent_to(intent: Intent) -> object_pb2.Intent:
    """An intent for the wire."""
    return object_pb2.Intent(
        object=object_to(intent.stored),
        files=[file_to(file) for file in intent.files],
        commit_record=intent.commit_record,
        exposed=intent.exposed,
    )


def intent_from(wire: object_pb2.Intent) -> Intent:
    """An intent of the wire."""
    files = tuple(file_from(each) for each in wire.files)
    return Intent(object_from(wire.object), files, wire.commit_record, exposed=wire.exposed)


def upload_to(upload: Upload) -> upload_pb2.Upload:
    """An upload for the wire."""
    return upload_pb2.Upload(
        upload_id=upload.upload_id,
        path=upload.path,
        modified=upload.modified,
        media=upload.media,
        expected_revision=upload.expected_revision,
        vault_state=upload.note,
        blocks=upload.blocks,
        size=upload.size,
        at_risk=upload.at_risk,
    )


def upload_from(wire: upload_pb2.Upload) -> Upload:
    """An upload of the wire."""
    return Upload(
        upload_id=wire.upload_id,
        path=wire.path,
        modified=wire.modified,
        media=wire.media,
        expected_revision=wire.expected_revision if wire.HasField("expected_revision") else None,
        note=wire.vault_state,
        blocks=wire.blocks,
        size=wire.size if wire.HasField("size") else None,
        at_risk=wire.at_risk,
        durable_segments=wire.durable_segments,
    )


def refusal_from(wire: object_pb2.Refusal) -> Refusal:
    """A refusal of the wire."""
    return Refusal(wire.index, wire.reason, wire.message)


def entry_from(wire: file_pb2.Entry) -> Entry:
    """A name of the wire."""
    return Entry(wire.path, wire.revision, wire.version_id, wire.size, wire.modified, wire.media)


def published_from(wire: object_pb2.Published) -> Published:
    """An outcome of the wire."""
    if wire.HasField("entry"):
        return Published(entry_from(wire.entry), None, wire.created)
    return Published(None, refusal_from(wire.refusal) if wire.HasField("refusal") else None)


def manifest_from(wire: object_pb2.GetManifestResponse) -> Manifest:
    """A manifest of the wire."""
    return Manifest(entry_from(wire.entry), content_from(wire.content), object_from(wire.object))


def redundancy_from(wire: memory_pb2.GetSettingsResponse) -> tuple[int, int]:
    """The owner's k and m of the wire; a setting that is not there is not set."""
    values = {each.name: each.value for each in wire.settings}
    return int(json.loads(values.get("storage.k", "0"))), int(json.loads(values.get("storage.m", "0")))


def operation_to(operation_id: str, progress: Progress) -> memory_pb2.Operation:
    """An operation's progress for the wire."""
    return memory_pb2.Operation(
        operation_id=operation_id,
        state=_STATES[progress.state],
        phase=progress.phase,
        done=progress.done,
        total=progress.total,
        result=progress.result,
        error_reason=progress.error_reason,
        error_message=progress.error_message,
    )
