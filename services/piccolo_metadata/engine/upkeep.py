"""What the memory does by itself, every few minutes.

Rules:
* Only what is old in the memory's own age is given up, and nothing while the clocks are in doubt
  (core/ages.py): versions beyond the kept ones, and what the trash has held long enough.
* It works in small pieces, so that no request waits for it.
"""

from __future__ import annotations

import logging
from typing import Final

from piccolo_chassis.logs import fields

from piccolo_metadata.core.ages import DAY
from piccolo_metadata.engine import copying, history, operations, outbox, publishing, settings, trash
from piccolo_metadata.ports import Memory, Rows, Transaction

EVERY: Final = 600.0  # seconds
_PIECE: Final = 200
_ANSWERS_DAYS: Final = 7
_OPERATIONS_DAYS: Final = 30
_AGE: Final = "age"
_log = logging.getLogger(__name__)


async def begin(memory: Memory) -> None:
    """What an earlier process left half done."""
    await copying.clean_up(memory)


async def once(memory: Memory, *, may_give_up: bool) -> None:
    """One round; `may_give_up` says whether the clocks are trusted."""
    await memory.write(_keep_short)
    if not may_give_up:
        return
    doomed = await memory.write(_doom_expired)
    await trash.take_apart(memory)
    pruned, after = 0, 0
    while (piece := await memory.write(_prune_some, after)) is not None:
        after, count = piece
        pruned += count
    if doomed or pruned:
        _log.info("gave up what was old", extra=fields(trash=doomed, versions=pruned))


def age_of(rows: Rows) -> int:
    """The memory's age as it was last written."""
    (recorded,) = rows.one("SELECT age FROM progress") or (0,)
    return max(int(recorded), int(outbox.local(rows, _AGE) or b"0"))


def _keep_short(tx: Transaction) -> None:
    outbox.set_local(tx, {_AGE: str(tx.age).encode()})
    publishing.forget_answers(tx, tx.now - _ANSWERS_DAYS * DAY)
    operations.forget_ended(tx, tx.now - _OPERATIONS_DAYS * DAY)
    if outbox.give_up_when_heavy(tx):
        _log.warning("what waits for the backup outweighs the memory; the next backup will be a whole one")


def _doom_expired(tx: Transaction) -> int:
    return trash.doom_expired(tx, trash.kept_seconds(tx))


def _prune_some(tx: Transaction, after: int) -> tuple[int, int] | None:
    """Prunes some files, those after an id; returns the last one's id and how many versions went."""
    keep = settings.get_whole(tx, "versions.keep")
    min_age = settings.get_whole(tx, "versions.min_age_days") * DAY
    entries = history.with_history(tx, after, keep, _PIECE)
    if not entries:
        return None
    return entries[-1], sum(history.prune(tx, entry, keep=keep, min_age=min_age) for entry in entries)
