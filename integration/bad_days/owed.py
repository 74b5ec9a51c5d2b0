"""One owner's files: every change goes through the books, and every look is compared with them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from integration.answers import Written
from integration.bad_days.promises import NOTHING, Content, Promises, content_of
from integration.client import ApiError, Client


@dataclass(slots=True)
class Owed:
    """What an owner does, and what is owed for it. A refusal is raised as ApiError, and no answer."""

    api: Client
    promises: Promises = field(default_factory=Promises)

    async def put(self, path: str, data: bytes) -> Written:
        """Stores a file."""
        content = content_of(data)
        self.promises.asked(path, content)
        written = await self.api.put(path, data)
        self.promises.acknowledged(path, content)
        return written

    async def remove(self, path: str) -> None:
        """Deletes a file for good."""
        self.promises.asked(path, NOTHING)
        await self.api.delete(path, purge=True)
        self.promises.acknowledged(path, NOTHING)

    async def look(self, *paths: str) -> None:
        """Reads files, or all that were ever asked for. Raises BrokenPromiseError."""
        for path in paths or self.promises.paths():
            self.promises.seen(path, await self._read(path))

    async def refused(self, path: str, data: bytes) -> ApiError:
        """The words in which a write is refused. Raises AssertionError when it is not."""
        try:
            await self.put(path, data)
        except ApiError as refused:
            return refused
        raise AssertionError(f"{path} was acknowledged")

    async def survives(self, losses: int, seconds: float = 60.0) -> None:
        """Returns when everything survives so many losses; what is told of it may be ten seconds old."""
        async with asyncio.timeout(seconds):
            while (await self.api.health()).survives < losses:  # noqa: ASYNC110 - it lives in another process
                await asyncio.sleep(0.2)

    async def heals(self, losses: int, seconds: float = 120.0) -> None:
        """Asks for repairs, as often as something keeps one from being whole; returns as `survives`."""
        async with asyncio.timeout(seconds):
            while (await self.api.health()).survives < losses:
                await self.api.repair()
                await asyncio.sleep(0.2)

    async def _read(self, path: str) -> Content:
        try:
            return content_of(await self.api.get(path))
        except ApiError as refused:
            if refused.reason == "ENTRY_NOT_FOUND":
                return NOTHING
            raise
