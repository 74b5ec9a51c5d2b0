"""Codes an object anew, with another k or m, on ciphertext.

Rules:
* The object stays what it is; its fragments get a new layout epoch, and with it new ids and roots, so that
  old and new ones never mix.
* The new fragments are whole and committed, and keep the promise at least as well as the old ones, before the
  layout names them; in the same transaction the tombstone of the old ones is queued. Until then everybody
  reads the old ones.
* Only while the owner root can sign that tombstone. What a try that was cut off has left at keepers is found
  by the next try, or by the next stock-taking; when its file was deleted meanwhile, by what was noted of the
  try before the first keeper committed anything (engine/storage/trials.py).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.fek import LayoutKey, Scope, unwrap
from piccolo_formats.merkle import RootBuilder
from piccolo_formats.stripes import StripePlan

from piccolo_vault.core.storage import promise
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.journal import open_local
from piccolo_vault.core.storage.lanes import Lanes
from piccolo_vault.core.storage.manifests import read_content, read_layout, translated
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.core.storage.receipts import Expected
from piccolo_vault.core.storage.spreading import next_epoch
from piccolo_vault.engine.storage.completion import Draft, files_in
from piccolo_vault.engine.storage.fanout import Fanout, Sendoff
from piccolo_vault.engine.storage.fetch import Source
from piccolo_vault.engine.storage.nursery import gather, nursery
from piccolo_vault.engine.storage.pipeline import Coded, code_stripe
from piccolo_vault.engine.storage.read import decode_stripes
from piccolo_vault.engine.storage.trials import Trials
from piccolo_vault.ports.keepers import Head, KeptState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.burial import Burial
    from piccolo_vault.engine.storage.completion import Completion, Delivery
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.fetch import Fetcher
    from piccolo_vault.ports.codec import Codec
    from piccolo_vault.ports.keepers import Keeper, Kept
    from piccolo_vault.ports.objects import StoredObject

_STAT_SECONDS = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How an object is coded, how it will be, and where its new fragments go."""

    stored: StoredObject
    old: Layout
    code: Code
    stripes: StripePlan
    epoch: int
    layout_key: LayoutKey
    keepers: tuple[bytes | None, ...]

    def head(self, index: int, generation: int, seq: int) -> Head:
        fragment_id = self.layout_key.fragment_id(self.old.object_id, self.epoch, index)
        return Head(fragment_id, self.stripes.block_size, generation, seq, self.stripes.fragment_size)


class Recoder:
    """Codes objects anew, one at a time."""

    def __init__(self, context: Context, fetcher: Fetcher, completion: Completion, burial: Burial) -> None:
        self._context, self._fetcher = context, fetcher
        self._completion, self._burial = completion, burial
        self._trials = Trials(context, burial)

    async def clear_up(self) -> None:
        """Buries what tries left of files that were deleted since. Raises what metadata raises."""
        await self._trials.clear_up()

    async def recode(self, seen: StoredObject, code: Code, keepers: Sequence[bytes | None]) -> bool:
        """Codes an object anew; returns False when it has changed since it was seen, or may not be now.

        Raises PiccoloError: FRAGMENTS_AWAY, FRAGMENTS_LOST, NO_TARGET, and what metadata raises; then it
        stays as it is.
        """
        async with self._context.placing.held([seen.object_id]):
            stored = await self._context.objects.get_object(seen.object_id)
            if stored.layout != seen.layout or not self._burial.may_bury():
                return False
            await files_in(self._context, stored.object_id)  # before a byte is sent for nothing
            plan = await self._plan(stored, code, tuple(keepers))
            roots, whole = await self._send(plan)
            delivery = await self._draw_up(plan, roots)
            await self._trials.begin(delivery.intent.stored)
            done = await self._commit(delivery, whole)
            self._check(plan, done)
            missing = tuple(index for index in range(code.m) if index not in done)
            burying = await self._burial.of(
                [plan.old.fragment_id(index) for index in range(plan.old.m)],
                [owner for owner in plan.old.keepers if owner is not None],
            )
            new = replace(delivery.intent.stored, missing=missing)
            await self._context.objects.update_layout(new, stored.layout, burying)
            await self._trials.clear_up()
        told = fields(object=seen.object_id.hex(), k=code.k, m=code.m, before=f"{plan.old.k} of {plan.old.m}")
        _log.info("object coded anew", extra=told)
        return True

    async def _plan(self, stored: StoredObject, code: Code, keepers: tuple[bytes | None, ...]) -> _Plan:
        old, key = read_layout(stored.layout), await self._layout_key(stored)
        stripes = StripePlan(old.size, old.stripe_size, code.k)
        return _Plan(stored, old, code, stripes, next_epoch(old.epoch, code), key, keepers)

    async def _layout_key(self, stored: StoredObject) -> LayoutKey:
        """The key that names an object's fragments; one that another device sealed is derived anew."""
        keyring, object_id = self._context.keyring, stored.object_id
        try:
            sealed = stored.sealed_layout_key
            return LayoutKey(open_local(keyring.local_key(), b"layout-key", object_id, sealed))
        except PiccoloError as error:
            if error.reason != "NOTE_FOREIGN":
                raise
        with translated("The key of a stored object cannot be opened"):
            if stored.wrapped_pack_key:
                wrapped, scope = stored.wrapped_pack_key, Scope.of_pack(object_id)
                return unwrap(keyring.kek_for(wrapped), wrapped, scope).layout_key(object_id)
            (file, *_) = await files_in(self._context, object_id)
            wrapped, scope = file.content.wrapped_key, read_content(file.content.content).scope
            return unwrap(keyring.kek_for(wrapped), wrapped, scope).layout_key(object_id)

    async def _send(self, plan: _Plan) -> tuple[tuple[bytes, ...], set[int]]:
        """Streams the new fragments out; returns all roots, and which are whole at their keepers."""
        context, code, there = self._context, plan.code, await self._already_there(plan)
        open_to = [None if index in there else owner for index, owner in enumerate(plan.keepers)]
        lanes = Lanes(code, Promise(0), open_to, patient=True)
        fanout = Fanout(context.peers, context.settings, lanes, plan.old.owner, lambda _: None)
        generation, seq = context.keyring.generation(), await context.numbers.draw()
        heads = [plan.head(index, generation, seq) for index in range(code.m)]
        builders = [RootBuilder() for _ in range(code.m)]
        source = Source(plan.old, frozenset(plan.stored.missing))
        async with nursery() as children:
            try:
                await fanout.open(children, heads, 0, [])
                step = max(1, context.settings.batch // plan.old.stripe_size)
                for first in range(0, plan.stripes.count, step):
                    group = range(first, min(first + step, plan.stripes.count))
                    await self._send_group(plan, fanout, source, group, builders)
                roots = [
                    each.root(plan.stripes.block_size, plan.stripes.last_block_size) for each in builders
                ]
                await fanout.finish(
                    [Sendoff(plan.stripes.count, root, plan.stripes.fragment_size) for root in roots]
                )
                same = {index for index, root in there.items() if root == roots[index]}
                return tuple(roots), same | set(lanes.finished())
            finally:
                fanout.close()

    async def _send_group(
        self, plan: _Plan, fanout: Fanout, source: Source, stripes: range, builders: list[RootBuilder]
    ) -> None:
        blocks = await self._fetcher.fetch(source, stripes)
        pipeline = self._context.pipeline
        coded = await pipeline.submit(recode_stripes, pipeline.codec, plan.old, plan.code, stripes, blocks)
        for each in coded:
            for builder, made in zip(builders, each.leaves, strict=True):
                builder.add(made)
            if fanout.lanes.live():
                await fanout.push(each)

    async def _already_there(self, plan: _Plan) -> dict[int, bytes]:
        """The roots of new fragments that a try which was cut off has left whole where they belong."""
        work = {i: partial(self._stat, plan, i, owner) for i, owner in enumerate(plan.keepers) if owner}
        told, _ = await gather(work)
        whole = (KeptState.LIVE, KeptState.PROVISIONAL)
        return {index: kept.root for index, kept in told.items() if kept.state in whole}

    async def _stat(self, plan: _Plan, index: int, owner: bytes) -> Kept:
        fragment_id = plan.head(index, 0, 0).fragment_id

        async def stat(keeper: Keeper) -> Kept:
            return (await keeper.stat([fragment_id]))[0]

        return await self._context.peers.ask(owner, stat, _STAT_SECONDS)

    async def _draw_up(self, plan: _Plan, roots: tuple[bytes, ...]) -> Delivery:
        draft = Draft(
            plan.stored.kind,
            plan.stored.object_id,
            plan.epoch,
            plan.code,
            plan.old.size,
            plan.old.stripe_size,
            roots,
            plan.keepers,
            plan.layout_key,
            plan.stored.wrapped_pack_key,
        )
        files = await files_in(self._context, plan.stored.object_id)
        return await self._completion.draw_up(draft, files)

    async def _commit(self, delivery: Delivery, whole: set[int]) -> set[int]:
        done, _ = await gather({index: partial(self._commit_one, delivery, index) for index in whole})
        return set(done)

    async def _commit_one(self, delivery: Delivery, index: int) -> None:
        layout = delivery.layout
        owner, fragment_id, root = layout.keepers[index] or b"", layout.fragment_id(index), layout.root(index)

        async def commit(keeper: Keeper) -> bytes:
            return await keeper.commit(fragment_id, root, delivery.intent.commit_record)

        receipt = await self._context.peers.ask(owner, commit, 2 * self._context.settings.stall_seconds)
        expected = Expected(layout.owner, fragment_id, root, layout.plan().fragment_size)
        self._context.peers.take_receipt(receipt, owner, expected, committed=True)

    def _check(self, plan: _Plan, done: set[int]) -> None:
        missing = frozenset(plan.stored.missing)
        old = [None if i in missing else owner for i, owner in enumerate(plan.old.keepers)]
        new = [plan.keepers[index] for index in done]
        if promise.survived(new, plan.code.k) < promise.survived(old, plan.old.k):
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "NO_TARGET",
                "Too few members took the object in its new code; it stays as it is and is tried later.",
            )


def recode_stripes(
    codec: Codec, old: Layout, code: Code, stripes: range, blocks: dict[int, list[memoryview]]
) -> list[Coded]:
    """Returns all blocks of each stripe in another code, and their leaves; in a thread."""
    whole, plan, at, made = decode_stripes(codec, old, stripes, blocks), old.plan(), 0, []
    for stripe in stripes:
        length = plan.stripe_length(stripe)
        buffer = bytearray(-(-length // code.k) * code.m)
        buffer[:length] = whole[at : at + length]
        made.append(code_stripe(codec, code, buffer, length))
        at += length
    return made
