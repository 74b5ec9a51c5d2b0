"""At most so many at once; who comes later waits a little, then is told to come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from piccolo_chassis.errors import Kind, PiccoloError


class Slots:
    """Places for streams of one sort."""

    def __init__(self, most: int, patience: float, what: str) -> None:
        self._places = asyncio.Semaphore(most)
        self._patience, self._what, self._most = patience, what, most

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place. Raises PiccoloError EXHAUSTED (TOO_MANY_STREAMS) when none becomes free in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError as late:
            raise PiccoloError(
                Kind.EXHAUSTED,
                "TOO_MANY_STREAMS",
                f"{self._most} {self._what} are under way; that is as many as this device takes at once.",
                {"retry_after": "2"},
            ) from late
        try:
            yield
        finally:
            self._places.release()


class SharedSlots:
    """Places that many share: few for each, so that none takes all."""

    def __init__(self, most: int, each: int, patience: float, what: str) -> None:
        self._all = Slots(most, patience, what)
        self._each, self._patience, self._what = each, patience, what
        self._of: dict[str, tuple[Slots, int]] = {}

    @asynccontextmanager
    async def one(self, key: str) -> AsyncIterator[None]:
        """A place for one of them. Raises as `Slots.one`."""
        own, users = self._of.get(key) or (Slots(self._each, self._patience, self._what), 0)
        self._of[key] = own, users + 1
        try:
            async with own.one(), self._all.one():
                yield
        finally:
            users = self._of[key][1] - 1
            if users:
                self._of[key] = own, users
            else:
                del self._of[key]
