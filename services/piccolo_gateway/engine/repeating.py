"""Requests with an Idempotency-Key: done once, even when their client goes away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from piccolo_gateway.core.idempotency import Answer, Answers
from piccolo_gateway.ports.machine import Clock, Tasks


class Repeating:
    """Does keyed work once, and answers again."""

    def __init__(self, answers: Answers, tasks: Tasks, clock: Clock) -> None:
        self._answers, self._tasks, self._clock = answers, tasks, clock

    async def once(
        self, caller: str, key: str, fingerprint: bytes, work: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """The answer of the work, and whether it was given before.

        The work goes on when the client goes away, so that the client finds its answer when it comes back.
        It never fails: failures are answers.
        """
        known = self._answers.begin(caller, key, fingerprint, self._clock.running())
        if known is not None:
            return known, True
        outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._tasks.create_task(self._do(caller, key, work, outcome), name="keyed request")
        return await asyncio.shield(outcome), False

    async def _do(
        self,
        caller: str,
        key: str,
        work: Callable[[], Awaitable[Answer]],
        outcome: asyncio.Future[Answer],
    ) -> None:
        answer: Answer | None = None
        try:
            answer = await work()
        finally:
            self._answers.end(caller, key, answer)
            if not outcome.done():
                if answer is None:
                    outcome.cancel()
                else:
                    outcome.set_result(answer)
