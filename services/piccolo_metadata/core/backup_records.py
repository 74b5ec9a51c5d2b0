"""What this device remembers of its own backup, as strict records (docs/storage-format.md, section 1).

They are local values of the database: in no backup, and changed in one transaction with the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from piccolo_formats.records import shapes as s
from piccolo_formats.records.backup import EntryKind
from piccolo_formats.records.codec import Record

POSITION: Final = "backup.position"
PENDING: Final = "backup.pending"
DELEGATION: Final = "backup.delegation"
FENCE: Final = "backup.fence"
REBUILT: Final = "backup.rebuilt"
"""There when this memory was filled without a backup, from what the owner's keepers have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position(Record):
    """How far the cloud has acknowledged.

    `seq`, `hash`, `generation` and `time` are the newest entry's (seq 0: none yet); `base` is the newest
    snapshot's seq (0: a snapshot comes next) and `schema` its schema; `outbox` is the last outbox number
    that is safe; `snapshot_bytes` and `change_bytes` weigh the newest chain; `bytes` is all that the cloud
    keeps; `claim` is the seq of this generation's claim (0: none); `missed` is the first and `missed_to`
    the last entry that a former device wrote while this one was being restored (0: none).
    """

    TYPE: ClassVar[str] = "backup-position"

    locator: s.PublicKey
    generation: s.Count
    seq: s.U64
    hash: s.Hash | None
    time: s.U64
    base: s.U64
    schema: s.U32
    outbox: s.U64
    snapshot_bytes: s.U64
    change_bytes: s.U64
    bytes: s.U64
    claim: s.U64
    missed: s.U64
    missed_to: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Record):
    """An entry whose exact bytes are durable here and may already be at the cloud.

    `outbox` is the last outbox number that it covers; `size` counts all its bytes.
    """

    TYPE: ClassVar[str] = "backup-pending"

    locator: s.PublicKey
    generation: s.Count
    seq: s.Count
    kind: EntryKind
    hash: s.Hash
    time: s.U64
    base: s.U64
    schema: s.U32
    outbox: s.U64
    size: s.Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence(Record):
    """The proof that a higher generation writes to the log: the header of an entry of it, Signed("entry")."""

    TYPE: ClassVar[str] = "backup-fence"

    generation: s.Count
    seq: s.Count
    time: s.U64
    header: s.SignedBytes


def fresh_position(locator: bytes, generation: int) -> Position:
    """Where a log stands that has no entry yet."""
    return Position(
        locator=locator,
        generation=generation,
        seq=0,
        hash=None,
        time=0,
        base=0,
        schema=0,
        outbox=0,
        snapshot_bytes=0,
        change_bytes=0,
        bytes=0,
        claim=0,
        missed=0,
        missed_to=0,
    )
