"""The audit log: adding, reading, verifying. The tables' triggers refuse anything else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.audit import BEFORE_ALL, FAILED, Event, Verifier, Wanted, chain
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.ports import Memory, Row, Rows, Transaction

TOPIC: Final = "audit"
_COLUMNS: Final = "number, time, actor, action, subject, outcome, details, hash"
_STRIDE: Final = 5_000

Logged = tuple[Event, bytes]


def append(
    tx: Transaction,
    actor: str,
    action: str,
    subject: str,
    outcome: str,
    details: str,
    time: int | None = None,
) -> Logged:
    """Adds one event; returns it with its hash.

    Raises PiccoloError INVALID, DETAILS_INVALID when the details are neither empty nor JSON.
    """
    _check_json(details)
    number, previous = tx.one("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1") or (
        0,
        BEFORE_ALL,
    )
    when = tx.now if time is None else time
    event = Event(number + 1, when, actor, action, subject, outcome, details)
    digest = chain(previous, event)
    tx.run(
        f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        event.number,
        event.time,
        actor,
        action,
        subject,
        outcome,
        details,
        digest,
    )
    tx.touch(TOPIC)
    return event, digest


def append_again(tx: Transaction, rows: Iterable[Row]) -> None:
    """Adds the events of another log, as they were, at the end of this one."""
    for _, time, actor, action, subject, outcome, details, _ in rows:
        append(tx, actor, action, subject, outcome, details, time)


def listing(rows: Rows, wanted: Wanted, before: int | None, most: int) -> Page[Logged]:
    """A page of the wanted events, newest first: numbers below `before`.

    All are looked at: a clock that was set makes a later event an earlier one.
    """
    found = rows.each(
        f"SELECT {_COLUMNS} FROM audit WHERE number < ?1"  # noqa: S608
        " AND substr(action, 1, length(?2)) = ?2 AND substr(actor, 1, length(?3)) = ?3"
        " AND (?4 IN ('', outcome) OR ?4 = ?5 AND outcome != 'ok')"
        " AND time >= ?6 AND (?7 = 0 OR time < ?7) ORDER BY number DESC",
        before if before is not None else 1 << 62,
        wanted.action,
        wanted.actor,
        wanted.outcome,
        FAILED,
        wanted.since,
        wanted.until,
    )
    return take((_logged(row) for row in found), most, _weight)


async def verify(memory: Memory) -> Verifier:
    """Walks the whole chain, a stretch a view, so that it holds nobody up; returns how far it is whole."""
    verifier = Verifier()
    while await memory.read(_follow, verifier):
        pass
    return verifier


def _follow(rows: Rows, verifier: Verifier) -> bool:
    """Verifies the next stretch; returns whether there may be more."""
    sql = f"SELECT {_COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
    count = 0
    for row in rows.each(sql, verifier.verified, _STRIDE):
        count += 1
        if not verifier.follow(*_logged(row)):
            return False
    return count == _STRIDE


def _logged(row: Row) -> Logged:
    *fields, digest = row
    return Event(*fields), digest


def _weight(logged: Logged) -> int:
    event, _ = logged
    texts = (event.actor, event.action, event.subject, event.outcome, event.details)
    return 64 + sum(len(text.encode()) for text in texts)


def _check_json(details: str) -> None:
    try:
        if details:
            json.loads(details)
    except (ValueError, RecursionError) as wrong:
        raise PiccoloError(
            Kind.INVALID, "DETAILS_INVALID", "The details of an audit event are JSON, or empty."
        ) from wrong
