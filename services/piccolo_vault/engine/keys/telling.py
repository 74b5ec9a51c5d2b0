"""How long work is told of while metadata, which remembers it, may come and go."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

if TYPE_CHECKING:
    from piccolo_vault.ports.backups import Remembers, Work

_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_OVER = frozenset({Kind.NOT_FOUND, Kind.PRECONDITION, Kind.INVALID})
_log = logging.getLogger(__name__)


class Telling:
    """Tells operations."""

    def __init__(self, remembers: Remembers) -> None:
        self._remembers = remembers

    async def tell(self, operation: str, work: Work) -> bool:
        """Records progress; returns whether somebody asked for an end. That this cannot be told does not stop
        the work."""
        try:
            return await self._remembers.advance(operation, work)
        except PiccoloError as failed:
            _log.warning("progress is not recorded", extra=fields(reason=failed.reason))
            return False

    async def insist(self, operation: str, work: Work) -> None:
        """Records an end, however long metadata is away."""
        pause = _PAUSE
        while True:
            try:
                await self.end(operation, work)
                return
            except PiccoloError as failed:
                _log.info("an operation's end waits to be told", extra=fields(reason=failed.reason))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def end(self, operation: str, work: Work) -> None:
        """Records an end, unless it is recorded already; raises PiccoloError while metadata is away."""
        try:
            await self._remembers.advance(operation, work)
        except PiccoloError as failed:
            if failed.kind not in _OVER:
                raise
