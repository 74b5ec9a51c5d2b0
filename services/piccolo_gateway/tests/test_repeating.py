"""Work that outlives its request, and what its client hears when the process ends first."""

from __future__ import annotations

import asyncio

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.tasks import Tasks

from piccolo_gateway.core.idempotency import Answer, Answers
from piccolo_gateway.engine.repeating import Repeating
from piccolo_gateway.ports.machine import Clock

OK = Answer(200, {}, b"done")


def repeating(tasks: Tasks) -> Repeating:
    return Repeating(Answers(4, 4096), Answers(1, 4096), tasks, Clock(lambda: 0, lambda: 0.0))


async def test_the_end_of_the_process_is_told_and_nothing_is_kept() -> None:
    async with Tasks() as tasks:
        made, begun = repeating(tasks), asyncio.Event()

        async def endless() -> Answer:
            begun.set()
            await asyncio.Event().wait()
            return OK

        waiting = asyncio.ensure_future(made.once("owner", "k", b"same", endless))
        await begun.wait()
        await tasks.finish()
        with pytest.raises(PiccoloError, match="stopping") as refused:
            await waiting
        assert refused.value.reason == "STOPPING"

        async def work() -> Answer:
            return OK

        assert await made.once("owner", "k", b"same", work) == (OK, False)
        assert await made.once("owner", "k", b"same", work) == (OK, True)


async def test_a_caller_that_goes_away_does_not_end_the_work() -> None:
    async with Tasks() as tasks:
        made, begun, go_on, done = repeating(tasks), asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def work() -> Answer:
            begun.set()
            await go_on.wait()
            done.set()
            return OK

        waiting = asyncio.ensure_future(made.outlive(work))
        await begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        async with asyncio.timeout(5):
            await done.wait()


async def test_one_stranger_at_a_time_and_the_owner_beside() -> None:
    async with Tasks() as tasks:
        made, begun, go_on = repeating(tasks), asyncio.Event(), asyncio.Event()

        async def work() -> Answer:
            begun.set()
            await go_on.wait()
            return OK

        first = asyncio.ensure_future(made.once("", "1", b"1", work))
        await begun.wait()
        with pytest.raises(PiccoloError, match="under way"):
            await made.once("", "2", b"2", work)
        begun.clear()
        owner = asyncio.ensure_future(made.once("owner", "2", b"2", work))
        await begun.wait()
        go_on.set()
        assert await first == await owner == (OK, False)
