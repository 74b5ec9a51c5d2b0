"""Background work that nobody waits for keeps out of the owner's way.

Rules:
* While a write is under way, and for a while after it, nothing that can wait begins.
* Each kind of work has an allowance of bytes a day, and rests between two pieces.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from piccolo_vault.core.storage.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from piccolo_vault.engine.storage.context import Context


class Quiet:
    """Whether the owner is writing."""

    def __init__(self) -> None:
        self._writing, self._since = 0, float("-inf")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A write, as long as the block lasts."""
        self._writing += 1
        try:
            yield
        finally:
            self._writing -= 1
            self._since = asyncio.get_running_loop().time()

    def lasted(self, seconds: float) -> bool:
        """Returns whether nothing has been written for so long."""
        return not self._writing and asyncio.get_running_loop().time() - self._since >= seconds


class Pace:
    """The allowance of one kind of work."""

    def __init__(self, context: Context, bytes_a_day: int) -> None:
        self._context, self._budget = context, Budget.a_day(bytes_a_day)

    def ready(self) -> bool:
        """Returns whether the next piece may be done now."""
        now = asyncio.get_running_loop().time()
        quiet = self._context.quiet.lasted(self._context.settings.quiet_seconds)
        return quiet and self._budget.wait(now) == 0

    async def spent(self, size: int) -> None:
        """Notes that so many bytes were moved, and rests."""
        self._budget.spend(size, asyncio.get_running_loop().time())
        await asyncio.sleep(self._context.settings.repair_pause)
