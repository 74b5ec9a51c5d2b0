"""Moves fragments away from members that asked for it, or that go.

Rules:
* A move is the repairer's work: the new keeper first, then the layout, and with it the old copy's tombstone.
  What finds no new keeper stays where it is.
* What lies with a member that goes moves on a locked device too: the old copies end at the stock-taking after
  the next unlock. A member that wants room gains nothing by that, so what it asks for waits for the unlock.
* What is asked for is moved evenly (core/storage/notices.py); what lies with a member that goes, at once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.keeping import NoticeKind

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage import notices
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.spreading import Move, next_leaving
from piccolo_vault.engine.storage.survey import held_known

if TYPE_CHECKING:
    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.core.circle import Member
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.repair import Repairer
    from piccolo_vault.ports.objects import StoredObject

_PAGE = 50
_MOST_REFUSED = 20
_MOST_A_ROUND = 1_000
_log = logging.getLogger(__name__)


class Mover:
    """Obeys notices, and empties members that go."""

    def __init__(self, context: Context, burial: Burial, repairer: Repairer) -> None:
        self._context, self._burial, self._repairer = context, burial, repairer
        self._stuck: dict[bytes, bool] = {}
        self._tokens: dict[bytes, str] = {}
        self._last = context.now()

    def is_stuck(self, owner: bytes) -> bool:
        """Whether nobody took what was to leave a member, when that was last tried."""
        return self._stuck.get(owner, False)

    async def round(self) -> None:
        """Moves what is due. Raises what metadata raises."""
        now = self._context.now()
        interval = max(now - self._last, self._context.settings.move_seconds)
        self._last = now
        for member in self._context.peers.circle().members:
            wanted = self._wanted(member, interval)
            if wanted is None:
                self._stuck.pop(member.owner_id, None)
            elif wanted > 0 and not self._context.peers.is_away(member.owner_id):
                await self._empty(member.owner_id, wanted)

    def _wanted(self, member: Member, interval: float) -> float | None:
        """How many bytes to move off a member now; None when it asks for nothing."""
        if member.standing in (Standing.LEAVING, Standing.EXPELLED):
            return float("inf")
        room = self._context.peers.sight(member.owner_id).room
        if room is None:
            return None
        own, now = self._context.keyring.owner_id(), self._context.now()
        asked = notices.in_force(member, own, room.notices, now)
        if not asked:
            return None
        if asked[0].kind is NoticeKind.LEAVING:
            return float("inf")
        return notices.due(room.beyond_bytes, asked[0], now, interval) if self._burial.may_bury() else 0.0

    async def _empty(self, owner: bytes, wanted: float) -> None:
        token = self._tokens.get(owner, "")
        moved = refused = done = 0
        while moved < wanted and refused < _MOST_REFUSED and done < _MOST_A_ROUND:
            page, token = await self._context.objects.list_objects(
                keeper=owner, page_token=token, page_size=_PAGE
            )
            for stored in page:
                if moved < wanted:
                    size = await self._move_off(owner, stored)
                    moved, refused, done = moved + size, refused + (not size), done + 1
            if not token:
                break
        # what nobody took must not stand in the way of the rest the next time
        self._tokens[owner] = token if refused >= _MOST_REFUSED else ""
        self._stuck[owner] = bool(refused) and not moved
        if moved:
            await self._burial.deliver()
        told = fields(member=self._context.peers.name(owner), bytes=moved, refused=refused)
        _log.info("fragments moved away from a member", extra=told)

    async def _move_off(self, owner: bytes, stored: StoredObject) -> int:
        """Moves one object's fragments off a member; returns how many bytes that were."""
        objects, moved = self._context.objects, 0
        try:
            while move := self._next(owner, stored, layout := read_layout(stored.layout)):
                if not await self._repairer.move(stored, move.index, move.target):
                    break
                moved += layout.plan().fragment_size
                await asyncio.sleep(self._context.settings.repair_pause)
                stored = await objects.get_object(stored.object_id)
        except PiccoloError as error:
            _log.info("not moved", extra=fields(object=stored.object_id.hex(), reason=error.reason))
        return moved

    def _next(self, owner: bytes, stored: StoredObject, layout: Layout) -> Move | None:
        context, code = self._context, Code(layout.k, layout.m)
        held = held_known(context, layout, stored.missing)
        goal, subtrees = context.promise(code, at_risk=False), context.peers.circle().subtrees
        refused = self._repairer.refused_by(layout.object_id)
        for without in ({owner} | refused, {owner}):  # who did not take it once is better than nobody
            candidates = context.peers.targets(layout.plan().fragment_size, without=without)
            if move := next_leaving(layout.object_id, code, held, owner, candidates, goal, subtrees):
                return move
        return None
