"""Tombstones and undeletes.

Rules:
* The log has a statement before any file moves; so a crash in between is made good by reading the log again,
  and the moves themselves need no fsync of their own.
* A purge is durable before it is answered: a later undelete hides it from the log, and what was told to be
  gone must not come back by a power cut.
* Tombstones of fragments that are not here are kept too: a late put of one must not bring it back.
* What a statement says nothing new about is not written again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.keeping import Tombstone, Undelete

from piccolo_fragment_store.core.fragment import Kept, Key, Place, State
from piccolo_fragment_store.core.lifetimes import may_purge
from piccolo_fragment_store.core.order import Marks, Order
from piccolo_fragment_store.core.transitions import Settling, raised_state, settle
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.puts import drop_incoming

# Tombstones are not charged for, so that a full keeper can be emptied; this bounds what they can take.
LOG_LIMIT: Final = 1 << 30
_UNBURYING: Final = 1 << 30
"""What undeletes may take beyond that: nobody's tombstones keep what is in the trash from being taken out."""


@dataclass(frozen=True, slots=True)
class Unburied:
    """What an undelete did: fragments moved back now, and those whose bytes are gone."""

    restored: int
    gone: list[bytes]


def bury(holdings: Holdings, tombstone: Tombstone, data: bytes, *, by: bytes) -> int:
    """Obeys a tombstone; returns how many fragments were moved or purged now.

    `by` is the certificate of the vault that brought it.

    Raises PiccoloError PRECONDITION (PURGE_TOO_EARLY), FULL (DISK_FULL), EXHAUSTED (LOG_FULL).
    """
    at = Order(tombstone.generation, tombstone.seq)
    if tombstone.purge:
        _check_purge(holdings, tombstone.owner, by)

    def marked(marks: Marks) -> Marks:
        return marks.with_tombstone(at, purge=tombstone.purge)

    keys = [Key(tombstone.owner, fragment) for fragment in tombstone.fragments]
    _log(holdings, keys, data, marked, LOG_LIMIT)
    moved = 0
    for key in keys:
        with holdings.change(key) as found:
            kept = holdings.mark(key, found, marked(found.marks))
            moved += _bury_one(holdings, kept)
    if tombstone.purge:
        holdings.shelves.flush()
    return moved


def unbury(holdings: Holdings, undelete: Undelete, data: bytes) -> Unburied:
    """Obeys an undelete.

    Raises PiccoloError FULL (DISK_FULL), EXHAUSTED (LOG_FULL).
    """
    at = Order(undelete.generation, undelete.seq)

    def marked(marks: Marks) -> Marks:
        return marks.with_undelete(at)

    keys = [Key(undelete.owner, fragment) for fragment in undelete.fragments]
    _log(holdings, keys, data, marked, LOG_LIMIT + _UNBURYING)
    restored, gone = 0, []
    for key in keys:
        with holdings.change(key) as found:
            kept = holdings.mark(key, found, marked(found.marks))
            whole = kept.whole
            if whole is None:
                gone.append(key.fragment)
            elif settle(whole, kept.marks) is Settling.RAISE:
                if not whole.damaged:  # what is coming in for it leads nowhere any more
                    kept = drop_incoming(holdings, kept)
                _move(holdings, kept, Place(raised_state(whole)))
                restored += 1
    return Unburied(restored, gone)


def _log(
    holdings: Holdings, keys: list[Key], data: bytes, marked: Callable[[Marks], Marks], limit: int
) -> None:
    """Writes a statement down, unless all that it says is known."""
    if all(marked(marks := holdings.index.kept(key).marks) == marks for key in keys):
        return
    if holdings.tombstones.size > limit:
        raise PiccoloError(
            Kind.EXHAUSTED,
            "LOG_FULL",
            "This keeper's log of deletions is full; its owner must look at it. Nothing was changed.",
        )
    holdings.tombstones.append(data)


def _bury_one(holdings: Holdings, kept: Kept) -> int:
    moved = 0
    whole = kept.whole
    if whole is not None:
        settling = settle(whole, kept.marks)
        if settling is Settling.BURY:
            kept = _move(holdings, kept, Place(State.TRASH, holdings.day()))
            moved = 1
        elif settling is Settling.PURGE:
            with holdings.moving():
                holdings.shelves.remove(whole.key, whole.place, lazily=True)
                kept = holdings.save(kept, None, kept.incoming)
            moved = 1
    if kept.incoming is not None and kept.marks.bury(kept.incoming.put):
        drop_incoming(holdings, kept)
    return moved


def _move(holdings: Holdings, kept: Kept, place: Place) -> Kept:
    if kept.whole is None:
        raise LookupError("a whole fragment was expected")
    moved = replace(kept.whole, place=place, since=holdings.clock.running())
    with holdings.moving():
        holdings.shelves.move(kept.whole.key, kept.whole.place, place, lazily=True)
        return holdings.save(kept, moved, kept.incoming)


def _check_purge(holdings: Holdings, owner: bytes, certificate: bytes) -> None:
    now = holdings.clock.running()
    if not may_purge(holdings.index.device_since(owner, certificate, now), now):
        raise PiccoloError(
            Kind.PRECONDITION,
            "PURGE_TOO_EARLY",
            "A newly recovered device may not delete for good within 45 days; bury without purging.",
        )
