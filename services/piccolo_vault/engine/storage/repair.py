"""Rebuilds what is missing, on ciphertext: no KEK, so a locked device heals its owner's files too.

Rules:
* Only missing fragments are made anew, stripe by stripe, from checked blocks; each keeps its index, id and
  root, and a rebuilt root that differs stops the repair.
* A new keeper has the whole fragment, committed with a newer commit record, before the layout names it; the
  layout is replaced only if it is still the one that was read.
* A fragment that is gone is put again where it was, as long as that member takes it: that heals what its disk
  lost, and leaves nothing behind.
* A keeper that gave wrong bytes of a fragment is believed again only after it gave a right block of what was
  sent anew; or all of it, when it says to have it whole, because what is whole is never written over.
* Interrupted anywhere, the next try finds fragments that are there already and does not send them again.
* A fragment that only moves is read from its old keeper, and its tombstone there is queued with the layout
  that names it there no more.
* The rate is bounded, but for objects that would not survive one more loss.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.merkle import RootBuilder
from piccolo_formats.signed import sign

from piccolo_vault.core.storage import placement, promise, urgency
from piccolo_vault.core.storage.budget import Budget
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.lanes import Lanes
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.core.storage.receipts import Expected
from piccolo_vault.core.storage.urgency import Damage
from piccolo_vault.engine.storage.completion import files_in, make_record
from piccolo_vault.engine.storage.fanout import Fanout, Sendoff
from piccolo_vault.engine.storage.fetch import Source
from piccolo_vault.engine.storage.nursery import gather, nursery
from piccolo_vault.engine.storage.pipeline import copy_blocks, rebuild_stripes
from piccolo_vault.engine.storage.survey import damage_seen
from piccolo_vault.ports.keepers import Head, KeptState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.engine.storage.survey import Survey
    from piccolo_vault.ports.keepers import Keeper
    from piccolo_vault.ports.objects import Burying, StoredObject

_RECORD_SECONDS = 10.0
_REFUSALS = 1_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did. `again_at`: when to look again, seconds since 1970; None when nothing is wrong."""

    rebuilt: int
    again_at: float | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is rebuilt and where it goes: index to new keeper."""

    stored: StoredObject
    layout: Layout
    damage: Damage
    targets: dict[int, bytes]
    moves: bool = False


class Repairer:
    """Repairs one object at a time."""

    def __init__(self, context: Context, fetcher: Fetcher, survey: Survey, burial: Burial) -> None:
        self._context, self._fetcher, self._survey, self._burial = context, fetcher, survey, burial
        self._budget = Budget(context.settings.repair_rate, context.settings.repair_rate)
        self._refused: OrderedDict[bytes, set[bytes]] = OrderedDict()

    async def repair(self, object_id: bytes, *, tries: int = 0, impatient: bool = False) -> Repaired:
        """Asks the object's keepers and rebuilds what is to be rebuilt now.

        Raises PiccoloError: FRAGMENTS_AWAY, FRAGMENTS_LOST, ROOT_DIFFERS, and what metadata raises.
        """
        async with self._context.placing.held([object_id]):
            return await self._repair(object_id, tries, impatient=impatient)

    async def move(self, seen: StoredObject, index: int, target: bytes) -> bool:
        """Lets another member keep a fragment; returns False when the object has changed since it was seen.

        Raises PiccoloError: what its keepers and metadata raise; then it stays where it is.
        """
        async with self._context.placing.held([seen.object_id]):
            stored = await self._context.objects.get_object(seen.object_id)
            if stored.layout != seen.layout:
                return False
            layout = read_layout(stored.layout)
            damage = Damage(frozenset(stored.missing), {})
            return await self._rebuild(_Plan(stored, layout, damage, {index: target}, moves=True)) > 0

    def refused_by(self, object_id: bytes) -> set[bytes]:
        """Returns who did not take a fragment of an object when that was last tried, and forgets it."""
        return self._refused.pop(object_id, set())

    async def _repair(self, object_id: bytes, tries: int, *, impatient: bool) -> Repaired:
        stored = await self._context.objects.get_object(object_id)
        layout = read_layout(stored.layout)
        damage = damage_seen(self._context, layout, (await self._survey.ask([layout]))[object_id])
        plan = self._plan(stored, layout, damage, impatient=impatient)
        if plan.targets:
            rebuilt = await self._rebuild(plan)
        else:
            rebuilt = 0
            await self._note_missing(stored, layout, damage)
        return Repaired(rebuilt, self._again(layout, damage, rebuilt, tries))

    def _plan(self, stored: StoredObject, layout: Layout, damage: Damage, *, impatient: bool) -> _Plan:
        context = self._context
        good = [
            None if index in damage.gone or index in damage.away else owner
            for index, owner in enumerate(layout.keepers)
        ]
        margin = promise.survives(promise.count_by_device(good).values(), layout.k)
        needed = sorted(urgency.to_rebuild(damage, margin, context.now(), impatient=impatient))
        refused = self.refused_by(layout.object_id)
        targets = self._targets(layout, damage, good, needed, refused)
        if refused and not targets:  # who did not take it once is better than nobody
            targets = self._targets(layout, damage, good, needed, ())
        return _Plan(stored, layout, damage, targets)

    def _targets(
        self,
        layout: Layout,
        damage: Damage,
        held: Sequence[bytes | None],
        needed: Sequence[int],
        without: Iterable[bytes],
    ) -> dict[int, bytes]:
        """Who gets what is needed: what is gone goes home, if its keeper takes it, the rest to others."""
        context, code = self._context, Code(layout.k, layout.m)
        candidates = context.peers.targets(layout.plan().fragment_size, without=without)
        placed = list(held)
        for index in damage.gone.intersection(needed):
            home = layout.keepers[index]
            if home not in placed and any(each.owner_id == home for each in candidates):
                placed[index] = home
        goal = context.promise(code, at_risk=False)
        subtrees = context.peers.circle().subtrees
        filled = placement.fill(layout.object_id, candidates, code, goal, placed, needed, subtrees)
        return {index: owner for index in needed if (owner := filled[index]) is not None}

    async def _rebuild(self, plan: _Plan) -> int:
        await files_in(self._context, plan.layout.object_id)  # before a byte is sent for nothing
        there = await self._already_there(plan)
        sent = set(plan.targets) - there
        try:
            there |= await self._send(plan, sorted(sent)) if sent else set()
        finally:
            self._note_refusals(plan, there)
        if not there:
            raise PiccoloError(
                Kind.UNAVAILABLE, "NO_TARGET", "No member took a rebuilt fragment; it is tried again later."
            )
        layout, record = await self._new_layout(plan, there)
        done = await self._proven(layout[0], await self._commit(plan, layout, record, there))
        if done != there:
            layout, record = await self._new_layout(plan, done)
        missing = tuple(sorted(index for index in plan.damage.gone if index not in done))
        stored = replace(plan.stored, layout=layout[1], missing=missing)
        burying = await self._burying(plan, done)
        await self._context.objects.update_layout(stored, plan.stored.layout, burying)
        await self._renew_records(layout[0], record, missing)
        _log.info(
            "fragment moved" if plan.moves else "object repaired",
            extra=fields(object=plan.layout.object_id.hex(), rebuilt=len(done), missing=len(missing)),
        )
        return len(done)

    async def _burying(self, plan: _Plan, done: set[int]) -> Burying | None:
        left = {index: owner for index in done if (owner := plan.layout.keepers[index]) is not None}
        if not plan.moves or not left:
            return None
        return await self._burial.of([plan.layout.fragment_id(index) for index in left], left.values())

    def _note_refusals(self, plan: _Plan, taken: set[int]) -> None:
        """A member that did not take a fragment is passed over at the object's next repair, if others can."""
        refused = {owner for index, owner in plan.targets.items() if index not in taken}
        if refused:
            self._refused[plan.layout.object_id] = refused
        if len(self._refused) > _REFUSALS:
            self._refused.popitem(last=False)

    async def _already_there(self, plan: _Plan) -> set[int]:
        """The indexes that their new keepers already have whole: an earlier try was cut off."""
        work = {index: partial(self._has, plan.layout, index, owner) for index, owner in plan.targets.items()}
        done, _ = await gather(work)
        return {index for index, whole in done.items() if whole}

    async def _has(self, layout: Layout, index: int, owner: bytes) -> bool:
        fragment_id = layout.fragment_id(index)

        async def stat(keeper: Keeper) -> bool:
            kept = (await keeper.stat([fragment_id]))[0]
            return kept.root == layout.root(index) and kept.state in (KeptState.LIVE, KeptState.PROVISIONAL)

        whole = await self._context.peers.ask(owner, stat, _RECORD_SECONDS)
        if whole and fragment_id in self._fetcher.distrust:
            await self._read_all(_placed_at(layout, index, owner), index)
        return whole

    async def _read_all(self, layout: Layout, index: int) -> None:
        """Believes a keeper again that says it has it whole, and shows that every block of it is right."""
        blocks = layout.plan().count
        step = max(1, self._context.settings.batch // layout.stripe_size)
        for first in range(0, blocks, step):
            await self._fetcher.fetch_one(layout, index, range(first, min(first + step, blocks)))
        self._fetcher.distrust.trust(layout.fragment_id(index))

    async def _send(self, plan: _Plan, indexes: Sequence[int]) -> set[int]:
        """Rebuilds fragments and streams them to their new keepers; returns those that are whole there."""
        context, layout = self._context, plan.layout
        stripes, code = layout.plan(), Code(layout.k, layout.m)
        keepers = [plan.targets.get(i) if i in indexes else None for i in range(layout.m)]
        lanes = Lanes(code, Promise(0), keepers, patient=True)
        fanout = Fanout(context.peers, context.settings, lanes, layout.owner, lambda _: None)
        number = await context.numbers.draw()
        heads = [
            Head(
                layout.fragment_id(index),
                stripes.block_size,
                context.keyring.generation(),
                number,
                stripes.fragment_size,
            )
            for index in range(layout.m)
        ]
        source = Source(layout, plan.damage.gone | frozenset(plan.damage.away))
        builders = {index: RootBuilder() for index in indexes}
        async with nursery() as children:
            try:
                await fanout.open(children, heads, 0, [])
                step = max(1, context.settings.batch // layout.stripe_size)
                for first in range(0, stripes.count, step):
                    group = range(first, min(first + step, stripes.count))
                    await self._rest(plan, group, len(indexes))
                    await self._send_group(plan, fanout, source, group, tuple(indexes), builders)
                await fanout.finish(self._sendoffs(layout, builders))
                return set(lanes.finished())
            finally:
                fanout.close()

    async def _rest(self, plan: _Plan, stripes: range, fragments: int) -> None:
        """Keeps to the rate; what one more loss would destroy does not wait."""
        clock = asyncio.get_running_loop().time
        good = [
            None if index in plan.damage.gone or index in plan.damage.away else owner
            for index, owner in enumerate(plan.layout.keepers)
        ]
        at_risk = promise.survives(promise.count_by_device(good).values(), plan.layout.k) < 1
        if not at_risk:
            await asyncio.sleep(self._budget.wait(clock()))
        self._budget.spend(len(stripes) * plan.layout.plan().block_size * fragments, clock())

    async def _send_group(
        self,
        plan: _Plan,
        fanout: Fanout,
        source: Source,
        stripes: range,
        indexes: tuple[int, ...],
        builders: dict[int, RootBuilder],
    ) -> None:
        pipeline = self._context.pipeline
        if plan.moves:
            (index,) = indexes
            own = await self._fetcher.fetch_one(plan.layout, index, stripes)
            rebuilt = await pipeline.submit(copy_blocks, index, own)
        else:
            blocks = await self._fetcher.fetch(source, stripes)
            rebuilt = await pipeline.submit(
                rebuild_stripes, pipeline.codec, source.layout, stripes, blocks, indexes
            )
        for coded in rebuilt:
            for index, each in zip(indexes, coded.leaves, strict=True):
                builders[index].add(each)
            await fanout.push(coded)

    def _sendoffs(self, layout: Layout, builders: dict[int, RootBuilder]) -> list[Sendoff]:
        plan = layout.plan()
        for index, builder in builders.items():
            if builder.root(plan.block_size, plan.last_block_size) != layout.root(index):
                raise PiccoloError(
                    Kind.INTERNAL,
                    "ROOT_DIFFERS",
                    "A rebuilt fragment is not the one that was written; nothing was replaced.",
                )
        return [Sendoff(plan.count, layout.root(index), plan.fragment_size) for index in range(layout.m)]

    async def _new_layout(self, plan: _Plan, rebuilt: set[int]) -> tuple[tuple[Layout, bytes], bytes]:
        """The layout that names the new keepers, signed, and the commit record that carries it."""
        context = self._context
        keepers = tuple(
            plan.targets[index] if index in rebuilt else owner
            for index, owner in enumerate(plan.layout.keepers)
        )
        generation, seq = context.keyring.generation(), await context.numbers.draw()
        layout = replace(plan.layout, keepers=keepers, generation=generation, seq=seq)
        signed = sign(layout, context.keyring.signing_key()).to_bytes()
        files = await files_in(context, layout.object_id)
        record = make_record(context, replace(plan.stored, layout=signed), layout, files)
        return (layout, signed), record

    async def _commit(
        self, plan: _Plan, layout: tuple[Layout, bytes], record: bytes, indexes: set[int]
    ) -> set[int]:
        work = {index: partial(self._commit_one, layout[0], index, record) for index in indexes}
        done, failed = await gather(work)
        if not done:
            raise next(iter(failed.values()))
        return set(done)

    async def _proven(self, layout: Layout, indexes: set[int]) -> set[int]:
        """Those that can be believed: where wrong bytes were seen before, a block is read back."""
        doubted = {i for i in indexes if layout.fragment_id(i) in self._fetcher.distrust}
        work = {index: partial(self._read_back, layout, index) for index in doubted}
        done, failed = await gather(work)
        if failed and not done and doubted == indexes:
            raise next(iter(failed.values()))
        return indexes - doubted | set(done)

    async def _read_back(self, layout: Layout, index: int) -> None:
        block = int.from_bytes(self._context.random(8)) % layout.plan().count
        await self._fetcher.fetch_one(layout, index, range(block, block + 1))
        self._fetcher.distrust.trust(layout.fragment_id(index))

    async def _commit_one(self, layout: Layout, index: int, record: bytes) -> None:
        owner, fragment_id, root = layout.keepers[index] or b"", layout.fragment_id(index), layout.root(index)

        async def commit(keeper: Keeper) -> bytes:
            return await keeper.commit(fragment_id, root, record)

        receipt = await self._context.peers.ask(owner, commit, 2 * self._context.settings.stall_seconds)
        expected = Expected(layout.owner, fragment_id, root, layout.plan().fragment_size)
        self._context.peers.take_receipt(receipt, owner, expected, committed=True)

    async def _renew_records(self, layout: Layout, record: bytes, missing: Sequence[int]) -> None:
        """Gives the other keepers the newer commit record, as far as they answer.

        The next one comes anyway.
        """
        work = {
            index: partial(self._renew_one, layout, index, record)
            for index, owner in enumerate(layout.keepers)
            if owner is not None and index not in missing and not self._context.peers.is_away(owner)
        }
        await gather(work)

    async def _renew_one(self, layout: Layout, index: int, record: bytes) -> None:
        async def renew(keeper: Keeper) -> None:
            await keeper.put_record(layout.fragment_id(index), record)

        await self._context.peers.ask(layout.keepers[index] or b"", renew, _RECORD_SECONDS)

    async def _note_missing(self, stored: StoredObject, layout: Layout, damage: Damage) -> None:
        """Lets the memory say what nobody has, so that health is told rightly without asking."""
        missing = tuple(sorted(damage.gone))
        if missing != tuple(sorted(stored.missing)):
            await self._context.objects.update_layout(replace(stored, missing=missing), stored.layout)

    def _again(self, layout: Layout, damage: Damage, rebuilt: int, tries: int) -> float | None:
        now = self._context.now()
        if not damage or rebuilt == len(damage.gone) + len(damage.away):
            # what came to be doubted meanwhile was reported to a queue in which this object stood already
            return now if self._survey.doubted(layout) - damage.gone - set(damage.away) else None
        good = [o for i, o in enumerate(layout.keepers) if i not in damage.gone and i not in damage.away]
        margin = promise.survives(promise.count_by_device(good).values(), layout.k)
        due = urgency.not_before(damage, margin, now)
        return due if due > now else urgency.retry_at(tries, now)


def _placed_at(layout: Layout, index: int, owner: bytes) -> Layout:
    """The layout, if that member kept the fragment."""
    return replace(layout, keepers=(*layout.keepers[:index], owner, *layout.keepers[index + 1 :]))
