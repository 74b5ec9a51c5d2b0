"""Work that is done to its end even when its client goes away, and with an Idempotency-Key only once.

Rules:
* That an owner's request begins is durable before it does, and its answer before it is told: the same request
  after a restart is answered alike, or refused, and never done twice.
* An answer that holds a secret is kept in memory only.
* Strangers' requests are kept in memory only, in a place of their own: they cannot push out those of the
  owner, nor wear the disk.
* A journal that cannot be written is told to the log, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.core.idempotency import KEPT_SECONDS, Answer, Answers, Note
from piccolo_gateway.ports.machine import Clock, Journal, Tasks

Work = Callable[[], Awaitable[Answer]]
_SWEPT_SECONDS: Final = KEPT_SECONDS / 24
_SWEPT_NOTES: Final = 200
_log = logging.getLogger(__name__)


class Repeating:
    """Does work in a task of its own. The work never fails: failures are answers."""

    def __init__(
        self, answers: Answers, strangers: Answers, tasks: Tasks, clock: Clock, journal: Journal
    ) -> None:
        self._answers, self._strangers = answers, strangers
        self._tasks, self._clock, self._journal = tasks, clock, journal
        self._begun_ones = 0

    async def resume(self) -> None:
        """Takes in what an earlier process kept."""
        try:
            notes = await self._journal.notes()
        except PiccoloError as failed:
            _log.error("answers to keyed requests were not read", extra=fields(problem=failed.message))
            return
        self._answers.restore(notes, self._clock.now(), self._clock.running())

    async def sweep(self) -> None:
        """For ever: takes from the disk what is not kept any more."""
        while True:
            await self._sweep()
            await asyncio.sleep(_SWEPT_SECONDS)

    async def outlive(self, work: Work) -> Answer:
        """The work's answer. Raises PiccoloError UNAVAILABLE (STOPPING) when the process ends first."""
        outcome: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._tasks.create_task(_do(work, outcome), name="request")
        answer = await asyncio.shield(outcome)
        if answer is None:
            raise PiccoloError(
                Kind.UNAVAILABLE, "STOPPING", "The device is stopping; look whether it was done, later."
            )
        return answer

    async def once(
        self, caller: str, key: str, fingerprint: bytes, work: Work, *, secret: bool = False
    ) -> tuple[Answer, bool]:
        """The answer of the work, and whether it was given before; an empty caller is a stranger.

        Raises PiccoloError as `Answers.begin` and `outlive`.
        """
        answers = self._answers if caller else self._strangers
        known = answers.begin(caller, key, fingerprint, self._clock.running())
        if known is not None:
            return known, True
        note = Note(caller, key, fingerprint, self._clock.now()) if caller else None

        async def kept() -> Answer:
            answer: Answer | None = None
            try:
                await self._begun(note)
                answer = await work()
                await self._ended(note, answer, secret=secret)
                return answer
            finally:
                answers.end(caller, key, answer)

        return await self.outlive(kept), False

    async def _begun(self, note: Note | None) -> None:
        if note is None:
            return
        self._begun_ones += 1
        if self._begun_ones % _SWEPT_NOTES == 0:  # else one hour's requests could fill the disk
            await self._sweep()
        await self._note(self._journal.keep(note))

    async def _ended(self, note: Note | None, answer: Answer, *, secret: bool) -> None:
        if note is None:
            return
        if not answer.lasting:
            await self._note(self._journal.forget(note))
        elif not secret:
            await self._note(self._journal.keep(msgspec.structs.replace(note, answer=answer)))

    async def _sweep(self) -> None:
        await self._note(self._journal.keep_only(self._answers.names))

    async def _note(self, noting: Awaitable[None]) -> None:
        try:
            await noting
        except PiccoloError as failed:
            _log.error("keyed requests are not kept over a restart", extra=fields(problem=failed.message))


async def _do(work: Work, outcome: asyncio.Future[Answer | None]) -> None:
    answer: Answer | None = None
    try:
        answer = await work()
    finally:
        if not outcome.done():
            outcome.set_result(answer)
