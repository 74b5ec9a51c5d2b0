"""Long work as its watchers see it: whatever dies meanwhile, every operation comes to an end that is told.

Rules:
* What an earlier process left running was interrupted: it is told so as soon as metadata answers.
* The end of an operation is recorded however long metadata is away.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_chassis.status import incident

from piccolo_vault.ports.objects import Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from piccolo_vault.engine.storage.context import Context

T = TypeVar("T")
KINDS: Final = ("check", "repair")
_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_ENDED_ALREADY: Final = frozenset({Kind.NOT_FOUND, Kind.PRECONDITION, Kind.INVALID})
_INTERRUPTED: Final = Progress(
    error_reason="INTERRUPTED",
    error_message="The device restarted in the middle. What was done stays done; start it again.",
    state="failed",
)
_log = logging.getLogger(__name__)


class Operating:
    """Runs operations."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ours: set[str] = set()
        self._listing = asyncio.Lock()

    async def run(self) -> None:
        """Tells what became of the operations of an earlier process."""
        async with self._listing:
            left = await _insisted(lambda: self._context.operations.running(KINDS))
        for operation_id in set(left or ()) - self._ours:
            await self._end(operation_id, _INTERRUPTED)

    async def begin(self, kind: str, subject: str, unit: str, work: Callable[[str], Awaitable[None]]) -> str:
        """Begins work that records its own progress and success; returns its operation."""
        async with self._listing:
            operation_id = await self._context.operations.start(kind, subject, unit)
            self._ours.add(operation_id)
        self._context.tasks.create_task(self._work(operation_id, work))
        return operation_id

    async def _work(self, operation_id: str, work: Callable[[str], Awaitable[None]]) -> None:
        try:
            await work(operation_id)
            return
        except PiccoloError as error:
            failed = error
        except Exception as unforeseen:
            failed = incident(unforeseen, where="operation")
        told = Progress(error_reason=failed.reason, error_message=failed.message, state="failed")
        await self._end(operation_id, told)

    async def _end(self, operation_id: str, end: Progress) -> None:
        await _insisted(lambda: self._context.operations.advance(operation_id, end))


async def _insisted(ask: Callable[[], Awaitable[T]]) -> T | None:
    """The answer, however long it takes; None when the question is over."""
    pause = _PAUSE
    while True:
        try:
            return await ask()
        except PiccoloError as failed:
            if failed.kind in _ENDED_ALREADY:
                return None
            _log.info("an operation's end waits to be told", extra=fields(reason=failed.reason))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
