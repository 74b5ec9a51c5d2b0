"""A signal that something changed, for any number of waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Pulse:
    """Wakes all who called `wait` before the moment of `fire`; who calls later waits for the next."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Wakes everybody who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    def wait(self) -> Coroutine[Any, Any, None]:
        """Returns what ends at the next `fire` after this call, also when it is awaited only later."""
        return _until(self._event)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
