"""One piece of work at a time for each name, or each object.

Rules:
* Whoever wants several takes them all at once or waits, so that nobody waits for each other for ever.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

T = TypeVar("T")


class Exclusive(Generic[T]):
    """What is under way, by name or id."""

    def __init__(self) -> None:
        self._held: set[T] = set()
        self._freed = asyncio.Condition()

    def is_held(self, one: T) -> bool:
        """Returns whether somebody holds it."""
        return one in self._held

    @asynccontextmanager
    async def held(self, wanted: Iterable[T]) -> AsyncIterator[None]:
        """Holds these while nobody else holds any of them."""
        mine = frozenset(wanted)
        async with self._freed:
            await self._freed.wait_for(lambda: not mine & self._held)
            self._held |= mine
        try:
            yield
        finally:
            async with self._freed:
                self._held -= mine
                self._freed.notify_all()
