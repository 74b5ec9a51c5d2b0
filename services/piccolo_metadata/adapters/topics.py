"""Waiting for changes: a count per topic that only grows, in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Topics:
    """Counts what happened, by topic, and wakes those who wait. Not for use by other threads."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._wake: dict[str, asyncio.Event] = {}

    def tell(self, topic: str) -> None:
        """Counts one more."""
        self._counts[topic] = self.count(topic) + 1
        if event := self._wake.pop(topic, None):
            event.set()

    def tell_all(self) -> None:
        """Counts one more of each topic that anybody has asked for or told of."""
        for topic in {*self._counts, *self._wake}:
            self.tell(topic)

    def count(self, topic: str) -> int:
        """How much happened so far."""
        return self._counts.get(topic, 0)

    async def until(self, topic: str, good: Callable[[], bool]) -> None:
        """Waits until `good` holds; it is asked at once and after each `tell` of the topic."""
        while not good():
            await self._wake.setdefault(topic, asyncio.Event()).wait()
