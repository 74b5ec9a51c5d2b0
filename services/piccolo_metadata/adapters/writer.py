"""The writer thread: the only one that changes the database.

Rules:
* Writes queue; the thread takes what waits, up to a bound, into one commit. While one commit waits for the
  disk, the next batch gathers.
* When a batch as a whole fails, its writes run again one by one, so that only the guilty ones fail.
* Callers hear after the commit, in their event loop, in one call for the whole batch.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import apsw

from piccolo_metadata.adapters.batch import Batch, Outcome, Work, last_number
from piccolo_metadata.adapters.changesets import Tables
from piccolo_metadata.adapters.connection import translated
from piccolo_metadata.core.ages import Age

_MOST: Final = 256
_SECONDS: Final = 0.05

Told = Callable[[int, set[str]], None]


@dataclass(slots=True)
class Job:
    """A write that waits: what to run, and who waits for it."""

    work: Work
    caller: asyncio.Future[Any]


class Writer:
    """Runs writes on a thread of its own, from `start` to `stop`."""

    def __init__(self, open_it: Callable[[], apsw.Connection], look: Callable[[], Age], told: Told) -> None:
        """Prepares a writer.

        Args:
            open_it: opens the writing connection; called in the thread.
            look: the memory's age now; called in the thread.
            told: called in the event loop after each commit, with the outbox's last number and the topics.
        """
        self._open_it, self._look, self._told = open_it, look, told
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[int] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._last_job = False
        self._thread = threading.Thread(target=self._live, name="writer", daemon=True)

    async def start(self) -> int:
        """Opens the database; returns the outbox's last number. Raises what opening raises."""
        self._thread.start()
        return await self._opened

    def submit(self, work: Work) -> asyncio.Future[Any]:
        """Queues a write; the future ends when its commit is durable. Cancelled before, it may not run."""
        job = Job(work, self._loop.create_future())
        self._jobs.put(job)
        return job.caller

    async def stop(self) -> None:
        """Does what is queued, then closes the connection."""
        self._jobs.put(None)
        await self._ended.wait()

    def _live(self) -> None:
        try:
            connection = self._open_it()
            tables, last = Tables(connection), last_number(connection)
        except BaseException as failed:
            self._post(_fail, self._opened, failed)
            self._post(self._ended.set)
            return
        self._post(_succeed, self._opened, last)
        try:
            while not self._last_job:
                jobs = self._gather()
                while jobs:
                    jobs = self._commit(connection, tables, jobs)
        finally:
            connection.close()
            self._post(self._ended.set)

    def _gather(self) -> list[Job]:
        """What waits, at least one: cancelled writes are left out."""
        jobs: list[Job] = []
        job = self._jobs.get()
        while True:
            if job is None:
                self._last_job = True
                return jobs
            if not job.caller.cancelled():
                jobs.append(job)
            if len(jobs) == _MOST or self._jobs.empty():
                return jobs
            job = self._jobs.get()

    def _commit(self, connection: apsw.Connection, tables: Tables, jobs: list[Job]) -> list[Job]:
        """Commits the first of the jobs; returns the rest, for which there was no time."""
        batch = Batch(connection, tables, self._look())
        try:
            with translated():
                last = batch.commit(_for_a_while(jobs))
        except Exception as failed:
            if len(jobs) == 1:
                self._post(_tell, jobs, [Outcome(error=failed)])
                return []
            for job in jobs:
                self._commit(connection, tables, [job])
            return []
        self._post(self._deliver, jobs, batch, last)
        return jobs[len(batch.outcomes) :]

    def _deliver(self, jobs: list[Job], batch: Batch, last: int) -> None:
        _tell(jobs, batch.outcomes)
        self._told(last, batch.topics)

    def _post(self, call: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:  # the loop has ended: nobody waits any more
            return


def _for_a_while(jobs: list[Job]) -> Iterator[Work]:
    until = time.monotonic() + _SECONDS
    for job in jobs:
        yield job.work
        if time.monotonic() > until:
            return


def _tell(jobs: list[Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=False):  # the rest of the jobs comes later
        if outcome.error is None:
            _succeed(job.caller, outcome.value)
        else:
            _fail(job.caller, outcome.error)


def _succeed(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
