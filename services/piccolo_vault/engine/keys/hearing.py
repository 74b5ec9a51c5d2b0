"""Waits, at the end of a recovery, until the members have told what the memory does not know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from piccolo_vault.ports.backups import Work

if TYPE_CHECKING:
    from piccolo_vault.engine.keys.aftermath import Fence, Quiet

_ASKING = "Asking the members what is newer than your backup"
_BRINGING = "Bringing back files that the members keep"
_log = logging.getLogger(__name__)


async def hear(
    quiet: Quiet, fence: Fence, tell: Callable[[Work], Awaitable[object]], seconds: float, *, patient: bool
) -> None:
    """Tells how far they are; waits so many seconds at most, or, `patient`, so many after they last told.

    Raises PiccoloError DENIED (FENCED) once a newer device took over: to that one they tell it.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not quiet.compared.is_set():
        done, total = quiet.progress
        waits = [asyncio.ensure_future(pulse.wait()) for pulse in (quiet.moved, fence.changed)]
        try:
            # the operation counts bytes, and these are none
            await tell(Work(phase=f"{_BRINGING}: {done} of {total} parts" if total else _ASKING))
            fence.check()
            left = max(0.0, until - loop.time())
            if not (await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED))[0]:
                _log.warning("the members were not all asked yet; that goes on by itself")
                return
        finally:
            for wait in waits:
                wait.cancel()
        until = loop.time() + seconds if patient else until
