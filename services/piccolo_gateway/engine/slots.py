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
