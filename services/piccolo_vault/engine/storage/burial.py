"""Fragments' end: the owner root signs, metadata queues, keepers bury.

Rules:
* Only the unlocked owner root ends what is committed; a locked device leaves it for later.
* The tombstone is queued durably before the first keeper hears of it, and stays so until each has
  acknowledged.
* After a recovery nothing is buried until the inventories were reconciled (`Keyring.may_bury`).
* An object whose fragments are being made anew ends after that: what is new then would live on and have no
  name.
* Every member hears of it: one that was away may have what no layout names any more, and would bring the file
  back in a recovery.
* What strangers may have the keys of is purged, at every member: a copy may lie in a trash. While words are
  exposed so is what no layout names. A keeper that purges nothing yet for a recovered device buries it for
  now, and is told again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.keeping import Tombstone
from piccolo_formats.signed import open_signed, sign

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.ports.objects import Burying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.core.circle import Circle
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.keepers import Keeper
    from piccolo_vault.ports.keyring import Exposure
    from piccolo_vault.ports.objects import Objects, PendingTombstone

WAITED = (Standing.ACTIVE, Standing.LEAVING)
"""Members that every tombstone goes to, and a purge waits for."""
_OBJECTS_AT_ONCE = 200
_BURY_SECONDS = 10.0
_OF_ONE = (Kind.INVALID, Kind.DENIED)
"""Refusals of one tombstone, in whose way no other is to stand."""
_log = logging.getLogger(__name__)


class Burial:
    """Signs, queues and sends tombstones."""

    def __init__(self, context: Context, exposure: Exposure) -> None:
        self._context, self._exposure = context, exposure
        self._swept = (b"", 0)

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
        """Buries all objects that no kept version needs, and that nobody works on; returns how many."""
        buried, placing = 0, self._context.placing
        while self.may_bury():
            listed = await self._context.objects.list_reclaimable(_OBJECTS_AT_ONCE)
            free = {each.object_id for each in listed if not placing.is_held(each.object_id)}
            if not free:
                break
            async with placing.held(free):
                buried += await self._reclaim(free)
        return buried

    async def _reclaim(self, object_ids: set[bytes]) -> int:
        listed = await self._context.objects.list_reclaimable(_OBJECTS_AT_ONCE)  # as they are now
        stored = [each for each in listed if each.object_id in object_ids]
        for exposed in (False, True):
            some = [each for each in stored if each.exposed is exposed]
            if some:
                ids = [each.object_id for each in some]
                await self._record([read_layout(each.layout) for each in some], ids, purge=exposed)
        return len(stored)

    async def bury_fragments(self, layouts: Sequence[Layout]) -> None:
        """Buries fragments of layouts that are in force no more, where that is possible now."""
        if self.may_bury():
            await self._record(layouts, [], purge=self._is_exposed())
            self._context.repairs_due.set()

    async def deliver(self) -> None:
        """Tells the members that answer what they have not acknowledged."""
        peers = self._context.peers
        if not (await self._context.objects.list_tombstones())[0]:
            return
        await self._forget_the_gone(peers.circle())
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
            tombstone = await self._signed(fragments, purge=self._is_exposed())
            await self._context.objects.record_tombstone(tombstone, [], [keeper])
            await self._tell(keeper)

    async def untold(self) -> list[str]:
        """Returns the names of members that are waited for and have not acknowledged every purge."""
        waited = {m.owner_id: m.name for m in self._context.peers.circle().members if m.standing in WAITED}
        found = {
            waited[each.keeper]
            async for each in pending(self._context.objects)
            if each.keeper in waited and open_signed(Tombstone, each.tombstone).record.purge
        }
        return sorted(found)

    def _is_exposed(self) -> bool:
        return self._exposure.exposed_through() > 0

    async def _record(self, layouts: Sequence[Layout], object_ids: Sequence[bytes], *, purge: bool) -> None:
        fragments = {layout.fragment_id(index) for layout in layouts for index in range(layout.m)}
        keepers = {owner for layout in layouts for owner in layout.keepers if owner is not None}
        # one that was away when its fragment was made anew elsewhere has it still, and no layout says so
        members = self._context.peers.circle().members
        keepers |= {member.owner_id for member in members if purge or member.standing in WAITED}
        signed = await self._signed(fragments, purge=purge)
        await self._context.objects.record_tombstone(signed, object_ids, sorted(keepers))

    async def _signed(self, fragments: Iterable[bytes], *, purge: bool = False) -> bytes:
        context = self._context
        record = Tombstone(
            owner=context.keyring.owner_id(),
            generation=context.keyring.generation(),
            seq=await context.numbers.draw(),
            purge=purge,
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

    async def _forget_the_gone(self, circle: Circle) -> None:
        """Drops, once for each roster, what waits for those who are in it no more."""
        if circle.unheard or self._swept == (circle.circle_id, circle.epoch):
            return  # a roster that may be an old one says nothing of who is gone
        async for each in pending(self._context.objects):
            if circle.member(each.keeper) is None:
                await self._context.objects.acknowledge_tombstone(each.tombstone_id, each.keeper)
        self._swept = (circle.circle_id, circle.epoch)

    async def _tell(self, owner: bytes) -> None:
        async for each in pending(self._context.objects, owner):
            try:
                done = await self._obeyed(owner, self._current(each.tombstone))
            except PiccoloError as error:
                told = fields(member=self._context.peers.name(owner), reason=error.reason)
                _log.info("tombstone waits", extra=told)
                if error.kind not in _OF_ONE:
                    return
                continue
            if done:
                await self._context.objects.acknowledge_tombstone(each.tombstone_id, owner)

    async def _obeyed(self, owner: bytes, tombstone: bytes) -> bool:
        """Hands a tombstone over; False: it is buried, and not purged yet."""
        try:
            await self._context.peers.ask(owner, partial(_bury, tombstone=tombstone), _BURY_SECONDS)
        except PiccoloError as error:
            if error.reason != "PURGE_TOO_EARLY":
                raise
            record = replace(open_signed(Tombstone, tombstone).record, purge=False)
            softer = sign(record, self._context.keyring.kek().owner_root()).to_bytes()
            await self._context.peers.ask(owner, partial(_bury, tombstone=softer), _BURY_SECONDS)
            return False
        return True


async def pending(objects: Objects, keeper: bytes = b"") -> AsyncIterator[PendingTombstone]:
    """Yields what a keeper, or each, has not acknowledged, oldest first. Raises what metadata raises."""
    token = ""
    while True:
        page, token = await objects.list_tombstones(keeper, token)
        for each in page:
            yield each
        if not token:
            return


async def _bury(keeper: Keeper, tombstone: bytes) -> None:
    await keeper.bury(tombstone)
