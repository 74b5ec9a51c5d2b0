"""Waiting for programs of others, which tell nobody when they are ready: one looks, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from integration.bench.errors import NotReadyError

_LOOK_SECONDS: Final = 0.1
T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], seconds: float, what: str) -> T:
    """Looks until there is something to see, and returns it. Raises NotReadyError after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                if (found := await look()) is not None:
                    return found
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError as late:
        raise NotReadyError(f"after {seconds:g} s there is no {what}") from late
