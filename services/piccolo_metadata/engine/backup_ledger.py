"""What this device remembers of its backup, in the database's local values.

Everything that belongs together is written in one transaction, so that a crash leaves no half of a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Delegation, Head
from piccolo_formats.records.codec import Record
from piccolo_formats.signed import Signed, open_signed

from piccolo_metadata.core.backup_records import (
    DELEGATION,
    FENCE,
    PENDING,
    POSITION,
    REBUILT,
    Fence,
    Pending,
    Position,
)
from piccolo_metadata.engine import state
from piccolo_metadata.engine.backup_ports import Access
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import SNAPSHOT_WANTED, Outbox, Rows, Transaction

R = TypeVar("R", bound=Record)

_NAMESPACE = "backup"
_COUNTERSIGNED = "countersigned"


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it at one moment."""

    position: Position | None
    pending: Pending | None
    delegation: Signed[Delegation] | None
    fence: Fence | None
    snapshot_wanted: bool
    rebuilt: bool = False

    @property
    def access(self) -> Access:
        """In whose name the log is used.

        Raises PiccoloError PRECONDITION, DELEGATION_MISSING.
        """
        if self.delegation is None:
            raise PiccoloError(
                Kind.PRECONDITION,
                "DELEGATION_MISSING",
                "This device may not write backups yet: unlock it once with your passphrase.",
            )
        return Access(self.delegation.record.locator, self.delegation.to_bytes())


async def load(outbox: Outbox) -> Standing:
    """What the database says. Raises PiccoloError DATA_LOSS, BACKUP_STATE_DAMAGED."""
    keys = (DELEGATION, POSITION, PENDING, FENCE, SNAPSHOT_WANTED, REBUILT)
    delegation, position, pending, fence, snapshot_wanted, rebuilt = await outbox.locals(*keys)
    try:
        return Standing(
            position=_parsed(Position, position),
            pending=_parsed(Pending, pending),
            delegation=None if delegation is None else open_signed(Delegation, delegation),
            fence=_parsed(Fence, fence),
            snapshot_wanted=snapshot_wanted is not None,
            rebuilt=rebuilt is not None,
        )
    except FormatError as damaged:
        raise PiccoloError(
            Kind.DATA_LOSS,
            "BACKUP_STATE_DAMAGED",
            f"What this device remembers of its backup cannot be read ({damaged.message}); restore it from "
            "the backup with your 24 words.",
        ) from damaged


def _parsed(kind: type[R], data: bytes | None) -> R | None:
    return None if data is None else kind.from_record(data)


def put_countersigned(tx: Transaction, head: Signed[Head]) -> None:
    """Keeps a countersigned head, unless there is a newer one of the same log; it travels in the backup."""
    if (present := countersigned(tx)) is not None:
        kept = open_signed(Head, present).record
        if kept.locator == head.record.locator and kept.seq >= head.record.seq:
            return
    state.put(tx, _NAMESPACE, [StateValue(_COUNTERSIGNED, head.to_bytes(), 0)], [], check=False)


def countersigned(rows: Rows) -> bytes | None:
    """The countersigned head, None when there is none."""
    found = state.listing(rows, _NAMESPACE, _COUNTERSIGNED, "", 1).items
    return found[0].value if found else None
