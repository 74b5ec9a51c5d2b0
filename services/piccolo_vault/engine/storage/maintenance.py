"""What runs by itself: members are looked after, the repair queue is worked off, tombstones are sent.

Rules:
* Everything waits for an event or a time; nothing spins. A failure is logged and tried again at the next one.
* A member counts as away once it has been silent for a while: then what lies with it is queued, each object
  by its own urgency. One that comes back gets its tombstones, and what was queued for its sake finds
  nothing to do.
* What waits in the queue for a time is looked at anew at each start and when the wall clock was set: the
  time may have been written down by a clock that was ahead.
* One repair at a time, with a rest between two, so that healing never takes the device from its owner.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage import urgency
from piccolo_vault.core.storage.stepping import Stepping
from piccolo_vault.engine.storage.nursery import gather, nursery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.check import Checker
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.intents import Intents
    from piccolo_vault.engine.storage.inventory import Inventory
    from piccolo_vault.engine.storage.renewal import Renewal
    from piccolo_vault.engine.storage.repair import Repaired, Repairer
    from piccolo_vault.ports.keyring import CircleSource
    from piccolo_vault.ports.objects import Repair

_LOOK_SECONDS = 5.0
_BURST_SECONDS = 1.0
_QUEUE_PAGE = 64
_log = logging.getLogger(__name__)


class Maintenance:
    """The background work of the way of a file."""

    def __init__(
        self,
        context: Context,
        source: CircleSource,
        intents: Intents,
        checker: Checker,
        repairer: Repairer,
        burial: Burial,
        inventory: Inventory,
        renewal: Renewal,
    ) -> None:
        self._context, self._source, self._intents = context, source, intents
        self._checker, self._repairer, self._burial = checker, repairer, burial
        self._inventory, self._renewal = inventory, renewal
        self._queued: set[bytes] = set()
        self._members: frozenset[bytes] = frozenset()
        self._loaded = self._unsettled = False
        self._eager = True
        self._clock: Stepping | None = None
        self._repairing = asyncio.Lock()

    async def run(self) -> None:
        """Works until cancelled."""
        async with nursery() as children:
            children.spawn(self._watch_circle())
            children.spawn(self._look_regularly())
            await self._work()

    async def repair_due(self, *, impatient: bool) -> tuple[int, int]:
        """Works the queue off now; returns (objects repaired, objects that wait).

        `impatient`: all that is in it, whether or not its time has come.

        Raises PiccoloError when metadata does not answer.
        """
        repaired, done = 0, set[bytes]()
        while True:
            queue, total = await self._context.objects.list_repairs(due=not impatient, page_size=_QUEUE_PAGE)
            fresh = [each for each in queue if each.object_id not in done]
            if not fresh:
                return repaired, total
            for each in fresh:
                done.add(each.object_id)
                repaired += await self._repair(each, impatient=impatient)
                await asyncio.sleep(self._context.settings.repair_pause)

    async def look_at_all(self) -> None:
        """Asks every member how it is, and queues what lies with those that are away."""
        if not self._loaded:
            await self._context.peers.load()
            self._loaded = True
        owners = [member.owner_id for member in self._context.peers.circle().members]
        work = {
            number: partial(self._context.peers.look, owner, _LOOK_SECONDS)
            for number, owner in enumerate(owners)
            if not self._context.peers.is_gone(owner)
        }
        await gather(work)
        await self._context.peers.save()
        await self._queue_lost(frozenset(owners))
        await self._burial.deliver()

    def heed_clock(self, monotonic: float) -> None:
        """Notices when the wall clock was set since the last time. `monotonic`: of one that cannot."""
        now = self._context.now()
        clock = self._clock = self._clock or Stepping(now, monotonic)
        if step := clock.seen(now, monotonic):
            _log.warning("the wall clock was set", extra=fields(by=round(step)))
            self._context.peers.clock_stepped(step)
            self._eager = True
            self._context.repairs_due.set()

    async def _queue_lost(self, members: frozenset[bytes]) -> None:
        peers, now = self._context.peers, self._context.now()
        away = {
            o for o, since in peers.away().items() if now - since >= self._context.settings.settle_seconds
        }
        gone = self._members - members
        lost = away | gone | {owner for owner in members if peers.is_gone(owner)}
        if members - self._members and self._members:
            self._eager = True  # a new member may take what had nowhere to go
        for owner in lost - self._queued:
            count = await self._checker.queue_keeper(owner)
            _log.info("repairs queued", extra=fields(member=peers.name(owner), objects=count))
        if self._queued - lost or self._eager:
            self._context.repairs_due.set()
            self._context.chores_due.set()
        self._queued, self._members = set(lost), members
        self._unsettled = bool(peers.away().keys() - away)

    async def _look_regularly(self) -> None:
        changed, settings = self._context.peers.changed, self._context.settings
        while True:
            changed.clear()
            self.heed_clock(asyncio.get_running_loop().time())
            await self._safely("look", self.look_at_all)
            pause = max(settings.settle_seconds, _BURST_SECONDS) if self._unsettled else settings.look_seconds
            try:
                async with asyncio.timeout(pause):
                    await changed.wait()
                    # a burst of failures, a roster that is being rewritten: look once, when it is over
                    await asyncio.sleep(min(_BURST_SECONDS, settings.settle_seconds))
            except TimeoutError:
                continue

    async def _watch_circle(self) -> None:
        while True:
            await self._source.changed()
            self._context.peers.changed.set()

    async def _work(self) -> None:
        while True:
            self._context.repairs_due.clear()
            await self._safely("intents", partial(self._intents.settle, final=False))
            await self._safely("inventory", self._inventory.reconcile)
            await self._safely("renewal", self._renewal.renew)
            await self._safely("repair", self._repair_round)
            await self._safely("reclaim", self._reclaim)
            try:
                async with asyncio.timeout(self._context.settings.look_seconds):
                    await self._context.repairs_due.wait()
            except TimeoutError:
                continue

    async def _repair_round(self) -> None:
        eager, self._eager = self._eager, False
        if eager:
            await self._hurry()
        await self.repair_due(impatient=False)

    async def _hurry(self) -> None:
        """Makes due what waits for another try."""
        queue, _ = await self._context.objects.list_repairs(due=False, page_size=1000)
        for each in queue:
            if each.margin <= urgency.URGENT_MARGIN or each.tries:
                await self._context.objects.finish_repair(each.object_id, self._context.time())

    async def _reclaim(self) -> None:
        if await self._burial.reclaim():
            await self._burial.deliver()

    async def _repair(self, repair: Repair, *, impatient: bool) -> bool:
        async with self._repairing:
            try:
                outcome = await self._repairer.repair(
                    repair.object_id, tries=repair.tries, impatient=impatient
                )
            except PiccoloError as error:
                return await self._postpone(repair, error)
        again = None if outcome.again_at is None else int(outcome.again_at)
        await self._context.objects.finish_repair(repair.object_id, again)
        return _healed(outcome)

    async def _postpone(self, repair: Repair, error: PiccoloError) -> bool:
        if error.kind is Kind.NOT_FOUND and error.reason != "FRAGMENT_MISSING":
            await self._context.objects.finish_repair(repair.object_id)  # deleted meanwhile
            return False
        _log.warning(
            "repair postponed",
            extra=fields(object=repair.object_id.hex(), reason=error.reason, why=error.message),
        )
        at = int(urgency.retry_at(repair.tries, self._context.now()))
        await self._context.objects.finish_repair(repair.object_id, at)
        return False

    async def _safely(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except PiccoloError as error:
            level = logging.INFO if error.reason in ("NO_CIRCLE", "NOT_SET_UP") else logging.WARNING
            _log.log(
                level,
                "background work failed",
                extra=fields(work=what, reason=error.reason, why=error.message),
            )


def _healed(outcome: Repaired) -> bool:
    return outcome.rebuilt > 0 or outcome.again_at is None
