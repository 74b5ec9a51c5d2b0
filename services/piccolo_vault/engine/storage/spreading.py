"""Brings fragments to where they should be, when members come, fill up or return.

Rules:
* What should move where is core/storage/spreading.py's to say; a move is the repairer's work: the new keeper
  first, then the layout, then the old copy's end.
* Two fragments at one member, and too many under one subtree, do not wait for the allowance and move on a
  locked device too: the old copy then stays until the next stock-taking. Everything else waits for quiet, for
  the allowance, and for the owner root that can end what is left behind.
* What is to leave a member is moved by engine/storage/moving.py, which asks nobody else's objects.
* Files are coded for the present circle, or for what the owner set since, when the circle has stayed the same
  for a while; those that would not survive one loss do not wait.
* While words are exposed nothing is coded anew here: every file is sealed anew, for the present circle.
* All objects are walked when members came or went or the vault was unlocked, and else once a day.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage import placement, promise, spreading
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.placement import Candidate
from piccolo_vault.engine.storage.pace import Pace
from piccolo_vault.engine.storage.survey import held_known

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.recoding import Recoder
    from piccolo_vault.engine.storage.repair import Repairer
    from piccolo_vault.ports.keyring import Exposure
    from piccolo_vault.ports.objects import StoredObject

_PAGE = 100
_log = logging.getLogger(__name__)


class Spreader:
    """Walks all objects and moves what pays."""

    def __init__(
        self, context: Context, repairer: Repairer, recoder: Recoder, burial: Burial, exposure: Exposure
    ) -> None:
        self._context, self._repairer, self._recoder, self._burial = context, repairer, recoder, burial
        self._exposure = exposure
        self._pace = Pace(context, context.settings.spread_bytes_a_day)
        self._done_with: object = None
        self._done_at = float("-inf")
        self._devices, self._since = 0, context.now()

    async def round(self) -> int:
        """Moves what pays now; returns how many fragments moved and objects were coded anew.

        Raises PiccoloError: what metadata raises, and MEMBERS_UNHEARD after a restore.
        """
        await self._recoder.clear_up()
        code, moved, left = await self._code(), 0, False
        ready = frozenset(each.owner_id for each in self._context.peers.candidates())
        settled, day = self._stayed(), self._context.settings.stock_seconds
        world = (ready, code, settled, self._burial.may_bury())
        if world == self._done_with and self._context.now() - self._done_at < day:
            return 0
        async for stored in self._objects():
            try:
                count, waits = await self._spread(stored, code if settled else None, code)
            except PiccoloError as error:
                if error.kind is Kind.NOT_FOUND:
                    continue  # deleted or emptied meanwhile
                told = fields(object=stored.object_id.hex(), reason=error.reason, why=error.message)
                _log.info("spreading postponed", extra=told)
                count, waits = 0, True
            moved, left = moved + count, left or waits
        if moved:
            await self._burial.deliver()
            _log.info("fragments spread", extra=fields(moved=moved))
        if not left:
            self._done_with, self._done_at = world, self._context.now()
        return moved

    async def _code(self) -> Code | None:
        """The code of new objects; None while none can be had: the circle is too small, or what was set."""
        try:
            return await self._context.code()
        except PiccoloError as error:
            if error.reason not in ("NO_KEEPERS", "TWO_DEVICES", "REDUNDANCY"):
                raise
            return None

    def _stayed(self) -> bool:
        """Whether the circle has had its present size for a while."""
        devices = self._context.peers.devices()
        if devices != self._devices:
            self._devices, self._since = devices, self._context.now()
        return self._context.now() - self._since >= self._context.settings.spread_seconds

    async def _objects(self) -> AsyncIterator[StoredObject]:
        token = ""
        while True:
            page, token = await self._context.objects.list_objects(page_token=token, page_size=_PAGE)
            for stored in page:
                await asyncio.sleep(0)  # reading a layout takes a moment, and others wait for the loop
                yield stored
            if not token:
                return

    async def _spread(
        self, stored: StoredObject, code: Code | None, urgent_code: Code | None
    ) -> tuple[int, bool]:
        """Spreads one object; returns how much was done, and whether something waits."""
        layout = read_layout(stored.layout)
        held = held_known(self._context, layout, stored.missing)
        at_risk = promise.survived(held, layout.k) < 1
        wanted = urgent_code if at_risk else code
        present = Code(layout.k, layout.m)
        if wanted not in (None, present):
            done = await self._recode(stored, layout, held, wanted, urgent=at_risk)
            if done is not None:
                return done, not done
        return await self._move(stored, layout, held, balance=urgent_code in (None, present))

    async def _recode(
        self, stored: StoredObject, layout: Layout, held: Sequence[bytes | None], code: Code, *, urgent: bool
    ) -> int | None:
        """None: it cannot be coded so for now; 0: it waits; 1: done."""
        goal = self._context.promise(code, at_risk=False)
        candidates = self._context.peers.candidates(-(-layout.size // code.k))
        if not self._burial.may_bury() or self._exposure.exposed_through():
            return None
        subtrees = self._context.peers.circle().subtrees
        keepers = placement.place(layout.object_id, candidates, code, goal, subtrees)
        # only when all of it finds a place of its own: what is not placed now would be coded anew for nothing
        if len(set(keepers) - {None}) < code.m:
            return None
        if promise.survived(keepers, code.k) < promise.survived(held, layout.k):
            return None  # who wishes for less gets it for new files; what is stored keeps its promise
        if not urgent and not self._pace.ready():
            return 0
        if not await self._recoder.recode(stored, code, keepers):
            return 0
        await self._pace.spent(-(-layout.size // code.k) * code.m)
        return 1

    async def _move(
        self, stored: StoredObject, layout: Layout, held: Sequence[bytes | None], *, balance: bool
    ) -> tuple[int, bool]:
        """`balance`: also for balance, which is in vain for what is soon coded anew."""
        peers, code, size = self._context.peers, Code(layout.k, layout.m), layout.plan().fragment_size
        moved, held = 0, list(held)
        weights, subtrees = {each.owner_id: each for each in self._weights()}, peers.circle().subtrees
        ready = [each.owner_id for each in peers.candidates(size)]
        while move := spreading.next_move(layout.object_id, code, held, weights, ready, subtrees):
            if not move.urgent and not balance:
                break
            if not move.urgent and not (self._pace.ready() and self._burial.may_bury()):
                return moved, True
            if not await self._repairer.move(stored, move.index, move.target):
                return moved, True
            await self._pace.spent(size)
            held[move.index], moved = move.target, moved + 1
            stored = await self._context.objects.get_object(stored.object_id)
        return moved, False

    def _weights(self) -> list[Candidate]:
        """What each member has for this owner, free or used, its trash too: a move changes no weight."""
        peers, found = self._context.peers, []
        for member in peers.circle().members:
            if member.standing is Standing.ACTIVE:
                sight = peers.sight(member.owner_id)
                free = member.offer_bytes if sight.free_bytes is None else sight.free_bytes
                found.append(Candidate(member.owner_id, free + sight.owner_bytes, sight.availability))
        return found
