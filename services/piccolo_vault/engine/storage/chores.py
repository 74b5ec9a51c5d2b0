"""What nobody waits for: it is done one after the other, while the owner writes nothing.

Rules:
* One piece of work at a time, and each kind stops by itself when its allowance is used up.
* It begins at times, and at once when a member came or is back: what lies two by two can spread then.
* A failure is logged and tried again in the next round; it never keeps another kind from its turn.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.storage.compaction import Compactor
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.resealing import Resealer
    from piccolo_vault.engine.storage.spreading import Spreader
    from piccolo_vault.engine.storage.stocktaking import StockTaker

_log = logging.getLogger(__name__)


class Chores:
    """The round of what nobody waits for."""

    def __init__(
        self,
        context: Context,
        compactor: Compactor,
        spreader: Spreader,
        stocktaker: StockTaker,
        resealer: Resealer,
    ) -> None:
        self._context = context
        self.compactor, self.spreader, self.stocktaker = compactor, spreader, stocktaker
        self.resealer = resealer

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._context.settings.chores_seconds):
                    await self._context.chores_due.wait()
            except TimeoutError:
                pass
            self._context.chores_due.clear()
            await self.round()

    async def round(self) -> None:
        """Does each kind of work as far as it may now."""
        await self._safely("spreading", self.spreader.round)
        await self._safely("stock-taking", self.stocktaker.round)
        await self._safely("compaction", self.compactor.round)
        await self._safely("sealing anew", self.resealer.round)

    async def _safely(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except PiccoloError as error:
            told = fields(work=what, reason=error.reason, why=error.message)
            _log.info("a chore was put off", extra=told)
