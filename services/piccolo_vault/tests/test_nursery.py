"""Waiting for many, and no longer than is worth it."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.engine.storage.nursery import gather


async def test_what_came_while_the_loop_stood_still_counts() -> None:
    async def answer(turns: int, stalls: float = 0.0) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(stalls)  # noqa: ASYNC251 - a busy process
        return turns

    work = {0: partial(answer, 0), 1: partial(answer, 20, 0.1), 2: partial(answer, 20)}
    done, failed = await gather(work, enough=lambda ready: 0 in ready, grace=0.02, most=0.02)
    assert done == {0: 0, 1: 20, 2: 20}
    assert not failed


async def test_who_is_slower_than_the_grace_is_overtaken_and_ended() -> None:
    ended = asyncio.Event()

    async def quick() -> int:
        return 1

    async def never() -> int:
        try:
            await asyncio.Event().wait()
            return 0
        finally:
            ended.set()

    done, failed = await gather({0: quick, 1: never}, enough=lambda ready: 0 in ready, grace=0.01, most=0.01)
    assert (done, failed[1].reason) == ({0: 1}, "KEEPER_SLOW")
    assert ended.is_set()


async def test_nobody_is_waited_for_when_it_cannot_be_enough_any_more() -> None:
    async def fails() -> int:
        raise PiccoloError(Kind.FULL, "DISK_FULL", "Full.")

    async def never() -> int:
        await asyncio.Event().wait()
        return 0

    async with asyncio.timeout(5):
        done, failed = await gather({0: fails, 1: never}, enough=lambda ready: len(ready) == 2, most=60.0)
    assert not done
    assert {index: error.reason for index, error in failed.items()} == {0: "DISK_FULL", 1: "KEEPER_SLOW"}


async def test_a_mistake_in_one_ends_all() -> None:
    async def wrong() -> int:
        raise LookupError("a mistake")

    async def never() -> int:
        await asyncio.Event().wait()
        return 0

    with pytest.raises(LookupError, match="a mistake"):
        await gather({0: wrong, 1: never})
