"""Work that is done to its end even when its client goes away, and with an Idempotency-Key only once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.idempotency import Answer, Answers
from piccolo_gateway.ports.machine import Clock, Tasks

Work = Callable[[], Awaitable[Answer]]


class Repeating:
    """Does work in a task of its own. The work never fails: failures are answers.

    Strangers' keys have a place of their own, so that they cannot push out those of the owner.
    """

    def __init__(self, answers: Answers, strangers: Answers, tasks: Tasks, clock: Clock) -> None:
        self._answers, self._strangers = answers, strangers
        self._tasks, self._clock = tasks, clock

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

    async def once(self, caller: str, key: str, fingerprint: bytes, work: Work) -> tuple[Answer, bool]:
        """The answer of the work, and whether it was given before; an empty caller is a stranger.

        Raises PiccoloError as `Answers.begin` and `outlive`.
        """
        answers = self._answers if caller else self._strangers
        known = answers.begin(caller, key, fingerprint, self._clock.running())
        if known is not None:
            return known, True

        async def kept() -> Answer:
            answer: Answer | None = None
            try:
                answer = await work()
                return answer
            finally:
                answers.end(caller, key, answer)

        return await self.outlive(kept), False


async def _do(work: Work, outcome: asyncio.Future[Answer | None]) -> None:
    answer: Answer | None = None
    try:
        answer = await work()
    finally:
        if not outcome.done():
            outcome.set_result(answer)
