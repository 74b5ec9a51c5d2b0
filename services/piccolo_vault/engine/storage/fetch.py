"""Brings blocks of an object from its keepers, checked before use.

Rules:
* Every block is hashed and proven to belong to the root that the layout names; a keeper that shows anything
  else is not asked for that fragment again, and its repair is queued.
* The k keepers that are likely fastest are asked, different devices first; when one is slow, one more is
  asked (a hedge); when one fails, the next takes its place at once.
* Fewer than k: the error names who is away and says whether waiting can help.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import DIGEST_SIZE
from piccolo_formats.errors import FormatError
from piccolo_formats.merkle import leaves_of, verify_range

from piccolo_vault.engine.storage.nursery import nursery
from piccolo_vault.ports.objects import Repair

if TYPE_CHECKING:
    from collections.abc import Collection

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.nursery import Nursery
    from piccolo_vault.ports.keepers import Blocks, Keeper

_HEDGE_FACTOR = 3.0
_HEDGE_SECONDS = 0.15
_GET_SECONDS = 20.0
_SLOWEST = 65_536


@dataclass(frozen=True, slots=True)
class Source:
    """An object whose fragments are asked for; `missing` are the indexes that nobody has."""

    layout: Layout
    missing: frozenset[int]


class Fetcher:
    """Brings checked blocks."""

    def __init__(self, context: Context) -> None:
        self._context, self.peers = context, context.peers
        self.distrust = context.peers.distrust

    async def fetch(self, source: Source, stripes: range) -> dict[int, list[memoryview]]:
        """Returns the stripes' blocks of exactly k fragments, by index.

        Raises PiccoloError UNAVAILABLE, FRAGMENTS_AWAY or DATA_LOSS, FRAGMENTS_LOST.
        """
        size = sum(source.layout.plan().block_length(stripe) for stripe in stripes)
        waiting = self.order(source, size)
        found: dict[int, list[memoryview]] = {}
        failures: dict[int, PiccoloError] = {}
        async with nursery() as children:
            race = _Race(self, children, source, stripes, waiting)
            while len(found) < source.layout.k:
                race.fill(source.layout.k - len(found))
                if not race.running:
                    raise self._too_few(source, found.keys(), failures)
                for index, outcome in await race.next(self._patience(source, race, size)):
                    if isinstance(outcome, PiccoloError):
                        failures[index] = outcome
                    else:
                        found[index] = outcome
            race.note_losers(size)
        return dict(list(found.items())[: source.layout.k])

    async def fetch_one(self, layout: Layout, index: int, stripes: range) -> list[memoryview]:
        """Returns the stripes' blocks of one fragment, checked.

        Raises PiccoloError: what its keeper raises; DATA_LOSS, FRAGMENT_WRONG for bytes that are not the
        root's.
        """
        owner = layout.keepers[index]
        if owner is None:
            raise PiccoloError(Kind.NOT_FOUND, "FRAGMENT_MISSING", "Nobody keeps this fragment at present.")
        plan, fragment_id = layout.plan(), layout.fragment_id(index)
        size = sum(plan.block_length(stripe) for stripe in stripes)

        async def get(keeper: Keeper) -> Blocks:
            return await keeper.get(fragment_id, stripes.start, len(stripes), size)

        began = asyncio.get_running_loop().time()
        blocks = await self._context.peers.ask(owner, get, _GET_SECONDS + size / _SLOWEST)
        self._context.peers.measured(owner, size, asyncio.get_running_loop().time() - began)
        try:
            return await self._context.pipeline.run(size, check_blocks, layout, index, stripes, blocks)
        except FormatError as error:
            self.distrust.add(fragment_id)
            await self.report(
                layout, f"{self._context.peers.name(owner)} has wrong bytes of fragment {index}"
            )
            raise PiccoloError(
                Kind.DATA_LOSS,
                "FRAGMENT_WRONG",
                f"{self._context.peers.name(owner)} does not have what it was given: {error.message}.",
            ) from error

    async def report(self, layout: Layout, cause: str) -> None:
        """Queues an object's repair."""
        repair = Repair(layout.object_id, 0, cause, self._context.time())
        try:
            await self._context.objects.enqueue_repairs([repair])
        except PiccoloError:
            return  # whoever reads next finds it again
        self._context.repairs_due.set()

    def order(self, source: Source, size: int) -> list[int]:
        """Returns the indexes that can be asked, best first: quick keepers, each once before any twice.

        Of keepers that are about as quick, those with primary blocks come first: they need no decoding.
        """
        layout, peers = source.layout, self._context.peers
        indexes = [
            index
            for index, owner in enumerate(layout.keepers)
            if owner is not None
            and index not in source.missing
            and layout.fragment_id(index) not in self.distrust
            and not peers.is_gone(owner)
        ]
        seen: dict[bytes, int] = {}
        ranks = {}
        for index in indexes:
            owner = layout.keepers[index] or b""
            seen[owner] = again = seen.get(owner, 0) + 1
            about = int(peers.expected_seconds(owner, size) / 0.02)
            ranks[index] = (peers.is_away(owner), again, about, index)
        return sorted(indexes, key=ranks.__getitem__)

    def _patience(self, source: Source, race: _Race, size: int) -> float:
        slowest = max(
            self._context.peers.expected_seconds(source.layout.keepers[index] or b"", size)
            for index, _ in race.running.values()
        )
        return max(_HEDGE_SECONDS, _HEDGE_FACTOR * slowest)

    def _too_few(
        self, source: Source, found: Collection[int], failures: dict[int, PiccoloError]
    ) -> PiccoloError:
        layout, peers = source.layout, self._context.peers
        gone = set(source.missing)
        gone |= {i for i, owner in enumerate(layout.keepers) if owner is None or peers.is_gone(owner)}
        gone |= {i for i in range(layout.m) if layout.fragment_id(i) in self.distrust}
        gone |= {i for i, error in failures.items() if error.kind in (Kind.NOT_FOUND, Kind.DATA_LOSS)}
        away = {i: layout.keepers[i] or b"" for i in range(layout.m) if i not in gone and i not in found}
        names = ", ".join(sorted({peers.name(owner) for owner in away.values()}))
        if layout.m - len(gone) < layout.k:
            return PiccoloError(
                Kind.DATA_LOSS,
                "FRAGMENTS_LOST",
                f"The file is lost: {layout.m - len(gone)} fragments of it are left, {layout.k} rebuild it.",
            )
        return PiccoloError(
            Kind.UNAVAILABLE,
            "FRAGMENTS_AWAY",
            f"The file cannot be read now: {layout.k - len(found)} of these members must come back: {names}.",
            {"away": names},
        )


class _Race:
    """The keepers that are being asked for one batch."""

    def __init__(
        self, fetcher: Fetcher, children: Nursery, source: Source, stripes: range, waiting: list[int]
    ) -> None:
        self._fetcher, self._children = fetcher, children
        self._source, self._stripes, self._waiting = source, stripes, waiting
        self.running: dict[asyncio.Task[list[memoryview] | PiccoloError], tuple[int, float]] = {}

    def fill(self, wanted: int) -> None:
        """Asks until so many are running, or nobody is left."""
        while len(self.running) < wanted and self._waiting:
            self._ask(self._waiting.pop(0))

    async def next(self, patience: float) -> list[tuple[int, list[memoryview] | PiccoloError]]:
        """Returns what came; asks one more keeper when nothing came in time."""
        done, _ = await asyncio.wait(
            self.running, timeout=patience if self._waiting else None, return_when=asyncio.FIRST_COMPLETED
        )
        if not done and self._waiting:
            self._ask(self._waiting.pop(0))
        return [(self.running.pop(task)[0], task.result()) for task in done]

    def _ask(self, index: int) -> None:
        began = asyncio.get_running_loop().time()
        self.running[self._children.spawn(self._one(index))] = (index, began)

    def note_losers(self, size: int) -> None:
        """Lets those that were overtaken count as slow as they have shown themselves so far."""
        now = asyncio.get_running_loop().time()
        for index, began in self.running.values():
            owner = self._source.layout.keepers[index] or b""
            if now - began > self._fetcher.peers.expected_seconds(owner, size):
                self._fetcher.peers.measured(owner, size, now - began)

    async def _one(self, index: int) -> list[memoryview] | PiccoloError:
        try:
            return await self._fetcher.fetch_one(self._source.layout, index, self._stripes)
        except PiccoloError as error:
            return error


def check_blocks(layout: Layout, index: int, stripes: range, blocks: Blocks) -> list[memoryview]:
    """Returns the blocks, proven to be the root's; in a thread. Raises FormatError when they are not."""
    plan = layout.plan()
    views = [memoryview(message) for message in blocks.messages]
    found: list[memoryview] = []
    for stripe in stripes:
        length = plan.block_length(stripe)
        while views and not views[0]:
            views.pop(0)
        if not views or len(views[0]) < length:
            raise FormatError("blocks-short", "blocks are missing or cut off")
        found.append(views[0][:length])
        views[0] = views[0][length:]
    leaves = leaves_of(found)
    proof = [blocks.proof[at : at + DIGEST_SIZE] for at in range(0, len(blocks.proof), DIGEST_SIZE)]
    # sizes and count are ours: what the keeper says of them is bound by the root alone
    verify_range(
        layout.root(index), plan.count, plan.block_size, plan.last_block_size, stripes.start, leaves, proof
    )
    return found
