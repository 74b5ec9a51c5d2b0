"""Follows the circle as attestation tells it.

Rules:
* The circle is told anew at each change and kept, so that a restart without attestation still serves members.
* This process's keys, address and offer are registered whenever attestation (re)appears.
* Attestation being away is not a failure: what was heard last goes on, and is tried again. One that is silent
  is asked anew every quarter of an hour: a silence without news looks like one without life.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.lifetimes import known_since
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.ports import CircleStore, Trust, Workers

Changed = Callable[[Circle], None]
_SHORTEST: Final = 0.2
_LONGEST: Final = 15.0
_ANEW: Final = 900.0
_log = logging.getLogger(__name__)


class Membership:
    """The circle as it was heard of last. `changed` is told of each one, in the event loop."""

    def __init__(self, trust: Trust, kept: CircleStore, workers: Workers, changed: Changed) -> None:
        self._trust, self._kept, self._workers = trust, kept, workers
        self._changed = changed
        self.circle: Circle | None = None

    async def load(self) -> None:
        """Takes the circle that was kept before this start, if there is one."""
        circle = await self._workers.run(self._kept.load)
        if circle is not None:
            self._take(circle)

    async def follow(self, endpoint: str, offer_bytes: int) -> None:
        """Registers and listens, for ever."""
        pause = _SHORTEST
        while True:
            try:
                await self._trust.register(endpoint, offer_bytes)
                _log.info("registered at attestation", extra=fields(endpoint=endpoint, offer=offer_bytes))
                pause = _SHORTEST
                async with asyncio.timeout(_ANEW):
                    await self._listen()
            except TimeoutError:
                continue
            except PiccoloError as away:
                told = fields(reason=away.reason, seconds=pause)
                _log.warning("attestation cannot be reached, trying again", extra=told)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    async def _listen(self) -> None:
        async for circle, raw in self._trust.watch():
            self._take(circle)  # first: who was removed is out, also when the disk is full
            await self._keep(raw)

    async def _keep(self, raw: bytes) -> None:
        try:
            await self._workers.run(self._kept.save, raw)
        except PiccoloError as failed:
            told = fields(reason=failed.reason)
            _log.warning("the circle could not be kept for the next start", extra=told)

    def _take(self, circle: Circle) -> None:
        self.circle = circle
        told = fields(members=circle.members, admissions=len(circle.admissions))
        _log.info("the circle is known", extra=told)
        self._changed(circle)


def note_devices(holdings: Holdings, circle: Circle) -> None:
    """Remembers since when each owner's device is known here: a new one may not purge for a while.

    A device is known by its vault's certificate, which new words do not change. An owner's first one is that
    of the first generation, alone, when nothing is known of the owner yet.
    """
    now, index = holdings.clock.running(), holdings.index
    for owner, found in circle.vaults().items():
        known = circle.owners.get(owner)
        begins = known is not None and (known.continues or known.generation) <= 1
        first = begins and len(found) == 1 and not index.knows_devices(owner)
        for certificate in found:
            index.device_since(owner, certificate, known_since(now, first=first))
