"""The task group of a process: every background task has it as its parent.

Rules:
* A task that fails brings the process down, in order; systemd starts it again. Tasks handle what they
  foresee.
* A task keeps the request id of the request that started it, but not its deadline.
* At the end all are cancelled and waited for, so that no task uses an adapter that is already closed.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar, cast

from piccolo_chassis import deadline

T = TypeVar("T")


class Tasks(asyncio.TaskGroup):
    """asyncio's TaskGroup that can also be told to end."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[asyncio.Task[Any]] = set()

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """Starts a task that outlives the request, if any, that asks for it."""
        own = context or contextvars.copy_context()
        own.run(deadline.forget)
        # only Python 3.11's types know the generators; those of later ones want a coroutine
        task = super().create_task(cast("Coroutine[Any, Any, T]", coro), name=name, context=own)
        self._known.add(task)
        task.add_done_callback(self._known.discard)
        return task

    async def finish(self) -> None:
        """Cancels the tasks and waits until each has cleaned up; those started meanwhile too."""
        while self._known:
            running = list(self._known)
            for task in running:
                task.cancel("the process stops")
            await asyncio.wait(running)
