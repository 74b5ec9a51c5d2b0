"""The calls that a process is answering: begun, counted, told to the log, and ended with the process.

Rules:
* At the end of the process each handler may finish by itself; who does not within the grace is told
  UNAVAILABLE, STOPPING, and so is a call that begins after that. Watchers of health wait for ever and are
  ended at once.
* One log line and one count a call. Health, reflection and metrics are too chatty for the log's normal
  level.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CollectorRegistry

from piccolo_chassis import logs
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.metrics import SERVICE as METRICS
from piccolo_chassis.metrics import RpcMetrics

_INFRASTRUCTURE: Final = "/grpc."
_CHATTY: Final = (_INFRASTRUCTURE, f"/{METRICS}/")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answering:
    """One call under way; times are the event loop's."""

    method: str
    began: float
    until: float


class Running:
    """All calls under way, on all servers of the process, by the task that answers each."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metrics = RpcMetrics(registry)
        self._calls: dict[asyncio.Task[Any], Answering] = {}
        self._ending: set[asyncio.Task[Any]] = set()
        self._closed = False

    def begin(self, call: Answering) -> None:
        """Counts the call that the current task answers from now on."""
        self._calls[_task()] = call
        self._metrics.running_of(call.method).inc()

    def finish(self, call: Answering, code: str, reason: str) -> None:
        """Counts how it ended, and logs it."""
        self._calls.pop(_task(), None)
        self._ending.discard(_task())
        seconds = asyncio.get_running_loop().time() - call.began
        self._metrics.running_of(call.method).dec()
        self._metrics.ended_of(call.method, code).inc()
        self._metrics.seconds_of(call.method).observe(seconds)
        level = logging.DEBUG if call.method.startswith(_CHATTY) else logging.INFO
        told = logs.fields(method=call.method, code=code, reason=reason, seconds=round(seconds, 6))
        _log.log(level, "answered", extra=told)

    def refuse_if_closed(self) -> None:
        """Ends a call that begins when all others have already been ended."""
        if self._closed:
            raise stopping()

    def was_ended(self) -> bool:
        """Whether the end of the process cancelled the current task; takes the cancelling back if so."""
        if _task() not in self._ending:
            return False
        _task().uncancel()
        return True

    async def drain(self, grace: float) -> None:
        """Waits `grace` seconds for the calls under way, then ends the others."""
        self._end(task for task, call in self._calls.items() if call.method.startswith(_INFRASTRUCTURE))
        await self._wait(grace)
        self._closed = True
        self._end(self._calls)
        await self._wait(grace)

    async def _wait(self, seconds: float) -> None:
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=seconds)

    def _end(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        for task in list(tasks):
            self._ending.add(task)
            task.cancel("the server stops")


def stopping() -> PiccoloError:
    """What a caller hears whose call the end of the process cut off."""
    return PiccoloError(Kind.UNAVAILABLE, "STOPPING", "The service is stopping; try again in a moment.")


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call is answered in a task")
    return task
