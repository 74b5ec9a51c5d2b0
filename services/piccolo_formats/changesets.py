"""The plaintext of a changeset entry (section 11): records, each after its u32 length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Changeset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_RECORD = 2**28


def frame_changeset(changeset: Changeset) -> bytes:
    """Return one changeset's bytes in the stream."""
    record = changeset.to_record()
    if len(record) > MAX_RECORD:
        raise FormatError("changeset-size", "the changeset is too large for one record")
    return len(record).to_bytes(4) + record


def read_changesets(chunks: Iterable[bytes], limit: int = MAX_RECORD) -> Iterator[Changeset]:
    """Yield the changesets of a stream that comes in pieces; none may take more than `limit` bytes.

    Raises FormatError when the stream is cut short, or when outbox numbers overlap or run backwards.
    """
    buffer, newest = bytearray(), 0
    for chunk in chunks:
        buffer += chunk
        while (record := _take(buffer, limit)) is not None:
            changeset = Changeset.from_record(record)
            if changeset.first <= newest:
                raise FormatError("changeset-numbers", "the changesets are not in the order of their numbers")
            newest = changeset.last
            yield changeset
    if buffer:
        raise FormatError("changeset-short", "the changesets are cut short")


def _take(buffer: bytearray, limit: int) -> bytes | None:
    if len(buffer) < 4:
        return None
    length = int.from_bytes(buffer[:4])
    if not 1 <= length <= limit:
        raise FormatError("changeset-size", f"a changeset of {length} bytes is not allowed")
    if len(buffer) < 4 + length:
        return None
    record = bytes(buffer[4 : 4 + length])
    del buffer[: 4 + length]
    return record
