"""Long work, remembered on this device.

Rules:
* It is in no backup: what worked is gone with the device. So its revisions are counted apart from those of
  everything else: progress, told every second, must not become an entry of the backup log every second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.operations import NOTHING_YET, Operation, OperationState, Progress
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.engine import outbox
from piccolo_metadata.ports import Memory, Row, Rows, Transaction

TOPIC: Final = "operation"
_REVISION: Final = "operation.revision"
_COLUMNS: Final = (
    "operation_id, kind, subject, unit, state, phase, done, total, result, error_reason, error_message,"
    " started, updated, revision, cancel_requested"
)
Numbered = tuple[int, Operation]


def start(tx: Transaction, operation_id: str, kind: str, subject: str, unit: str) -> Operation:
    """Remembers new work under a fresh id."""
    started = Operation(
        operation_id, kind, subject, unit, NOTHING_YET, tx.now, tx.now, _next(tx), cancel_requested=False
    )
    (number,) = tx.one("SELECT coalesce(max(number), 0) + 1 FROM operation") or (1,)
    _write(tx, started, number)
    return started


def advance(tx: Transaction, operation_id: str, progress: Progress) -> Operation:
    """Records progress or the end.

    Raises PiccoloError NOT_FOUND (OPERATION_NOT_FOUND) or PRECONDITION (OPERATION_ENDED).
    """
    number, present = _get(tx, operation_id)
    changed = present.advance(progress, tx.now, _next(tx))
    _write(tx, changed, number)
    return changed


def cancel(tx: Transaction, operation_id: str) -> Operation:
    """Records the wish for an end; raises PiccoloError NOT_FOUND, OPERATION_NOT_FOUND."""
    number, present = _get(tx, operation_id)
    changed = present.ask_for_end(tx.now, _next(tx))
    if changed is not present:
        _write(tx, changed, number)
    return changed


def get(rows: Rows, operation_id: str) -> Operation:
    """One operation; raises PiccoloError NOT_FOUND, OPERATION_NOT_FOUND."""
    return _get(rows, operation_id)[1]


def listing(rows: Rows, before: int | None, most: int, *, running: bool) -> Page[Numbered]:
    """A page of operations with their numbers, newest first, those with a number below `before`."""
    found = rows.each(
        f"SELECT number, {_COLUMNS} FROM operation WHERE number < ?"  # noqa: S608 - a constant
        " AND (NOT ? OR state = 1) ORDER BY number DESC",
        before if before is not None else 1 << 62,
        int(running),
    )
    return take((_numbered(row) for row in found), most, lambda one: 256 + len(one[1].progress.result))


def changes(rows: Rows, operation_id: str, after: int) -> list[Operation]:
    """Operations (empty id: all) that changed after a revision, in the order of their changes."""
    found = rows.each(
        f"SELECT number, {_COLUMNS} FROM operation WHERE revision > ?1"  # noqa: S608
        " AND (?2 = '' OR operation_id = ?2) ORDER BY revision LIMIT 1000",
        after,
        operation_id,
    )
    return [_numbered(row)[1] for row in found]


async def watch(memory: Memory, operation_id: str, after: int) -> AsyncIterator[Operation]:
    """Changes after a revision, and then each as it comes. Who is slow sees fewer, and always the last.

    Raises PiccoloError NOT_FOUND, OPERATION_NOT_FOUND for an id that is not known.
    """
    if operation_id:
        await memory.read(get, operation_id)
    seen = -1
    while True:
        seen = await memory.changed(TOPIC, seen)
        while changed := await memory.read(changes, operation_id, after):
            for operation in changed:
                after = operation.revision
                yield operation


def forget_ended(tx: Transaction, before: int) -> int:
    """Forgets operations that ended before a time (seconds since 1970); returns how many."""
    return tx.run("DELETE FROM operation WHERE state <> 1 AND updated < ?", before)


def _next(tx: Transaction) -> int:
    """The next revision; given once, also when operations are forgotten."""
    revision = int(outbox.local(tx, _REVISION) or b"0") + 1
    outbox.set_local(tx, {_REVISION: str(revision).encode()})
    return revision


def _get(rows: Rows, operation_id: str) -> Numbered:
    row = rows.one(f"SELECT number, {_COLUMNS} FROM operation WHERE operation_id = ?", operation_id)  # noqa: S608
    if row is None:
        raise PiccoloError(
            Kind.NOT_FOUND, "OPERATION_NOT_FOUND", "There is no such operation, or it ended long ago."
        )
    return _numbered(row)


def _write(tx: Transaction, operation: Operation, number: int) -> None:
    progress = operation.progress
    tx.run(
        f"INSERT OR REPLACE INTO operation ({_COLUMNS}, number)"  # noqa: S608
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        operation.operation_id,
        operation.kind,
        operation.subject,
        operation.unit,
        int(progress.state),
        progress.phase,
        progress.done,
        progress.total,
        progress.result,
        progress.error_reason,
        progress.error_message,
        operation.started,
        operation.updated,
        operation.revision,
        int(operation.cancel_requested),
        number,
    )
    tx.touch(TOPIC)


def _numbered(row: Row) -> Numbered:
    number, operation_id, kind, subject, unit, state, *told, started, updated, revision, cancel = row
    progress = Progress(OperationState(state), *told)
    return number, Operation(
        operation_id, kind, subject, unit, progress, started, updated, revision, bool(cancel)
    )
