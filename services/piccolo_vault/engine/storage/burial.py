"""Fragments' end: the owner root signs, metadata queues, keepers bury.

Rules:
* Only the unlocked owner root ends what is committed; a locked device leaves it for later.
* The tombstone is queued durably before the first keeper hears of it, and stays so until each has
  acknowledged.
* After a recovery nothing is buried until the inventories were reconciled (`Keyring.may_bury`).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.keeping import Tombstone
from piccolo_formats.signed import open_signed, sign

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.ports.objects import Burying

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.keepers import Keeper

_OBJECTS_AT_ONCE = 200
_BURY_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Burial:
    """Signs, queues and sends tombstones."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def may_bury(self) -> bool:
        """Returns whether tombstones can be signed and sent now."""
        if not self._context.keyring.may_bury():
            return False
        try:
            self._context.keyring.kek()
        except PiccoloError:
            return False
        return True

    async def reclaim(self) -> int:
        """Buries all objects that no kept version needs; returns how many."""
        buried = 0
        while self.may_bury():
            stored = await self._context.objects.list_reclaimable(_OBJECTS_AT_ONCE)
            if not stored:
                break
            await self._record(
                [read_layout(each.layout) for each in stored], [each.object_id for each in stored]
            )
            buried += len(stored)
        return buried

    async def bury_fragments(self, layouts: Sequence[Layout]) -> None:
        """Buries fragments of layouts that are in force no more, where that is possible now."""
        if self.may_bury():
            await self._record(layouts, [])
            self._context.repairs_due.set()

    async def deliver(self) -> None:
        """Tells the members that answer what they have not acknowledged."""
        if not await self._context.objects.list_tombstones():
            return
        peers = self._context.peers
        owners = [m.owner_id for m in peers.circle().members if not peers.is_away(m.owner_id)]
        # each by itself: what waits for one that is away must not stand in the others' way
        await gather({number: partial(self._tell, owner) for number, owner in enumerate(owners)})

    async def of(self, fragments: Iterable[bytes], keepers: Iterable[bytes]) -> Burying | None:
        """Returns the tombstone of fragments that these keepers have no more reason to keep.

        None where none can be signed now: what is left there is found by the next stock-taking.
        """
        if not self.may_bury():
            return None
        return Burying(await self._signed(fragments), tuple(sorted(set(keepers))))

    async def bury_at(self, keeper: bytes, fragments: Sequence[bytes]) -> None:
        """Buries fragments at one keeper that no layout names there, where that is possible now."""
        if fragments and self.may_bury():
            tombstone = await self._signed(fragments)
            await self._context.objects.record_tombstone(tombstone, [], [keeper])
            await self._tell(keeper)

    async def _record(self, layouts: Sequence[Layout], object_ids: Sequence[bytes]) -> None:
        fragments = {layout.fragment_id(index) for layout in layouts for index in range(layout.m)}
        keepers = {owner for layout in layouts for owner in layout.keepers if owner is not None}
        signed = await self._signed(fragments)
        await self._context.objects.record_tombstone(signed, object_ids, sorted(keepers))

    async def _signed(self, fragments: Iterable[bytes]) -> bytes:
        context = self._context
        record = Tombstone(
            owner=context.keyring.owner_id(),
            generation=context.keyring.generation(),
            seq=await context.numbers.draw(),
            purge=False,
            fragments=tuple(sorted(set(fragments))),
            time=context.time(),
        )
        return sign(record, context.keyring.kek().owner_root()).to_bytes()

    def _current(self, tombstone: bytes) -> bytes:
        """A tombstone under the owner root in force: one that waited was signed by the words of its day.

        Raises PiccoloError LOCKED when it must be signed anew.
        """
        keyring, signed = self._context.keyring, open_signed(Tombstone, tombstone)
        if keyring.owner_root() in signed.signers:
            return tombstone
        return sign(signed.record, keyring.kek().owner_root()).to_bytes()

    async def _tell(self, owner: bytes) -> None:
        objects, peers = self._context.objects, self._context.peers
        while pending := await objects.list_tombstones(owner):
            for each in pending:
                try:
                    tombstone = self._current(each.tombstone)
                    await peers.ask(owner, partial(_bury, tombstone=tombstone), _BURY_SECONDS)
                except PiccoloError as error:
                    _log.info("tombstone waits", extra=fields(member=peers.name(owner), reason=error.reason))
                    return
                await objects.acknowledge_tombstone(each.tombstone_id, owner)


async def _bury(keeper: Keeper, tombstone: bytes) -> None:
    await keeper.bury(tombstone)
