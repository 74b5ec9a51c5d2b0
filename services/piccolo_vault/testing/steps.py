"""The calls to the outside, counted: at any of them the world can stand still."""

from __future__ import annotations

import asyncio


class Steps:
    """Counts calls to the outside; at the chosen one the world stands still, as if the vault had gone."""

    def __init__(self) -> None:
        self.count = 0
        self.stop_at: int | None = None
        self.after = False
        self.reached = asyncio.Event()
        self.names: list[str] = []
        self._next = asyncio.Event()

    async def next(self) -> None:
        """Returns at the next call to the outside."""
        await self._next.wait()

    async def enter(self, name: str) -> int:
        """A call begins; returns its number."""
        number = self.count
        self.count += 1
        self.names.append(name)
        self._next.set()
        self._next = asyncio.Event()
        if number == self.stop_at and not self.after:
            await self._stand_still()
        elif self.reached.is_set():
            await asyncio.Event().wait()
        return number

    async def leave(self, number: int) -> None:
        """A call has had its effect."""
        if number == self.stop_at and self.after:
            await self._stand_still()

    async def _stand_still(self) -> None:
        self.reached.set()
        await asyncio.Event().wait()
