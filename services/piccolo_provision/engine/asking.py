"""Asks the site, with patience and an end: a boot must not hang on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer, Seed
from piccolo_provision.ports import Site

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and how long.

    Attributes:
        attempts: at most.
        first: seconds before the second attempt; doubled before each one after it.
        patience: seconds that all of them may take.
    """

    attempts: int
    first: float
    patience: float


async def ask(site: Site, seed: Seed, pace: Pace, *, pause: Pause, chance: Callable[[], float]) -> Answer:
    """What the site has for a node.

    Args:
        pause: waits for some seconds.
        chance: a number from 0 to 1; many devices that come back at once should not all ask at once.

    Raises RefusedError, one of the SITE_ reasons.
    """
    address = f"{seed.site}/nodes/{seed.node}"
    try:
        async with asyncio.timeout(pace.patience):
            for attempt in range(1, pace.attempts):
                try:
                    return await site.fetch(address)
                except RefusedError as refused:
                    if refused.why is not Reason.SITE_UNREACHABLE:
                        raise
                await pause(pace.first * 2 ** (attempt - 1) * (0.5 + chance()))
            return await site.fetch(address)
    except TimeoutError as late:
        raise RefusedError(Reason.SITE_UNREACHABLE) from late
