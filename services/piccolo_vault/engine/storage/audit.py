"""Reads random blocks now and then, so that a member that lost something is found before a file needs it.

Rules:
* An audit is a ranged Get of one block, checked to the root, like the reads of a file; nothing tells it
  apart, and it keeps no rhythm. It works on ciphertext, so a locked device audits too.
* A day's blocks are drawn in one walk over all objects, as many for each member, and spread over the day
  within the budget of requests and bytes.
* Who cannot be reached has not failed: absence is looked after elsewhere. Who has not what the layout in
  force says, or shows anything else, has: it is noted once, and queued for repair as a check would.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage import auditing
from piccolo_vault.core.storage.auditing import Draw, Drawn
from piccolo_vault.core.storage.manifests import read_layout

if TYPE_CHECKING:
    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.check import Checker
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.engine.storage.figures import KeptFigures

_HAS_NOT = frozenset({Kind.DATA_LOSS, Kind.NOT_FOUND, Kind.OUT_OF_RANGE})
_log = logging.getLogger(__name__)


class Auditor:
    """Audits members, one block after the other."""

    def __init__(self, context: Context, fetcher: Fetcher, checker: Checker, figures: KeptFigures) -> None:
        self._context, self._fetcher = context, fetcher
        self._checker, self._figures = checker, figures

    async def run(self) -> None:
        """Audits until cancelled."""
        if not self._context.settings.audit_requests:
            return
        while True:
            await self._rest(0)
            for drawn in await self._plan():
                await self._rest(await self._audit(drawn))

    async def plan(self) -> list[Drawn]:
        """Draws the next day's blocks, in the order in which they are read. Raises what metadata raises."""
        peers = self._context.peers
        members = [m.owner_id for m in peers.circle().members if m.standing is not Standing.COMPROMISED]
        each = min(self._context.settings.audit_requests // max(1, len(members)), auditing.MOST_BLOCKS)
        draws = {owner: Draw(max(1, each), self._random) for owner in members}
        token = ""
        while True:
            page, token = await self._context.objects.list_objects(page_token=token)
            for stored in page:
                layout = read_layout(stored.layout)
                blocks = layout.plan().count
                for index, owner in enumerate(layout.keepers):
                    if owner in draws and index not in stored.missing:
                        draws[owner].add(layout.object_id, index, blocks)
            if not token:
                break
        drawn = [block for draw in draws.values() for block in draw.drawn]
        return sorted(drawn, key=lambda _: self._random())

    async def audit(self, drawn: Drawn) -> int:
        """Reads a block; returns how many bytes it had, 0 when there was nobody to ask.

        Raises what metadata raises.
        """
        stored = await self._context.objects.get_object(drawn.object_id)
        layout = read_layout(stored.layout)
        owner = layout.keepers[drawn.index] if drawn.index < layout.m else None
        if owner is None or drawn.index in stored.missing or self._context.peers.is_away(owner):
            return 0
        try:
            await self._fetcher.fetch_one(layout, drawn.index, range(drawn.block, drawn.block + 1))
        except PiccoloError as error:
            if error.kind in _HAS_NOT or error.reason == "KEEPER_WRONG":
                await self._failed(owner, layout, stored.layout, drawn, error)
            return 0
        self._figures.audited(owner, good=True)
        return layout.plan().block_length(drawn.block)

    async def _failed(
        self, owner: bytes, layout: Layout, signed: bytes, drawn: Drawn, error: PiccoloError
    ) -> None:
        stored = await self._context.objects.get_object(drawn.object_id)
        if stored.layout != signed:
            return  # it was moved or repaired meanwhile
        self._figures.audited(owner, good=False)
        self._fetcher.distrust.add(layout.fragment_id(drawn.index))
        told = fields(
            member=self._context.peers.name(owner), object=drawn.object_id.hex(), reason=error.reason
        )
        _log.warning("an audit found that a member has not what it was given", extra=told)
        await self._checker.ask_about([stored])
        await self._figures.keep()

    async def _plan(self) -> list[Drawn]:
        try:
            return await self.plan()
        except PiccoloError as error:
            level = logging.INFO if error.reason in ("NO_CIRCLE", "NOT_SET_UP") else logging.WARNING
            _log.log(level, "audits wait", extra=fields(reason=error.reason))
            return []

    async def _audit(self, drawn: Drawn) -> int:
        try:
            return await self.audit(drawn)
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:  # an object that was deleted meanwhile
                _log.warning("an audit failed", extra=fields(reason=error.reason))
            return 0

    async def _rest(self, size: int) -> None:
        settings = self._context.settings
        await asyncio.sleep(
            auditing.pause(settings.audit_requests, settings.audit_bytes, size, self._random())
        )

    def _random(self) -> float:
        return int.from_bytes(self._context.random(6)) / 2**48
