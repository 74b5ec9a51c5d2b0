"""A pulse is not missed by who asked before it, however late the waiting begins."""

from __future__ import annotations

import asyncio

from piccolo_vault.engine.keys.pulse import Pulse


async def test_who_asked_before_is_woken_even_if_its_task_starts_later() -> None:
    pulse = Pulse()
    waiting = asyncio.ensure_future(pulse.wait())
    # No turn of the event loop lies in between: the task has not begun.
    pulse.fire()
    await asyncio.wait_for(waiting, 1)


async def test_who_asks_afterwards_waits_for_the_next() -> None:
    pulse = Pulse()
    pulse.fire()
    waiting = asyncio.ensure_future(pulse.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    pulse.fire()
    await asyncio.wait_for(waiting, 1)


async def test_one_pulse_wakes_everybody() -> None:
    pulse = Pulse()
    waiting = [asyncio.ensure_future(pulse.wait()) for _ in range(5)]
    pulse.fire()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
