"""Gathers small files into packs.

Rules:
* While a pack is on its way, the next one gathers; it closes when those who were in the one before have
  written again, or have not for a moment. A lone writer waits for nobody.
* Each writer gets its own answer: a refused name harms nobody else in the pack.
* A writer that goes away before its pack closes is left out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.status import incident
from piccolo_formats.fek import Fek, Scope, wrap
from piccolo_formats.segments import SegmentPlan, SegmentSealer
from piccolo_formats.stripes import PACK_STRIPE_SIZE

from piccolo_vault.core.storage.packing import Company, PackPlan, plan_pack
from piccolo_vault.engine.storage.files import FileKey, Written, new_file
from piccolo_vault.engine.storage.small import Blob, written
from piccolo_vault.ports.objects import NewFile, ObjectKind

if TYPE_CHECKING:
    from piccolo_formats.secret import Random

    from piccolo_vault.engine.storage.completion import Outcome
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.files import WriteStart
    from piccolo_vault.engine.storage.small import SmallObjects


@dataclass(slots=True, eq=False)
class Waiting:
    """A small file that waits for its pack."""

    start: WriteStart
    data: bytes | bytearray
    answer: asyncio.Future[Written]

    @property
    def path(self) -> str:
        """Its name."""
        return self.start.path

    @property
    def size(self) -> int:
        """Its plaintext bytes."""
        return len(self.data)


class Packer:
    """Stores small files; `run` does the work, one pack at a time."""

    def __init__(self, context: Context, small: SmallObjects) -> None:
        self._context, self._small = context, small
        self._waiting: list[Waiting] = []
        self._arrived = asyncio.Event()
        self._company = Company(context.settings.company_seconds)

    async def write(self, start: WriteStart, data: bytes | bytearray) -> Written:
        """Stores a file of at most 256 KiB; returns when its pack is stored."""
        answer: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(start, data, answer))
        self._arrived.set()
        return await answer

    async def run(self) -> None:
        """Packs and stores what waits, until cancelled."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while plan := self._next():
                    await self._timed(plan)
                    await self._gather()
        finally:
            for each in self._waiting:
                each.answer.cancel()

    async def _timed(self, plan: PackPlan[Waiting]) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        await self._store(plan)
        self._company.stored(len(plan.files), len(self._waiting), clock() - began, clock())

    async def _gather(self) -> None:
        """Lets those who were answered just now write again."""
        clock = asyncio.get_running_loop().time
        while (left := self._company.patience(len(self._waiting), self._size(), clock())) > 0:
            self._arrived.clear()
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _size(self) -> int:
        return sum(each.size for each in self._waiting)

    def _next(self) -> PackPlan[Waiting] | None:
        waiting = [each for each in self._waiting if not each.answer.done()]
        if not waiting:
            self._waiting = []
            return None
        # one promise holds for a whole pack: those who accept less do not share one with those who do not
        at_risk = waiting[0].start.at_risk
        plan, later = plan_pack(each for each in waiting if each.start.at_risk == at_risk)
        self._waiting = later + [each for each in waiting if each.start.at_risk != at_risk]
        return plan

    async def _store(self, plan: PackPlan[Waiting]) -> None:
        try:
            keys = [FileKey.generate(self._context) for _ in plan.files]
            blob, files = await self._seal(plan, keys)
            outcome = await self._small.put(blob, files, at_risk=plan.files[0].start.at_risk)
        except asyncio.CancelledError:
            for each in plan.files:
                each.answer.cancel()
            raise
        except Exception as error:
            told = error if isinstance(error, PiccoloError) else incident(error, where="pack")
            for each in plan.files:
                _fail(each, told)
        else:
            for index, each in enumerate(plan.files):
                _answer(each, outcome, index)

    async def _seal(self, plan: PackPlan[Waiting], keys: list[FileKey]) -> tuple[Blob, list[NewFile]]:
        context = self._context
        object_id, pack_key = context.random(16), Fek.generate(context.random)
        scope, keyring = Scope.of_pack(object_id), context.keyring
        wrapped = wrap(keyring.kek(), keyring.kek_epoch(), pack_key, scope, context.random)
        data = await context.pipeline.run(plan.padded_length, seal_pack, plan, keys, context.random)
        files = [
            new_file(each.start, key, _plan(each), offset, context.time())
            for each, key, offset in zip(plan.files, keys, plan.offsets, strict=True)
        ]
        layout_key = pack_key.layout_key(object_id)
        return Blob(ObjectKind.PACK, object_id, data, PACK_STRIPE_SIZE, layout_key, wrapped), files


def seal_pack(plan: PackPlan[Waiting], keys: list[FileKey], random: Random) -> bytearray:
    """Seals each file into its place, and fills the pack up with random bytes; in a thread."""
    data = bytearray(plan.padded_length)
    view = memoryview(data)
    for each, key, offset in zip(plan.files, keys, plan.offsets, strict=True):
        segment = _plan(each).segment(0)
        sealer = SegmentSealer(key.fek, key.scope, random)
        sealer.seal_into(segment, each.data, view[offset : offset + segment.sealed_length])
    view[plan.length :] = random(plan.padded_length - plan.length)
    return data


def _plan(file: Waiting) -> SegmentPlan:
    return SegmentPlan(file.size, padded=False)


def _answer(file: Waiting, outcome: Outcome, index: int) -> None:
    try:
        result = written(outcome, index, file.size)
    except PiccoloError as refused:
        _fail(file, refused)
    else:
        if not file.answer.done():
            file.answer.set_result(result)


def _fail(file: Waiting, error: PiccoloError) -> None:
    if not file.answer.done():
        file.answer.set_exception(error)
