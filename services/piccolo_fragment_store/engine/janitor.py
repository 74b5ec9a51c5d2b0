"""What ends by its age.

Rules:
* Ages are running time, and nothing ends while the clock is not settled.
* Each fragment is looked at again under its key before it goes: an undelete or a claim may have come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_fragment_store.core import lifetimes
from piccolo_fragment_store.core.fragment import Fragment, Kept, Key, Place, State
from piccolo_fragment_store.core.transitions import Settling, settle
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.puts import drop_incoming
from piccolo_fragment_store.ports import Workers

INTERVAL: Final = 300.0
_BATCH: Final = 500
_FIRST: Final = Key(b"", b"")
_log = logging.getLogger(__name__)


async def run(holdings: Holdings, workers: Workers, stopping: asyncio.Event) -> None:
    """Writes down the running time and ends what is due, every five minutes, until the process stops."""
    while not stopping.is_set():
        try:
            ended = await workers.run(sweep, holdings)
            if ended:
                _log.info("fragments ended by their age", extra=fields(fragments=ended))
        except PiccoloError as failed:
            _log.warning("the sweep failed, the next one tries again", extra=fields(reason=failed.reason))
        try:
            async with asyncio.timeout(INTERVAL):
                await stopping.wait()
        except TimeoutError:
            continue


def sweep(holdings: Holdings) -> int:
    """One round; returns how many fragments ended."""
    holdings.clock.tick()
    holdings.shelves.flush()
    if not holdings.clock.settled():
        return 0
    ended = _empty_trash(holdings) + _end_provisional(holdings) + _end_incoming(holdings)
    holdings.shelves.flush()
    return ended


def _empty_trash(holdings: Holdings) -> int:
    now, ended = holdings.clock.running(), 0
    for day in holdings.shelves.trash_days():
        if lifetimes.trash_ends(day, now):
            ended += sum(_purge(holdings, due) for due in _aging(holdings, Place(State.TRASH, day), now))
            holdings.shelves.remove_trash_folder(day)
    return ended


def _end_provisional(holdings: Holdings) -> int:
    now = holdings.clock.running()
    due = _aging(holdings, Place(State.PROVISIONAL), lifetimes.provisional_due(now))
    return sum(_end(holdings, each, now) for each in due)


def _end_incoming(holdings: Holdings) -> int:
    due, ended = lifetimes.incoming_due(holdings.clock.running()), 0
    for half in holdings.index.incoming_before(due, _BATCH):
        with holdings.change(half.key) as kept:
            if kept.incoming is not None and kept.incoming.since <= due and half.key not in holdings.busy:
                drop_incoming(holdings, kept)
                ended += 1
    return ended


def _aging(holdings: Holdings, place: Place, before: int) -> Iterator[Fragment]:
    after = _FIRST
    while found := holdings.index.aging(place, before, after, _BATCH):
        yield from found
        after = found[-1].key


def _purge(holdings: Holdings, due: Fragment) -> int:
    with holdings.change(due.key) as kept:
        whole = kept.whole
        if whole is None or whole.place != due.place or settle(whole, kept.marks) is Settling.RAISE:
            return 0
        _remove(holdings, kept, whole)
    return 1


def _end(holdings: Holdings, due: Fragment, now: int) -> int:
    with holdings.change(due.key) as kept:
        whole, inventory = kept.whole, holdings.index.inventory(due.key.owner)
        if whole is None or whole.state is not State.PROVISIONAL:
            return 0
        if not lifetimes.provisional_ends(whole.since, inventory, now):
            return 0
        _remove(holdings, kept, whole)
    return 1


def _remove(holdings: Holdings, kept: Kept, whole: Fragment) -> None:
    with holdings.moving():
        holdings.shelves.remove(whole.key, whole.place, lazily=True)
        holdings.save(kept, None, kept.incoming)
