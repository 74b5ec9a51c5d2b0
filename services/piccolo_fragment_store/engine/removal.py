"""Members that go: what they may still do here, and when what they left here ends.

Rules:
* What counts is the roster as it was heard of last, and since when, in running time, this keeper has known
  each owner's standing. An owner that comes back in time finds everything: only its own tombstones, or its
  year, end what is live.
* Nothing ends while the circle is unknown or this keeper is no member of it, for then nobody tells it who
  came back; nor while the clock is not settled. Each fragment is looked at again under its key.
* A keeper that is leaving itself tells the owners of what lies here, by a signed notice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.keeping import NoticeKind

from piccolo_fragment_store.core import lifetimes
from piccolo_fragment_store.core.circle import Circle, Standing
from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.notices import Notices
from piccolo_fragment_store.engine.puts import drop_incoming
from piccolo_fragment_store.engine.waiting import until_any
from piccolo_fragment_store.ports import Workers

INTERVAL: Final = 300.0
_BATCH: Final = 500
_SERVING: Final = (Standing.ACTIVE, Standing.LEAVING)
_log = logging.getLogger(__name__)

Over = frozenset[bytes]


class Removal:
    """Looks after members that go, at each change of the circle and every five minutes.

    Args:
        holdings: what is kept.
        notices: what owners are told.
        circle: the circle as it was heard of last.
        told: hears of whose time to be served is over, in the event loop, after each look.
    """

    def __init__(
        self,
        holdings: Holdings,
        notices: Notices,
        circle: Callable[[], Circle | None],
        told: Callable[[Over], None],
    ) -> None:
        self._holdings, self._notices = holdings, notices
        self._circle, self._told = circle, told
        self._due = asyncio.Event()

    async def run(self, workers: Workers, stopping: asyncio.Event) -> None:
        """Looks until the process stops."""
        while not stopping.is_set():
            self._due.clear()
            try:
                self._told(await workers.run(self.look))
            except PiccoloError as failed:
                told = fields(reason=failed.reason)
                _log.warning("members that go could not be looked after, trying again", extra=told)
            await until_any(INTERVAL, self._due, stopping)

    def circle_changed(self) -> None:
        """The circle is another one: it is looked at now."""
        self._due.set()

    def look(self) -> Over:
        """Notes each owner's standing, ends what is due, and returns whose time to be served is over."""
        circle, holdings = self._circle(), self._holdings
        if circle is None or circle.standing(circle.self_owner) not in _SERVING:
            return frozenset()
        kept = {*holdings.ledger.owners()}
        now = holdings.clock.running()
        over: set[bytes] = set()
        for owner in sorted({*circle.owners, *kept} - {circle.self_owner}):
            standing = circle.standing(owner)
            since = holdings.index.standing_since(owner, standing, now)
            if lifetimes.service_ends(standing, since, now):
                over.add(owner)
            if owner in kept and lifetimes.life_ends(standing, since, now) and holdings.clock.settled():
                self._end(owner)
        if circle.standing(circle.self_owner) is Standing.LEAVING:
            self._notices.give(NoticeKind.LEAVING, sorted(kept), lifetimes.SERVED_SECONDS)
        return frozenset(over)

    def _end(self, owner: bytes) -> None:
        ended, after = 0, b""
        while ids := self._holdings.index.page(owner, after, _BATCH):
            ended += sum(self._end_one(Key(owner, each)) for each in ids)
            after = ids[-1]
        self._holdings.shelves.flush()
        told = fields(owner=owner.hex(), fragments=ended)
        _log.warning("an owner was removed a year ago; what it had here has ended", extra=told)

    def _end_one(self, key: Key) -> bool:
        holdings = self._holdings
        with holdings.change(key) as found:
            circle = self._circle()
            if circle is None or circle.standing(key.owner) is Standing.ACTIVE:
                return False  # it came back this moment
            kept = drop_incoming(holdings, found)
            if kept.whole is not None:
                with holdings.moving():
                    holdings.shelves.remove(key, kept.whole.place, lazily=True)
                    holdings.save(kept, None, kept.incoming)
        return True


def with_over(circle: Circle, over: Over) -> Circle:
    """The circle with those whose time to be served is over."""
    return circle if circle.over == over else replace(circle, over=over)
