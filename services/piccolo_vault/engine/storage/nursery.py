"""Tasks that belong to one piece of work, and waits that end.

Rules:
* A nursery's tasks end with its block, however that ends; a single failure leaves it as itself, not as a
  group.
* What gathers answers of many keepers returns as soon as enough came and a short grace passed.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping


T = TypeVar("T")
_GRACE_FACTOR = 3.0


class TaskParent(Protocol):
    """Who answers for tasks that outlive a request."""

    def create_task(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task that never fails."""


class Nursery:
    """Starts tasks that end with the block; see `nursery`."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts a task; if it fails, the block is cancelled and raises what it raised."""
        task = self._group.create_task(work)
        # one that has ended is let go of, and with it what it returned
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """Ends all tasks that still run."""
        for task in list(self._tasks):
            task.cancel()


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """A block whose tasks end with it."""
    try:
        async with asyncio.TaskGroup() as group:
            children = Nursery(group)
            try:
                yield children
            finally:
                children.cancel()
    except BaseExceptionGroup as several:
        raise _first(several) from several


def _first(several: BaseExceptionGroup[Any]) -> BaseException:
    leaves: list[BaseException] = []
    queue: list[BaseException] = [several]
    while queue:
        error = queue.pop(0)
        if isinstance(error, BaseExceptionGroup):
            queue.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((leaf for leaf in leaves if not isinstance(leaf, PiccoloError)), leaves[0])


async def gather(
    work: Mapping[int, Callable[[], Awaitable[T]]],
    *,
    enough: Callable[[Collection[int]], bool] | None = None,
    grace: float = 0.0,
    most: float = 0.0,
) -> tuple[dict[int, T], dict[int, PiccoloError]]:
    """Runs all at once; returns what succeeded and what failed, by index.

    Without `enough` it waits for all, each of which ends by itself. Else it returns when all ended, when
    enough succeeded and a grace passed since (three times what that took, between `grace` and `most`
    seconds), or when enough cannot succeed any more. What still runs then is cancelled.
    """
    clock = asyncio.get_running_loop().time
    began, until = clock(), math.inf
    done: dict[int, T] = {}
    failed: dict[int, PiccoloError] = {}
    ended: asyncio.Queue[tuple[int, T | PiccoloError]] = asyncio.Queue()
    async with nursery() as children:
        for index, each in work.items():
            children.spawn(_into(ended, index, each))
        running = set(work)
        while running:
            try:  # what came while this process was busy is taken also when it is late
                async with asyncio.timeout_at(None if until == math.inf else until):
                    index, outcome = await ended.get()
            except TimeoutError:
                break
            running.discard(index)
            _sort(index, outcome, done, failed)
            if enough is None or until < math.inf:
                continue
            if enough(done.keys()):
                until = clock() + min(max(grace, _GRACE_FACTOR * (clock() - began)), most)
            elif index in failed and not enough({*done, *running}):
                break
        failed |= {index: _overtaken() for index in running}
    return done, failed


async def _into(
    ended: asyncio.Queue[tuple[int, T | PiccoloError]], index: int, work: Callable[[], Awaitable[T]]
) -> None:
    ended.put_nowait((index, await _outcome(work)))


def _sort(index: int, outcome: T | PiccoloError, done: dict[int, T], failed: dict[int, PiccoloError]) -> None:
    if isinstance(outcome, PiccoloError):
        failed[index] = outcome
    else:
        done[index] = outcome


def _overtaken() -> PiccoloError:
    return PiccoloError(
        Kind.TIMEOUT, "KEEPER_SLOW", "A keeper was slower than the others; it gets its share later."
    )


async def _outcome(work: Callable[[], Awaitable[T]]) -> T | PiccoloError:
    try:
        return await work()
    except PiccoloError as error:
        return error


async def outliving(tasks: TaskParent, work: Coroutine[Any, Any, T]) -> T:
    """Runs work to its end even when the caller goes away, and returns what it returns."""
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        try:
            result = await work
        except asyncio.CancelledError:
            outcome.cancel()
            raise
        except BaseException as error:
            if not outcome.done():
                outcome.set_exception(error)
        else:
            if not outcome.done():
                outcome.set_result(result)

    tasks.create_task(run())
    return await outcome
