"""Objects, intents, uploads and repairs, between the wire and the engine."""

from __future__ import annotations

from piccolo.metadata.v1 import object_pb2 as pb
from piccolo.metadata.v1 import repair_pb2, upload_pb2
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.objects import (
    Intent,
    NewFile,
    ObjectKind,
    Published,
    Refusal,
    Repair,
    StoredContent,
    StoredObject,
    Upload,
)
from piccolo_metadata.service.file import entry_of
from piccolo_metadata.service.wire import optional, whole


def object_from(message: pb.StoredObject) -> StoredObject:
    """The object of a message; raises PiccoloError INVALID (OBJECT_INVALID)."""
    try:
        kind = ObjectKind(message.kind)
        missing = tuple(bytes(message.missing))
    except ValueError as wrong:
        raise PiccoloError(
            Kind.INVALID, "OBJECT_INVALID", "An object is a file or a pack; its fragments are 0 to 255."
        ) from wrong
    return StoredObject(
        message.object_id,
        kind,
        message.layout,
        message.sealed_layout_key,
        message.wrapped_pack_key,
        missing,
    )


def missing_from(message: pb.PublishRequest) -> tuple[int, ...]:
    """The fragment indexes of a message; raises PiccoloError INVALID (OBJECT_INVALID)."""
    return object_from(pb.StoredObject(kind=pb.OBJECT_KIND_FILE, missing=message.missing)).missing


def object_to(stored: StoredObject) -> pb.StoredObject:
    """The object on the wire."""
    return pb.StoredObject(
        object_id=stored.object_id,
        kind=pb.ObjectKind.ValueType(stored.kind),
        layout=stored.layout,
        sealed_layout_key=stored.sealed_layout_key,
        wrapped_pack_key=stored.wrapped_pack_key,
        missing=stored.missing,
        exposed=stored.exposed,
    )


def content_to(content: StoredContent) -> pb.StoredContent:
    """The content on the wire."""
    return pb.StoredContent(
        content=content.content,
        mac=content.mac,
        wrapped_key=content.wrapped_key,
        offset=content.offset,
        length=content.length,
    )


def file_from(message: pb.NewFile) -> NewFile:
    """The file of a message."""
    part = message.content
    return NewFile(
        path=message.path,
        modified=message.modified,
        media=message.media,
        expected_revision=optional(message, "expected_revision"),
        content=StoredContent(
            part.content, part.mac, part.wrapped_key, whole(part.offset), whole(part.length)
        ),
        upload_id=message.upload_id,
        version_id=message.version_id,
        size=whole(message.size),
        order=(whole(message.generation), whole(message.seq)),
        moved_from=message.moved_from,
    )


def file_to(file: NewFile) -> pb.NewFile:
    """The file on the wire."""
    return pb.NewFile(
        path=file.path,
        modified=file.modified,
        media=file.media,
        expected_revision=file.expected_revision,
        content=content_to(file.content),
        upload_id=file.upload_id,
        version_id=file.version_id,
        size=file.size,
        moved_from=file.moved_from,
        generation=file.order[0],
        seq=file.order[1],
    )


def intent_from(message: pb.Intent) -> Intent:
    """The intent of a message."""
    stored, files = object_from(message.object), tuple(map(file_from, message.files))
    return Intent(stored, files, message.commit_record, exposed=message.exposed)


def intent_to(intent: Intent) -> pb.Intent:
    """The intent on the wire."""
    return pb.Intent(
        object=object_to(intent.object),
        files=map(file_to, intent.files),
        commit_record=intent.commit_record,
        exposed=intent.exposed,
    )


def refusal_to(refusal: Refusal) -> pb.Refusal:
    """The refusal on the wire."""
    return pb.Refusal(index=refusal.index, reason=refusal.reason, message=refusal.message)


def published_to(published: Published) -> pb.Published:
    """The outcome on the wire."""
    return pb.Published(
        entry=entry_of(published.entry) if published.entry else None,
        refusal=refusal_to(published.refusal) if published.refusal else None,
        created=published.created,
    )


def upload_from(message: upload_pb2.Upload) -> Upload:
    """The upload of a message; what the journal says itself is left out."""
    return Upload(
        upload_id=message.upload_id,
        path=message.path,
        modified=message.modified,
        media=message.media,
        expected_revision=optional(message, "expected_revision"),
        vault_state=message.vault_state,
        blocks=message.blocks,
        size=optional(message, "size"),
        at_risk=message.at_risk,
    )


def upload_to(upload: Upload) -> upload_pb2.Upload:
    """The upload on the wire."""
    return upload_pb2.Upload(
        upload_id=upload.upload_id,
        path=upload.path,
        modified=upload.modified,
        media=upload.media,
        expected_revision=upload.expected_revision,
        vault_state=upload.vault_state,
        durable_segments=upload.durable_segments,
        blocks=upload.blocks,
        size=upload.size,
        touched=upload.touched,
        at_risk=upload.at_risk,
    )


def repair_from(message: repair_pb2.Repair) -> Repair:
    """The repair of a message; its tries are the queue's own."""
    return Repair(message.object_id, message.margin, message.cause, message.not_before, 0)


def repair_to(repair: Repair) -> repair_pb2.Repair:
    """The repair on the wire."""
    return repair_pb2.Repair(
        object_id=repair.object_id,
        margin=repair.margin,
        cause=repair.cause,
        not_before=repair.not_before,
        tries=repair.tries,
    )
