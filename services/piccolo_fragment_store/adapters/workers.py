"""Worker threads for what blocks."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_THREADS: Final = 8
_log = logging.getLogger(__name__)


class ThreadWorkers:
    """A pool of threads. Leaving its context waits for what is under way."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="disk")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in a thread. Cancelling the wait does not stop it."""
        return await asyncio.wrap_future(self._submit(partial(work, *args, **kwargs)))

    def start(self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """The same, without waiting; a failure is logged."""
        self._submit(partial(work, *args, **kwargs)).add_done_callback(_tell)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        context = contextvars.copy_context()  # what is logged in the thread carries the request's id
        return self._pool.submit(context.run, work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)


def _tell(done: Future[object]) -> None:
    if not done.cancelled() and (error := done.exception()):
        _log.error("work in the background failed", exc_info=error)
