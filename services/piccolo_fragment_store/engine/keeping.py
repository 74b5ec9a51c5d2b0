"""Whole fragments and their commit records: store, commit, renew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from piccolo_fragment_store.core import transitions
from piccolo_fragment_store.core.fragment import Fragment, Head, Kept, Key, Place, State, file_bytes
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.core.transitions import Keeping
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.puts import check_known, drop_incoming, without_busy

_LIVE: Final = Place(State.LIVE)


@dataclass(frozen=True, slots=True)
class Record:
    """A commit record and its place in the owner's order."""

    data: bytes
    order: Order


def store(
    holdings: Holdings, head: Head, blocks: bytes, root: bytes, record: Record, *, only_known: bool
) -> Fragment:
    """Keeps a whole fragment and commits it. Repeating it changes nothing.

    Raises PiccoloError CONFLICT (BURIED, OTHER_ROOT, SUPERSEDED), FULL (OFFER_FULL, DISK_FULL), INVALID
    (ROOT_MISMATCH, or as `BlockCutter.cut`), DENIED (MEMBER_LEAVING).
    """
    with holdings.change(head.key) as found:
        kept = without_busy(holdings, found, head)
        check_known(kept, only_known=only_known)
        keeping = transitions.store(head, root, record.order, kept)
        if keeping is Keeping.WRITE:
            return _write(holdings, kept, head, blocks, root, record)
        return _keep(holdings, kept, record, keeping)


def commit(holdings: Holdings, key: Key, root: bytes, record: Record) -> Fragment:
    """Makes a provisional fragment live. Repeating it changes nothing; a newer record replaces the older one.

    Raises PiccoloError NOT_FOUND (NO_FRAGMENT), PRECONDITION (NOT_WHOLE), CONFLICT (OTHER_ROOT, BURIED),
    DATA_LOSS (ROT), FULL (OFFER_FULL, DISK_FULL).
    """
    with holdings.change(key) as kept:
        return _keep(holdings, kept, record, transitions.commit(root, record.order, kept))


def renew(holdings: Holdings, key: Key, record: Record) -> Fragment:
    """Replaces a live fragment's commit record by a newer one. Repeating it changes nothing.

    Raises PiccoloError NOT_FOUND (NO_FRAGMENT), PRECONDITION (NOT_WHOLE, NOT_COMMITTED), CONFLICT (BURIED,
    SUPERSEDED), FULL (OFFER_FULL, DISK_FULL).
    """
    with holdings.change(key) as kept:
        return _keep(holdings, kept, record, transitions.renew(record.order, kept))


def _write(
    holdings: Holdings, kept: Kept, head: Head, blocks: bytes, root: bytes, record: Record
) -> Fragment:
    count = -(-len(blocks) // head.block_size)
    size = file_bytes(len(blocks), count, len(record.data))
    reservation = holdings.ledger.reserve(head.key.owner, size, heals=kept.whole is not None)
    try:
        now, created = holdings.clock.running(), holdings.clock.wall()
        whole = holdings.shelves.write(head, blocks, root, record.data, created=created, now=now)
        whole = replace(whole, place=_LIVE, record=record.order)
        return _placed(holdings, drop_incoming(holdings, kept), whole)
    finally:
        reservation.release()


def _placed(holdings: Holdings, kept: Kept, whole: Fragment) -> Fragment:
    """Moves a whole fragment to where it lives: over a damaged one, or instead of a buried one."""
    old, live = kept.whole, whole
    with holdings.moving():
        holdings.shelves.place(whole.key, _LIVE)
        if old is not None and old.place != _LIVE:
            holdings.shelves.remove(old.key, old.place)
        elif old is not None and old.record_size:
            live = holdings.shelves.describe(whole.key, _LIVE, whole.since)
        holdings.save(kept, live, None)
    return live


def _keep(holdings: Holdings, kept: Kept, record: Record, keeping: Keeping) -> Fragment:
    whole = kept.whole
    if whole is None:
        raise LookupError("a whole fragment was expected")
    if keeping is Keeping.SAME:
        return whole
    reservation = holdings.ledger.reserve_record(whole.key.owner, len(record.data))
    try:
        stamp = holdings.shelves.write_record(whole.key, record.data)
        now = replace(
            whole, place=_LIVE, record=record.order, record_size=len(record.data), record_stamp=stamp
        )
        with holdings.moving():
            # where the fragment is going: a crash before it follows leaves a record that stands for nothing
            holdings.shelves.place_record(whole.key, _LIVE)
            if keeping is Keeping.MOVE:
                holdings.shelves.move(whole.key, whole.place, _LIVE)
            holdings.save(kept, now, kept.incoming)
    finally:
        reservation.release()
    return now
