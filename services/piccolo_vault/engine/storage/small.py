"""Objects that fit in memory: one message to each keeper, all at once.

Rules:
* What the keepers must commit is known beforehand: intent, Store everywhere, names.
* When too few keepers took it, it is tried once more with those that are left, under fresh fragment ids;
  then one keeper may hold two fragments.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.segments import SegmentPlan, SegmentSealer
from piccolo_formats.stripes import LONE_STRIPE_SIZE, StripePlan

from piccolo_vault.core.storage.receipts import Expected
from piccolo_vault.engine.storage.completion import Draft
from piccolo_vault.engine.storage.files import FileKey, Written, new_file
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.engine.storage.pipeline import code_object
from piccolo_vault.engine.storage.placing import find_keepers
from piccolo_vault.ports.keepers import Head
from piccolo_vault.ports.objects import ObjectKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_formats.fek import LayoutKey

    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.promise import Promise
    from piccolo_vault.engine.storage.completion import Completion, Delivery, Outcome
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.files import WriteStart
    from piccolo_vault.engine.storage.pipeline import Fragments
    from piccolo_vault.ports.keepers import Keeper
    from piccolo_vault.ports.objects import NewFile

_log = logging.getLogger(__name__)
_SLOWEST = 65_536  # bytes a second that a keeper must take at least


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A sealed object in memory."""

    kind: ObjectKind
    object_id: bytes
    data: bytes | bytearray
    stripe_size: int
    layout_key: LayoutKey
    wrapped_pack_key: bytes = b""


class SmallObjects:
    """Stores objects that fit in memory."""

    def __init__(self, context: Context, completion: Completion) -> None:
        self._context, self._completion = context, completion

    async def put(self, blob: Blob, files: Sequence[NewFile], *, at_risk: bool, losses: int = 0) -> Outcome:
        """Places a sealed object and names its files. `at_risk` and `losses` as in Context.promise.

        Raises PiccoloError UNAVAILABLE, PROMISE_OUT_OF_REACH or FULL, NO_ROOM.
        """
        code = await self._context.code()
        promise = self._context.promise(code, at_risk=at_risk, losses=losses)
        plan = StripePlan(len(blob.data), blob.stripe_size, code.k)
        pipeline = self._context.pipeline
        fragments = await pipeline.run(len(blob.data), code_object, pipeline.codec, code, plan, blob.data)
        try:
            return await self._attempt(blob, files, code, plan, fragments, promise, epoch=1)
        except PiccoloError as error:
            if error.reason != "PROMISE_OUT_OF_REACH":
                raise
        return await self._attempt(blob, files, code, plan, fragments, promise, epoch=2)

    async def _attempt(
        self,
        blob: Blob,
        files: Sequence[NewFile],
        code: Code,
        plan: StripePlan,
        fragments: Fragments,
        promise: Promise,
        *,
        epoch: int,
    ) -> Outcome:
        keepers = await find_keepers(self._context, blob.object_id, code, promise, plan.fragment_size)
        draft = Draft(
            blob.kind,
            blob.object_id,
            epoch,
            code,
            plan.size,
            plan.stripe_size,
            fragments.roots,
            keepers,
            blob.layout_key,
            blob.wrapped_pack_key,
        )

        deliver = partial(self._deliver, keepers, plan, fragments, promise)
        return await self._completion.run(draft, files, promise, deliver)

    async def _deliver(
        self,
        keepers: Sequence[bytes | None],
        plan: StripePlan,
        fragments: Fragments,
        promise: Promise,
        delivery: Delivery,
    ) -> Iterable[int]:
        """Stores all fragments at once; returns the indexes whose receipts hold."""
        work = {
            index: partial(self._store, owner, index, plan, fragments, delivery)
            for index, owner in enumerate(keepers)
            if owner is not None
        }

        def enough(ready: Iterable[int]) -> bool:
            return promise.met([keepers[index] for index in ready], plan.k)

        settings = self._context.settings
        done, failed = await gather(
            work, enough=enough, grace=settings.grace_seconds, most=settings.stall_seconds
        )
        if not enough(done):
            for index, error in failed.items():
                name = self._context.peers.name(keepers[index] or b"")
                told = fields(member=name, fragment=index, reason=error.reason, why=error.message)
                _log.warning("a keeper failed a small write", extra=told)
        return done

    async def _store(
        self, owner: bytes, index: int, plan: StripePlan, fragments: Fragments, delivery: Delivery
    ) -> None:
        layout, blocks = delivery.layout, fragments.parts[index]
        head = Head(layout.fragment_id(index), plan.block_size, layout.generation, layout.seq, len(blocks))
        seconds = self._context.settings.stall_seconds + len(blocks) / _SLOWEST

        async def store(keeper: Keeper) -> bytes:
            return await keeper.store(head, blocks, fragments.roots[index], delivery.intent.commit_record)

        receipt = await self._context.peers.ask(owner, store, seconds)
        expected = Expected(layout.owner, head.fragment_id, fragments.roots[index], len(blocks))
        self._context.peers.take_receipt(receipt, owner, expected, committed=True)


class LoneFiles:
    """Files too large for a pack and small enough for one message to each keeper."""

    def __init__(self, context: Context, small: SmallObjects) -> None:
        self._context, self._small = context, small

    async def write(self, start: WriteStart, data: bytes | bytearray) -> Written:
        """Stores a file whose plaintext is in memory."""
        key = FileKey.generate(self._context, start.anew)
        plan = SegmentPlan(len(data))
        sealer = SegmentSealer(key.fek, key.scope, self._context.random)
        sealed = await self._context.pipeline.run(len(data), seal_all, sealer, plan, data)
        object_id = key.object_id
        blob = Blob(ObjectKind.FILE, object_id, sealed, LONE_STRIPE_SIZE, key.fek.layout_key(object_id))
        file = new_file(start, key, plan, 0, self._context.time())
        outcome = await self._small.put(blob, [file], at_risk=start.at_risk, losses=start.losses)
        return written(outcome, 0, len(data))


def seal_all(sealer: SegmentSealer, plan: SegmentPlan, data: bytes | bytearray) -> bytearray:
    """Seals a whole file; in a thread."""
    out, plain = bytearray(plan.sealed_size), memoryview(data)
    for index in range(plan.count):
        segment = plan.segment(index)
        begin, at = index * plan.segment_size, plan.sealed_offset(index)
        room = memoryview(out)[at : at + segment.sealed_length]
        sealer.seal_into(segment, plain[begin : begin + segment.data_length], room)
    return out


def written(outcome: Outcome, index: int, size: int) -> Written:
    """Returns what to tell a writer, or raises its refusal."""
    result = outcome.results[index]
    if isinstance(result, PiccoloError):
        raise result
    created = index in outcome.created
    return Written(result.path, result.revision, result.version_id, size, outcome.health, created)
