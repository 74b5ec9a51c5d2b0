"""What is done for the sake of what is kept while nothing is wrong: hints, notices, figures, audits.

Rules:
* It goes by what members said when they were last looked at (`Peers.look`); it asks nobody for that itself.
* A failure is logged and tried again at the next look.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.engine.storage.members import Members
from piccolo_vault.engine.storage.nursery import nursery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.storage.audit import Auditor
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.figures import KeptFigures
    from piccolo_vault.engine.storage.hints import Hints
    from piccolo_vault.engine.storage.moving import Mover

_log = logging.getLogger(__name__)


class Care:
    """The background work around what is kept."""

    def __init__(
        self, context: Context, hints: Hints, mover: Mover, auditor: Auditor, figures: KeptFigures
    ) -> None:
        self._context, self._hints, self._mover = context, hints, mover
        self._auditor, self._figures = auditor, figures
        self.members = Members(context, figures, mover)
        self._moved_at: float | None = None

    async def run(self) -> None:
        """Works until cancelled."""
        async with nursery() as children:
            children.spawn(self._auditor.run())
            while True:
                await self.look()
                await asyncio.sleep(self._context.settings.look_seconds)

    async def look(self) -> None:
        """Does what is due."""
        await self._safely("hints", self._hints.follow)
        await self._safely("figures", self._figures.keep)
        now = self._context.now()
        if self._moved_at is None or not 0 <= now - self._moved_at < self._context.settings.move_seconds:
            self._moved_at = now
            await self._safely("moving", self._mover.round)

    async def _safely(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except PiccoloError as error:
            level = logging.INFO if error.reason in ("NO_CIRCLE", "NOT_SET_UP") else logging.WARNING
            told = fields(work=what, reason=error.reason, why=error.message)
            _log.log(level, "care of what is kept waits", extra=told)
