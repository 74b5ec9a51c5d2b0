"""Compares, once a day and when a member is back, all that it has with what the layouts say.

Rules:
* What a layout names there and the member does not have is queued for repair: so rot of a whole disk, or a
  disk that went back in time, is found without reading a byte.
* What no layout names there although the object is known is surplus: the copy of one who was away while it
  was rebuilt elsewhere, the old place of a fragment that moved while the vault was locked, what a cut-off
  coding left. It is buried, but only when what the layout names instead was just seen to be there; and it is
  kept while it may soon be of use, because the layout's member for it has another one of the same object.
* What belongs to no known object is left alone: a write may be under way.
* To the keepers it is the inventory without which nothing provisional ends; what an open intent needs is
  asked for by name, which keeps it.
* The object is held while it is decided, so that no repair brings back what is being buried.
"""

from __future__ import annotations

import asyncio
import json
import logging
from array import array
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError

from piccolo_vault.core.storage import promise
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.records import read_record
from piccolo_vault.engine.storage.survey import Seen
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.ports.objects import Repair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.survey import Survey
    from piccolo_vault.ports.keepers import Keeper, Kept

STOCK_KEY = "members/stock"
_PAGE, _RECORDS, _OBJECTS_AT_ONCE = 200, 50, 100
_STRANGE = 50_000
_SECONDS = 30.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stock:
    """What a member was found to have, against what it should."""

    expected: array[int]
    """The first eight bytes of each fragment id, sorted: millions of them must fit."""
    seen: bytearray
    strange: list[bytes]

    def tick(self, fragment_id: bytes) -> bool:
        """Notes a fragment that is there; returns whether it was expected."""
        at = self._place(fragment_id)
        if at is None:
            return False
        self.seen[at] = 1
        return True

    def lacks(self, fragment_id: bytes) -> bool:
        """Returns whether a fragment was expected and not there."""
        at = self._place(fragment_id)
        return at is not None and not self.seen[at]

    def _place(self, fragment_id: bytes) -> int | None:
        at, short = bisect_left(self.expected, _short(fragment_id)), _short(fragment_id)
        return at if at < len(self.expected) and self.expected[at] == short else None


class StockTaker:
    """Takes stock of members."""

    def __init__(self, context: Context, survey: Survey, burial: Burial) -> None:
        self._context, self._survey, self._burial = context, survey, burial
        self._taken: dict[str, float] | None = None

    async def round(self) -> int:
        """Takes stock of those whose turn it is; returns how many. Raises what metadata raises."""
        if not self._context.keyring.may_bury():
            return 0  # after a recovery it is the inventory's turn
        taken = await self._load()
        due = [owner for owner in self._members() if self._is_due(taken, owner)]
        for intent in await self._context.objects.list_intents() if due else ():
            await self._survey.ask([read_layout(intent.stored.layout)])
        for owner in due:
            try:
                await self.take(owner)
            except PiccoloError as error:
                name = self._context.peers.name(owner)
                _log.info("stock-taking put off", extra=fields(member=name, reason=error.reason))
                continue
            taken[owner.hex()] = self._context.now()
            await self._context.objects.put_state(STOCK_KEY, json.dumps(taken, sort_keys=True).encode())
        return len(due)

    async def take(self, owner: bytes) -> tuple[int, int]:
        """Compares one member; returns (fragments that it lacks, surplus fragments buried).

        Raises PiccoloError: what the member and metadata raise.
        """
        stock = await self._list(owner, await self._expected(owner))
        lacking = await self._queue_lacking(owner, stock)
        buried = await self._bury_surplus(owner, stock.strange) if stock.strange else 0
        told = fields(
            member=self._context.peers.name(owner),
            fragments=len(stock.expected),
            lacking=lacking,
            strange=len(stock.strange),
            buried=buried,
        )
        _log.info("stock taken", extra=told)
        return lacking, buried

    async def _load(self) -> dict[str, float]:
        if self._taken is None:
            stored = await self._context.objects.get_state(STOCK_KEY)
            self._taken = dict(json.loads(stored)) if stored else {}
        return self._taken

    def _members(self) -> list[bytes]:
        """Who can be asked; that one is away is noted, so that its turn comes when it is back."""
        peers = self._context.peers
        for owner in peers.away():
            (self._taken or {}).pop(owner.hex(), None)
        return [each.owner_id for each in peers.circle().members if not peers.is_away(each.owner_id)]

    def _is_due(self, taken: Mapping[str, float], owner: bytes) -> bool:
        last = taken.get(owner.hex())
        # a clock that went back asks once more, which does no harm
        passed = None if last is None else abs(self._context.now() - last)
        return passed is None or passed >= self._context.settings.stock_seconds

    async def _layouts(self, keeper: bytes = b"") -> AsyncIterator[Layout]:
        token = ""
        while True:
            page, token = await self._context.objects.list_objects(
                keeper=keeper, page_token=token, page_size=_PAGE
            )
            for stored in page:
                await asyncio.sleep(0)  # reading a layout takes a moment, and others wait for the loop
                yield read_layout(stored.layout)
            if not token:
                return

    async def _expected(self, owner: bytes) -> array[int]:
        ids = array("Q")
        async for layout in self._layouts(owner):
            ids.extend(_short(layout.fragment_id(index)) for index in _at(layout, owner))
        return array("Q", sorted(ids))

    async def _list(self, owner: bytes, expected: array[int]) -> _Stock:
        stock, token = _Stock(expected, bytearray(len(expected)), []), ""
        while True:
            page, token = await self._context.peers.ask(owner, partial(_list_mine, token=token), _SECONDS)
            for kept in page:
                alive = kept.state is KeptState.LIVE
                if alive and not stock.tick(kept.fragment_id) and len(stock.strange) < _STRANGE:
                    stock.strange.append(kept.fragment_id)
            if not token:
                return stock

    async def _queue_lacking(self, owner: bytes, stock: _Stock) -> int:
        lacking, repairs = 0, []
        if all(stock.seen):
            return 0
        async for layout in self._layouts(owner):
            gone = [i for i in _at(layout, owner) if stock.lacks(layout.fragment_id(i))]
            if gone:
                left = [None if i in gone else each for i, each in enumerate(layout.keepers)]
                margin, now = promise.survived(left, layout.k), self._context.time()
                cause = f"{self._context.peers.name(owner)} does not have its fragment any more"
                repairs.append(Repair(layout.object_id, margin, cause, now))
                lacking += len(gone)
        for at in range(0, len(repairs), 1_000):
            await self._context.objects.enqueue_repairs(repairs[at : at + 1_000])
        if repairs:
            self._context.repairs_due.set()
        return lacking

    async def _bury_surplus(self, owner: bytes, strange: Sequence[bytes]) -> int:
        if not self._burial.may_bury():
            return 0
        found, unknown = defaultdict[bytes, set[bytes]](set), set(strange)
        async for layout in self._layouts():
            mine = unknown & {layout.fragment_id(index) for index in range(layout.m)}
            if mine:
                found[layout.object_id] |= mine
                unknown -= mine
        for object_id, fragment_id in await self._by_record(owner, sorted(unknown)):
            found[object_id].add(fragment_id)
        buried, ids = 0, sorted(found)
        for at in range(0, len(ids), _OBJECTS_AT_ONCE):
            some = ids[at : at + _OBJECTS_AT_ONCE]
            buried += await self._bury_some(owner, {each: found[each] for each in some})
        return buried

    async def _by_record(self, owner: bytes, fragments: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """(object, fragment) of those whose commit record names an object."""
        found = []
        for at in range(0, len(fragments), _RECORDS):
            wanted = list(fragments[at : at + _RECORDS])
            while wanted:
                records = await self._context.peers.ask(owner, partial(_records, ids=wanted), _SECONDS)
                for fragment_id, record in records:
                    if (object_id := self._object_of(record)) is not None:
                        found.append((object_id, fragment_id))
                told = {fragment_id for fragment_id, _ in records}
                wanted = [each for each in wanted if each not in told] if told else []
        return found

    def _object_of(self, record: bytes) -> bytes | None:
        try:
            return read_layout(read_record(self._context.keyring, record).layout).object_id
        except (FormatError, PiccoloError):
            return None  # nobody can say what it is: it is left alone

    async def _bury_some(self, owner: bytes, found: Mapping[bytes, set[bytes]]) -> int:
        async with self._context.placing.held(found):
            layouts = [layout for each in found if (layout := await self._layout_of(each)) is not None]
            seen = await self._survey.ask(layouts)
            surplus = [
                fragment_id
                for layout in layouts
                for fragment_id in found[layout.object_id]
                if _is_surplus(layout, owner, fragment_id, seen[layout.object_id])
            ]
            if surplus and self._burial.may_bury():
                await self._burial.bury_at(owner, surplus)
            return len(surplus)

    async def _layout_of(self, object_id: bytes) -> Layout | None:
        try:
            return read_layout((await self._context.objects.get_object(object_id)).layout)
        except PiccoloError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise


def _is_surplus(layout: Layout, owner: bytes, fragment_id: bytes, seen: Sequence[Seen]) -> bool:
    """Whether a member may lose a fragment that it has."""
    ids = [layout.fragment_id(index) for index in range(layout.m)]
    good = [layout.keepers[index] if state is Seen.GOOD else None for index, state in enumerate(seen)]
    if fragment_id not in ids:  # of another epoch
        return promise.survived(good, layout.k) >= min(1, promise.survived(layout.keepers, layout.k))
    index = ids.index(fragment_id)
    named = layout.keepers[index]
    if named == owner or good[index] is None:
        return False
    may_move_here = owner not in layout.keepers and layout.keepers.count(named) > 1
    return not may_move_here


def _at(layout: Layout, owner: bytes) -> Iterable[int]:
    return [index for index, keeper in enumerate(layout.keepers) if keeper == owner]


def _short(fragment_id: bytes) -> int:
    return int.from_bytes(fragment_id[:8])


async def _list_mine(keeper: Keeper, token: str) -> tuple[Sequence[Kept], str]:
    return await keeper.list_mine(token)


async def _records(keeper: Keeper, ids: Sequence[bytes]) -> Sequence[tuple[bytes, bytes]]:
    return await keeper.records(ids)
