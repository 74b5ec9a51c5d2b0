"""Writes sparse and small packs anew, as core/storage/compaction.py says.

Rules:
* Sealed segments are copied as they are: no file is opened, none gets another key. The new pack has a key of
  its own, whose wrapping needs the KEK, and the old pack's end needs the owner root: so a locked device
  compacts nothing. What is lost by that is room, never a file.
* The new pack goes the way of every write (engine/storage/completion.py): intent, keepers, promise, one
  transaction that lets its versions lie there, history and trash included. What changed meanwhile stays
  where it is. Cut off anywhere, the intent is rolled forward or withdrawn like any other.
* The old pack stays until nothing lies in it; metadata tells when a backup names the new one, and only then
  it is buried. Who found a version in it before the transaction still reads it there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage import compaction
from piccolo_vault.core.storage.packing import plan_pack
from piccolo_vault.engine.storage.pace import Pace

if TYPE_CHECKING:
    from piccolo_vault.core.storage.compaction import Group
    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.intents import Intents
    from piccolo_vault.engine.storage.repacking import Piece, Repacker
    from piccolo_vault.ports.objects import PackUse

_log = logging.getLogger(__name__)


class Compactor:
    """Compacts packs, one new pack at a time."""

    def __init__(self, context: Context, repacker: Repacker, intents: Intents, burial: Burial) -> None:
        self._context, self._repacker = context, repacker
        self._intents, self._burial = intents, burial
        self._pace = Pace(context, context.settings.compact_bytes_a_day)
        self._rest_until = float("-inf")

    async def round(self) -> int:
        """Compacts what pays as long as it may; returns how many packs were written anew.

        Raises PiccoloError: what metadata raises, and what stands in the way of a write.
        """
        done = 0
        if not self._burial.may_bury() or self._context.now() < self._rest_until:
            return done
        groups = compaction.groups(await self._packs())
        if not groups:  # all packs were counted for nothing: not again so soon
            self._rest_until = self._context.now() + self._context.settings.compact_seconds
        for group in groups:
            if not self._pace.ready() or not self._burial.may_bury():
                break
            try:
                done += await self.compact(group)
            except PiccoloError as error:
                # what cannot be read or written now is looked at again in the next round
                told = fields(packs=len(group.object_ids), reason=error.reason, why=error.message)
                _log.info("compaction postponed", extra=told)
        return done

    async def compact(self, group: Group) -> int:
        """Writes a new pack of what is kept in these; returns how many of them it replaces.

        Raises PiccoloError: what reading the old ones and writing a small file raise.
        """
        await self._intents.ensure_settled()
        pieces: list[Piece] = []
        for object_id in group.object_ids:
            pieces += await self._repacker.pieces(object_id)
        plan, _ = plan_pack(pieces)
        if not plan.files:
            return 0
        size, _ = await self._repacker.put(plan)
        await self._pace.spent(size)
        self._context.repairs_due.set()  # what is empty now can be buried as soon as a backup says so
        told = fields(packs=len(group.object_ids), files=len(plan.files), before=group.size, after=size)
        _log.info("packs compacted", extra=told)
        return len(group.object_ids)

    async def _packs(self) -> list[PackUse]:
        packs, token = await self._context.objects.list_packs()
        found = list(packs)
        while token:
            packs, token = await self._context.objects.list_packs(token)
            found += packs
        return found
