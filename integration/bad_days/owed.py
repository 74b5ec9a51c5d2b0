"""One owner's files: every change goes through the books, and every look is compared with them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from integration.answers import Written
from integration.bad_days.promises import NOTHING, Content, Promises, content_of
from integration.client import ApiError, Client

_NO_ROOM: Final = 507  # RFC 4918, 11.5


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

    async def put_when_there_is_room(self, path: str, data: bytes, seconds: float = 300.0) -> Written:
        """Stores a file; members are asked anew for their room by the clock."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await self.put(path, data)
                except ApiError as refused:
                    if refused.status != _NO_ROOM:
                        raise
                    await asyncio.sleep(0.5)

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

    async def heals(self, losses: int) -> None:
        """Asks for repairs until every file that is owed survives so many losses."""
        await self.api.heals(losses, *self.promises.there())

    async def _read(self, path: str) -> Content:
        try:
            return content_of(await self.api.get(path))
        except ApiError as refused:
            if refused.reason == "ENTRY_NOT_FOUND":
                return NOTHING
            raise
