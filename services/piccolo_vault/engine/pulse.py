"""A signal that something changed, for any number of waiters."""

from __future__ import annotations

import asyncio


class Pulse:
    """Wakes all who wait at the moment of `fire`; who comes later waits for the next."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Wakes everybody who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Returns at the next `fire`."""
        await self._event.wait()

    async def wait_at_most(self, seconds: float) -> None:
        """Returns at the next `fire`, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
