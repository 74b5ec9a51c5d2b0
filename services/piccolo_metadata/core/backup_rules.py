"""When a snapshot is due, what an acknowledgement changes, how long to wait after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from piccolo_formats.changesets import MAX_RECORD
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.core.backup_records import Pending, Position

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 300.0
_FRAME: Final = 256  # what a changeset's record adds to its bytes, generously


class Change(Protocol):
    """An entry of the outbox (ports.OutboxEntry)."""

    @property
    def number(self) -> int: ...  # noqa: D102 - ports.py says it

    @property
    def schema(self) -> int: ...  # noqa: D102 - ports.py says it

    @property
    def changeset(self) -> bytes: ...  # noqa: D102 - ports.py says it


def snapshot_due(position: Position, schema: int) -> bool:
    """Whether the next entry must begin a new chain: there is none, the schema changed, or the changesets
    outweigh half of the snapshot.
    """
    outweighs = 2 * position.change_bytes > position.snapshot_bytes
    return position.base == 0 or position.schema != schema or outweighs


def continues(position: Position, entries: Sequence[Change]) -> bool:
    """Whether these outbox entries continue the chain: no number is missing, no schema is another one, and
    each fits into a record.
    """
    numbers = range(position.outbox + 1, position.outbox + 1 + len(entries))
    return all(
        (entry.number, entry.schema) == (number, position.schema)
        and len(entry.changeset) + _FRAME <= MAX_RECORD
        for number, entry in zip(numbers, entries, strict=True)
    )


def acknowledged(position: Position, pending: Pending) -> Position:
    """The position after the cloud has the pending entry."""
    moved = replace(
        position,
        generation=pending.generation,
        seq=pending.seq,
        hash=pending.hash,
        time=pending.time,
        bytes=position.bytes + pending.size,
    )
    if pending.kind is EntryKind.SNAPSHOT:
        return replace(
            moved,
            base=pending.seq,
            schema=pending.schema,
            outbox=pending.outbox,
            snapshot_bytes=pending.size,
            change_bytes=0,
        )
    if pending.kind is EntryKind.CLAIM:
        # this memory may have come from elsewhere: what follows a claim is a chain of its own
        return replace(moved, base=0, claim=pending.seq)
    return replace(moved, outbox=pending.outbox, change_bytes=position.change_bytes + pending.size)


def pause(failures: int, dice: float) -> float:
    """Seconds to wait after so many failures in a row: doubling, up to five minutes, and spread by `dice`
    (0 to 1) so that not all devices come back to a cloud at the same moment.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(failures - 1, 20)))
    return longest * (0.5 + dice / 2)
