"""A large file on its way: sealed segment by segment, coded, sent, and recorded as it becomes durable.

Rules:
* A segment is sealed once its successor's first byte is here, because the last one is sealed as the last.
* Only segments of which every keeper in the upload has made its block durable, and whose leaves metadata has
  recorded, count as durable; an upload goes on behind them, and seals what follows anew.
* Segments of the end (the last one, and padding) are never recorded: how the file ends is known only when it
  has ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from piccolo_chassis.errors import PiccoloError
from piccolo_formats.digests import DIGEST_SIZE, Digest
from piccolo_formats.fek import Scope, unwrap
from piccolo_formats.merkle import RootBuilder
from piccolo_formats.segments import SEGMENT_SIZE, Segment, SegmentPlan, SegmentSealer
from piccolo_formats.stripes import LONE_STRIPE_SIZE, StripePlan

from piccolo_vault.core.storage.journal import UploadNote, open_local, seal_local
from piccolo_vault.core.storage.lanes import Lanes
from piccolo_vault.core.storage.manifests import parsed
from piccolo_vault.core.storage.receipts import Expected
from piccolo_vault.engine.storage.completion import Draft
from piccolo_vault.engine.storage.fanout import Fanout, Sendoff
from piccolo_vault.engine.storage.files import FileKey, check_size, new_file
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.engine.storage.pipeline import BufferPool, Coded, seal_stripe
from piccolo_vault.engine.storage.placing import find_keepers
from piccolo_vault.engine.storage.small import written
from piccolo_vault.ports.keepers import Head, Keeper
from piccolo_vault.ports.objects import ObjectKind, Upload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from piccolo_formats.fek import Fek, LayoutKey

    from piccolo_vault.engine.storage.completion import Completion, Delivery
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.files import Finish, WriteStart, Written
    from piccolo_vault.engine.storage.nursery import Nursery

_DEPTH = 2  # segments in the pipeline at once
_NOTE = b"upload"


class Session:
    """One upload's way to its keepers; lives inside a nursery."""

    def __init__(
        self,
        context: Context,
        start: WriteStart,
        note: UploadNote,
        fek: Fek,
        report: Callable[[int], Awaitable[None]],
    ) -> None:
        self._context, self.start, self.note, self._report = context, start, note, report
        self._scope = Scope(note.file_id, note.version_id)
        self._fek = fek
        self._sealer = SegmentSealer(fek, self._scope, context.random)
        self._stripes = StripePlan(2**40, LONE_STRIPE_SIZE, note.code.k)
        self._promise = context.promise(note.code, at_risk=start.at_risk, losses=start.losses)
        lanes = Lanes(note.code, self._promise, note.keepers)
        self._pool = BufferPool(note.code.m * self._stripes.block_size, 64)
        self._fanout = Fanout(
            context.peers, context.settings, lanes, context.keyring.owner_id(), self._release
        )
        self._builders = [RootBuilder() for _ in range(note.code.m)]
        self._plain = bytearray(SEGMENT_SIZE)
        self._filled = 0
        self._index = 0
        self._working: deque[tuple[asyncio.Future[Coded], bytearray]] = deque()
        self._leaves: deque[bytes] = deque()
        self._plain_free = [bytearray(SEGMENT_SIZE) for _ in range(_DEPTH)]
        self._recorder: asyncio.Task[None] | None = None
        self._recording = asyncio.Lock()
        self._recordable = 2**63
        self.recorded = 0

    @classmethod
    async def begin(
        cls,
        context: Context,
        children: Nursery,
        start: WriteStart,
        report: Callable[[int], Awaitable[None]],
    ) -> Self:
        """Chooses keepers, begins at each, and journals the upload when it can be resumed.

        Raises PiccoloError UNAVAILABLE, PROMISE_OUT_OF_REACH, or FULL, NO_ROOM.
        """
        session = await cls._planned(context, start, report)
        if not await session._started(children):
            # those that did not answer are known as away by now: place anew among the others
            session = await cls._planned(context, start, report)
            await session._open(children, None, [])
        if start.upload_id:
            await context.objects.begin_upload(session.upload())
            session._recorder = children.spawn(session._record())
        return session

    @classmethod
    async def resume(
        cls,
        context: Context,
        children: Nursery,
        start: WriteStart,
        upload: Upload,
        report: Callable[[int], Awaitable[None]],
    ) -> Self:
        """Goes on after the last durable segment of a journalled upload.

        Raises PiccoloError LOCKED, NOTE_FOREIGN, PROMISE_OUT_OF_REACH.
        """
        keyring, bound = context.keyring, upload.upload_id.encode()
        note = UploadNote.from_bytes(open_local(keyring.local_key(), _NOTE, bound, upload.note))
        if note.generation != keyring.generation():  # keepers take no other from this device any more
            note = replace(note, generation=keyring.generation(), seq=await context.numbers.draw())
        scope = Scope(note.file_id, note.version_id)
        fek = parsed(
            "The upload's key cannot be opened",
            lambda: unwrap(keyring.kek_for(note.wrapped_key), note.wrapped_key, scope),
        )
        session = cls(context, start, note, fek, report)
        digests = await session._recall(upload)
        await session._open(children, upload.durable_segments, digests)
        session._recorder = children.spawn(session._record())
        return session

    @property
    def received(self) -> int:
        """Plaintext bytes taken in so far."""
        return self._index * SEGMENT_SIZE + self._filled

    @property
    def durable_bytes(self) -> int:
        """Plaintext bytes that survive a crash."""
        return self.recorded * SEGMENT_SIZE

    def tail(self) -> bytes:
        """The plaintext behind the last segment sent; only meaningful after `pause`."""
        return bytes(self._plain[: self._filled])

    async def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Takes plaintext in; waits while the window is full. Raises PiccoloError PROMISE_OUT_OF_REACH."""
        view = memoryview(data)
        while view:
            if self._filled == SEGMENT_SIZE:
                await self._seal(Segment(self._index, False, SEGMENT_SIZE, SEGMENT_SIZE))
            taken = min(SEGMENT_SIZE - self._filled, len(view))
            self._plain[self._filled : self._filled + taken] = view[:taken]
            self._filled += taken
            view = view[taken:]

    @property
    def segments(self) -> int:
        """Segments taken in before the tail."""
        return self._index

    async def pause(self, seconds: float) -> None:
        """Makes durable and records what was sent, as far as that goes in time, and ends the streams."""
        try:
            async with asyncio.timeout(seconds):
                await self._drain(0)
                await self._fanout.settle(self._index, seconds)
                await self._record_now()
        except TimeoutError:
            pass
        finally:
            self._fanout.close()

    def close(self) -> None:
        """Ends all streams at once and lets go of the buffers: they would wait for the garbage collector."""
        self._fanout.close()
        self._pool.clear()
        self._working.clear()
        self._plain_free.clear()
        self._plain, self._filled = bytearray(), 0

    async def finish(self, finish: Finish) -> Callable[[Completion], Coroutine[Any, Any, Written]]:
        """Sends the end and waits for the receipts; returns what then gives the file its name.

        Raises PiccoloError SIZE_MISMATCH, PROMISE_OUT_OF_REACH.
        """
        check_size(self.received, finish)
        plan = SegmentPlan(finish.size)
        if self._recorder is not None:
            self._recorder.cancel()
        self._recordable = self._index
        for index in range(self._index, plan.count):
            await self._seal(plan.segment(index))
        await self._drain(0)
        stripes = StripePlan(plan.sealed_size, LONE_STRIPE_SIZE, self.note.code.k)
        roots = tuple(each.root(stripes.block_size, stripes.last_block_size) for each in self._builders)
        await self._fanout.finish([Sendoff(stripes.count, root, stripes.fragment_size) for root in roots])
        return partial(self._complete, plan, stripes, roots)

    async def _complete(
        self, plan: SegmentPlan, stripes: StripePlan, roots: tuple[bytes, ...], completion: Completion
    ) -> Written:
        lanes = self._fanout.lanes
        draft = Draft(
            ObjectKind.FILE,
            self.note.object_id,
            1,
            self.note.code,
            stripes.size,
            LONE_STRIPE_SIZE,
            roots,
            tuple(each if i in lanes.finished() else None for i, each in enumerate(lanes.keepers)),
            self._layout_key(),
        )
        key = FileKey(self._fek, self._scope, self.note.wrapped_key, self.note.object_id)
        journalled = bool(self.start.upload_id)
        file = new_file(self.start, key, plan, 0, self._context.time(), journalled=journalled)
        try:
            deliver = partial(self._commit, stripes.fragment_size)
            outcome = await completion.run(draft, [file], self._promise, deliver)
            return written(outcome, 0, plan.size)
        except PiccoloError:
            # its fragments were withdrawn or its name refused: there is nothing to go on with
            if journalled:
                await self._context.objects.forget_upload(self.start.upload_id)
            raise

    async def _commit(self, size: int, delivery: Delivery) -> Iterable[int]:
        lanes = self._fanout.lanes
        work = {i: partial(self._commit_one, i, size, delivery) for i in lanes.finished()}
        settings = self._context.settings
        done, _ = await gather(
            work, enough=lanes.kept_by, grace=settings.grace_seconds, most=settings.stall_seconds
        )
        return done

    async def _commit_one(self, index: int, size: int, delivery: Delivery) -> None:
        layout, record = delivery.layout, delivery.intent.commit_record
        owner = self.note.keepers[index] or b""

        async def commit(keeper: Keeper) -> bytes:
            return await keeper.commit(layout.fragment_id(index), layout.root(index), record)

        receipt = await self._context.peers.ask(owner, commit, 2 * self._context.settings.stall_seconds)
        expected = Expected(layout.owner, layout.fragment_id(index), layout.root(index), size)
        self._context.peers.take_receipt(receipt, owner, expected, committed=True)

    async def _seal(self, segment: Segment) -> None:
        """Hands the gathered plaintext to the pipeline as this segment."""
        await self._drain(_DEPTH - 1)
        plain, self._plain = self._plain, self._plain_free.pop()
        view = memoryview(plain)[: segment.data_length]
        pipeline = self._context.pipeline
        work = pipeline.submit(
            seal_stripe, pipeline.codec, self.note.code, self._sealer, segment, view, self._pool.take()
        )
        self._working.append((work, plain))
        self._index += 1
        self._filled = 0

    async def _drain(self, most: int) -> None:
        """Pushes finished segments, oldest first, until at most so many are in the pipeline.

        Cancelled anywhere, it can be called again: a segment leaves the pipeline only when it is queued.
        """
        while len(self._working) > most:
            work, plain = self._working[0]
            await asyncio.wait({work})
            coded = work.result()
            await self._fanout.push(coded)
            self._working.popleft()
            self._plain_free.append(plain)
            for builder, leaf in zip(self._builders, coded.leaves, strict=True):
                builder.add(leaf)
            if self.start.upload_id:
                self._leaves.append(b"".join(coded.leaves))

    def _release(self, coded: Coded) -> None:
        self._pool.give(coded.buffer)

    async def _record(self) -> None:
        while True:
            await self._fanout.changed()
            await self._record_now()

    async def _record_now(self) -> None:
        async with self._recording:
            count = min(self._fanout.lanes.durable(), self._recordable) - self.recorded
            if count <= 0 or not self.start.upload_id:
                return
            leaves = b"".join(islice(self._leaves, count))
            await self._context.objects.checkpoint(self.start.upload_id, self.recorded, leaves)
            for _ in range(count):
                self._leaves.popleft()
            self.recorded += count
        await self._report(self.durable_bytes)

    async def _recall(self, upload: Upload) -> list[bytes]:
        """Takes up the recorded leaves; returns each lane's digest over them."""
        m, states = self.note.code.m, [Digest("leaves") for _ in range(self.note.code.m)]
        async for leaves in self._context.objects.read_leaves(upload.upload_id):
            for at in range(0, len(leaves), DIGEST_SIZE):
                index, leaf = (at // DIGEST_SIZE) % m, leaves[at : at + DIGEST_SIZE]
                self._builders[index].add(leaf)
                states[index].update(leaf)
        self._index = self.recorded = upload.durable_segments
        return [state.value() for state in states]

    async def _started(self, children: Nursery) -> bool:
        try:
            await self._open(children, None, [])
        except PiccoloError as error:
            self.close()
            if error.reason == "PROMISE_OUT_OF_REACH":
                return False
            raise
        return True

    async def _open(self, children: Nursery, resume_at: int | None, digests: list[bytes]) -> None:
        key, stripes, expected = self._layout_key(), self._stripes, None
        if self.start.size is not None:
            plan = SegmentPlan(self.start.size)
            expected = StripePlan(plan.sealed_size, LONE_STRIPE_SIZE, self.note.code.k).fragment_size
        heads = [
            Head(
                key.fragment_id(self.note.object_id, 1, index),
                stripes.block_size,
                self.note.generation,
                self.note.seq,
                expected,
            )
            for index in range(self.note.code.m)
        ]
        await self._fanout.open(children, heads, resume_at, digests)

    @classmethod
    async def _planned(
        cls, context: Context, start: WriteStart, report: Callable[[int], Awaitable[None]]
    ) -> Self:
        code = await context.code()
        promise = context.promise(code, at_risk=start.at_risk, losses=start.losses)
        size = SegmentPlan(start.size).sealed_size // code.k if start.size else 0
        key = FileKey.generate(context, start.anew)
        keepers = await find_keepers(context, key.object_id, code, promise, size)
        note = UploadNote(
            file_id=key.scope.file_id,
            version_id=key.scope.version_id,
            object_id=key.object_id,
            generation=context.keyring.generation(),
            seq=await context.numbers.draw(),
            code=code,
            keepers=keepers,
            wrapped_key=key.wrapped,
        )
        return cls(context, start, note, key.fek, report)

    def _layout_key(self) -> LayoutKey:
        return self._fek.layout_key(self.note.object_id)

    def upload(self) -> Upload:
        """What is journalled of it."""
        bound = self.start.upload_id.encode()
        local, random = self._context.keyring.local_key(), self._context.random
        return Upload(
            upload_id=self.start.upload_id,
            path=self.start.path,
            modified=self.start.modified,
            media=self.start.media,
            expected_revision=self.start.expected_revision,
            note=seal_local(local, _NOTE, bound, self.note.to_bytes(), random),
            blocks=self.note.code.m,
            size=self.start.size,
            at_risk=self.start.at_risk,
        )
