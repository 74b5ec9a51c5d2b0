"""Telling waiters that something changed, without losing a change between looking and waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Changes:
    """A change that many may wait for. Take a waiter, look, then wait: what changes meanwhile ends the
    wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Wakes whoever waits."""
        self._event.set()
        self._event = asyncio.Event()

    def waiter(self) -> asyncio.Event:
        """Set at the next change after this call."""
        return self._event


async def within(waiter: asyncio.Event, seconds: float) -> bool:
    """Waits for a change, at most so long; returns whether there was one."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await waiter.wait()
    except TimeoutError:
        return False
    return True


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Does work that must not stop half-way: what is durable and what is believed change together.

    A caller that gives up is told so when the work is done.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            await asyncio.wait([task])
        raise


async def first(*waiters: asyncio.Event, seconds: float | None) -> None:
    """Returns when one of the waiters is set, or when the time is over (None: never)."""
    tasks = [asyncio.ensure_future(waiter.wait()) for waiter in waiters]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def until(wanted: int, works: Sequence[Coroutine[Any, Any, T | None]]) -> list[T]:
    """Runs all at once and returns as soon as so many gave a result; the others are ended."""
    running = {asyncio.ensure_future(work) for work in works}
    found: list[T] = []
    try:
        while running and len(found) < wanted:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            found += [result for task in done if (result := task.result()) is not None]
        return found
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
