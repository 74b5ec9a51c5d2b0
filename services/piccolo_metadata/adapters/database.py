"""The living database: one writer, some readers, and the exchange of the whole by a restored one.

Rules:
* A read borrows a connection for one transaction; a read that its caller gives up is ended.
* While the database is exchanged, reads and writes wait; nobody sees half of it.
* Closing in order clears the mark that makes the next start check the whole file; after damage it stays.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw
import apsw.bestpractice
from piccolo_chassis import pages
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.adapters.batch import View
from piccolo_metadata.adapters.connection import check_room, first_damage, open_plain, open_writer, translated
from piccolo_metadata.adapters.damage import OpenMark, mend, set_aside
from piccolo_metadata.adapters.journal import rotten_journal
from piccolo_metadata.adapters.reader import Reader
from piccolo_metadata.adapters.schema import check_not_newer, migrate, version_of
from piccolo_metadata.adapters.topics import Topics
from piccolo_metadata.adapters.writer import Writer
from piccolo_metadata.core.ages import Age
from piccolo_metadata.engine.upkeep import age_of
from piccolo_metadata.ports import SNAPSHOT_WANTED, Clock, Rows, Transaction

P = ParamSpec("P")
T = TypeVar("T")

_READERS: Final = 3
_OUTBOX: Final = "outbox"


@asynccontextmanager
async def opened(path: Path, clock: Clock) -> AsyncIterator[Database]:
    """The database at `path`, open while the context lasts.

    Raises PiccoloError PRECONDITION (SCHEMA_NEWER, DATABASE_DAMAGED) or what the disk says.
    """
    database = Database(path, clock)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


class Database:
    """Implements ports.Memory."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._mark = OpenMark(path.parent)
        self._age = Age(0, clock.wall(), clock.monotonic())
        self._topics = Topics()
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._readers: asyncio.Queue[Reader | None] = asyncio.Queue()
        self._usable = asyncio.Event()
        self._closing = self._damaged = False
        self._reading = 0
        self._exchanging = asyncio.Lock()
        self._last = self._schema = 0
        self._writer: Writer

    @property
    def schema(self) -> int:
        """The version of its schema: what this release writes, or one that it only opens."""
        return self._schema

    @property
    def last_number(self) -> int:
        """The outbox's last number."""
        return self._last

    def look(self) -> Age:
        """The memory's age now."""
        self._age = self._age.look(self._clock.wall(), self._clock.monotonic())
        return self._age

    async def read(self, work: Callable[Concatenate[Rows, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` in a reader thread, on one consistent view."""
        await self._until_usable()
        reader = await self._take()
        loop, given_up = asyncio.get_running_loop(), threading.Event()
        running: asyncio.Future[T] = loop.run_in_executor(
            self._threads, partial(reader.read, given_up, self.look(), work, *args, **kwargs)
        )
        running.add_done_callback(lambda ended: self._return(reader, ended))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            given_up.set()
            raise
        except PiccoloError as failed:
            self._remember(failed)
            raise

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work` in the writer thread; returns when its commit is durable."""
        await self._until_usable()
        try:
            result: T = await self._writer.submit(lambda write: work(write, *args, **kwargs))
            return result
        except PiccoloError as failed:
            self._remember(failed)
            raise

    def check_room(self) -> None:
        """Whether anything may grow. Raises PiccoloError FULL (DISK_FULL)."""
        check_room(self.path.parent)

    async def changed(self, topic: str, seen: int) -> int:
        """Waits until a commit has touched the topic since `seen`; returns what to give next time."""
        await self._topics.until(topic, lambda: self._topics.count(topic) > seen)
        return self._topics.count(topic)

    async def committed(self, after: int) -> int:
        """Waits until the outbox's last number is above `after`, and returns it."""
        await self._topics.until(_OUTBOX, lambda: self._last > after)
        return self._last

    async def exchange(self, work: Callable[[], T]) -> T:
        """Closes the database while `work` replaces its file in a thread, then opens what is there.

        Who gives it up has it finished all the same: half an exchange is none.
        """
        exchange = asyncio.ensure_future(self._exchange(work))
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            await asyncio.wait([exchange])
            raise

    async def open(self) -> None:
        """Opens, checks after an unclean end, migrates.

        Raises PiccoloError PRECONDITION (SCHEMA_NEWER, DATABASE_DAMAGED).
        """
        await self._start()

    async def close(self) -> None:
        """Does the writes that wait, then closes."""
        self._closing = True
        async with self._exchanging:
            await self._shut()
        self._readers.put_nowait(None)  # for those who still wait for one
        self._threads.shutdown()

    async def _exchange(self, work: Callable[[], T]) -> T:
        async with self._exchanging:
            await self._shut()
            try:
                return await asyncio.to_thread(work)
            finally:
                await self._start()

    async def _start(self) -> None:
        self._writer = Writer(self._open_writer, self.look, self._told)
        try:
            self._last = await self._writer.start()
            for _ in range(_READERS):
                self._readers.put_nowait(await asyncio.to_thread(Reader, self.path))
                self._reading += 1
        except BaseException:
            # those who wait are told, nobody else waits, and the next start looks at the whole file
            self._closing = self._damaged = True
            await self._shut_readers()
            self._readers.put_nowait(None)
            await self._writer.stop()
            raise
        finally:
            self._usable.set()
        self._topics.tell(_OUTBOX)
        self._topics.tell_all()  # another database may be in its place

    async def _shut(self) -> None:
        self._usable.clear()
        await self._shut_readers()
        await self._writer.stop()
        if not self._damaged:
            self._mark.clear()

    async def _shut_readers(self) -> None:
        while self._reading:
            (await self._take()).close()
            self._reading -= 1

    def _open_writer(self) -> apsw.Connection:
        with translated():
            try:
                return self._checked()
            except apsw.Error as failed:
                if isinstance(failed, apsw.CorruptError | apsw.NotADBError) or pages.is_rot(failed):
                    raise set_aside(self.path, str(failed)) from failed
                raise

    def _checked(self) -> apsw.Connection:
        there = self.path.exists()
        check = self._mark.is_set() and there
        if check and (rotten := rotten_journal(self.path.with_name(f"{self.path.name}-wal"))):
            raise set_aside(self.path, rotten)
        if there:
            _check_version(self.path)
        self._mark.set()
        connection = open_writer(self.path)
        try:
            damage = first_damage(connection) if check else None
            if damage is None:
                self._make_ready(connection)
                return connection
        except BaseException:
            connection.close(True)
            raise
        if not mend(connection, self.path, damage):
            raise set_aside(self.path, damage)
        return self._checked()

    def _make_ready(self, connection: apsw.Connection) -> None:
        apsw.bestpractice.connection_optimize(connection)
        fresh = version_of(connection) == 0
        if migrate(connection) and not fresh:
            connection.execute("INSERT OR REPLACE INTO local VALUES (?, x'')", (SNAPSHOT_WANTED,))
        self._schema = version_of(connection)
        seconds = max(self._age.seconds, age_of(View(connection, self._age)))
        self._age = Age(seconds, self._clock.wall(), self._clock.monotonic(), self._age.quiet_until)

    def _told(self, last: int, topics: set[str]) -> None:
        for topic in topics:
            self._topics.tell(topic)
        if last > self._last:
            self._last = last
            self._topics.tell(_OUTBOX)

    async def _until_usable(self) -> None:
        if not self._closing:
            await self._usable.wait()
        if self._closing:
            raise _stopping()

    async def _take(self) -> Reader:
        reader = await self._readers.get()
        if reader is None:
            self._readers.put_nowait(None)
            raise _stopping()
        return reader

    def _return(self, reader: Reader, ended: asyncio.Future[Any]) -> None:
        self._readers.put_nowait(reader)
        if not ended.cancelled():
            ended.exception()  # who gave the read up does not ask for it

    def _remember(self, failed: PiccoloError) -> None:
        self._damaged = self._damaged or failed.reason == "DATABASE_DAMAGED"


def _check_version(path: Path) -> None:
    """Refuses a newer database before anything is written to it: opening for writing already may."""
    connection = open_plain(path)
    try:
        check_not_newer(version_of(connection))
    finally:
        connection.close(True)


def _stopping() -> PiccoloError:
    return PiccoloError(
        Kind.UNAVAILABLE, "STOPPING", "The device's memory is closing; try again in a moment."
    )
