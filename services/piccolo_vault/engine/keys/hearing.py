"""Waits, at the end of a recovery, until the members have told what the memory does not know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from piccolo_vault.ports.backups import Work

if TYPE_CHECKING:
    from piccolo_vault.engine.keys.aftermath import Quiet

_ASKING = "Asking the members what is newer than your backup"
_BRINGING = "Bringing back files that the members keep"
_log = logging.getLogger(__name__)


async def hear(
    quiet: Quiet, tell: Callable[[Work], Awaitable[object]], seconds: float, *, patient: bool
) -> None:
    """Tells how far they are; waits so many seconds at most, or, `patient`, so many after they last told."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not quiet.compared.is_set():
        done, total = quiet.progress
        moved = asyncio.ensure_future(quiet.moved.wait())
        # the operation counts bytes, and these are none
        await tell(Work(phase=f"{_BRINGING}: {done} of {total} parts" if total else _ASKING))
        try:
            async with asyncio.timeout_at(until):
                await moved
        except TimeoutError:
            _log.warning("the members were not all asked yet; that goes on by itself")
            return
        finally:
            moved.cancel()
        until = loop.time() + seconds if patient else until
