"""What a verified log can be restored to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.backup import EntryKind

if TYPE_CHECKING:
    from piccolo_formats.backup_entry import VerifiedHeader

RESTORABLE = (EntryKind.SNAPSHOT, EntryKind.CHANGESET)


@dataclass(frozen=True, slots=True)
class Point:
    """What is kept of an entry's verified header: a log may have a hundred thousand."""

    seq: int
    kind: EntryKind
    generation: int
    base: int
    schema: int
    time: int
    hash: bytes
    sealed_key: bytes
    body_size: int


def point_of(entry: VerifiedHeader) -> Point:
    """What a restore needs of a header."""
    header = entry.header
    return Point(
        header.seq,
        header.kind,
        header.generation,
        header.base,
        header.schema,
        header.time,
        entry.record_hash(),
        header.sealed_key,
        header.body_size,
    )


def restorable(points: Sequence[Point]) -> list[Point]:
    """The points that can be restored to, oldest first."""
    return [point for point in points if point.kind in RESTORABLE]


def chain_to(points: Sequence[Point], target: Point) -> list[Point]:
    """The entries that a restore to `target` applies: its snapshot and the changesets up to it."""
    return [
        point
        for point in points
        if point.kind in RESTORABLE and point.base == target.base and point.seq <= target.seq
    ]


def newest_before(points: Sequence[Point], seq: int) -> Point | None:
    """The newest point that can be restored to below `seq`."""
    return next((point for point in reversed(restorable(points)) if point.seq < seq), None)


def check_schema(chain: Sequence[Point], known: int) -> None:
    """Raise PiccoloError PRECONDITION, SCHEMA_NEWER unless this release knows the schema of all entries."""
    newest = max(point.schema for point in chain)
    if newest > known:
        raise PiccoloError(
            Kind.PRECONDITION,
            "SCHEMA_NEWER",
            f"The backup was written by a newer release (schema {newest}; this one knows {known}). Update "
            "this device, then restore again. Nothing was changed.",
            {"found": str(newest), "known": str(known)},
        )
