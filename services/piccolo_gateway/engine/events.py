"""What changes, as one stream: operations, circle and backup whole, of all else that is shown only that.

Rules:
* Each client has watchers of its own; a slow one slows its own watchers only, and is told the last state.
* When one of the services goes away, or this process is about to, the stream ends; clients come back with
  their last id and miss nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec
from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core import events
from piccolo_gateway.core.events import BEAT, Event, make_id, read_id
from piccolo_gateway.engine.changes import Changes
from piccolo_gateway.engine.slots import Slots
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.memory import Backups, ChangesPort, OperationsPort, Topic

_ROOM: Final = 32
_BEAT_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.25
_MEMORY: Final[tuple[Topic, ...]] = ("files", "settings", "audit")
_Put = Callable[[bytes | None], Awaitable[None]]


class Subscription:
    """One client's stream."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_ROOM)
        self._stopping = stopping

    async def put(self, piece: bytes | None) -> None:
        """Adds an encoded event; None ends the stream."""
        await self._queue.put(piece)

    async def next(self) -> bytes | None:
        """The next piece to send, a sign of life when nothing happens; None at the end."""
        got = asyncio.ensure_future(self._queue.get())
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({got, stop}, timeout=_BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if got.done():
                return got.result()
            return None if self._stopping.is_set() else BEAT
        finally:
            got.cancel()
            stop.cancel()


class Events:
    """The streams of all clients."""

    def __init__(
        self,
        operations: OperationsPort,
        circle: CirclePort,
        backups: Backups,
        instance: str,
        stopping: asyncio.Event,
        slots: Slots,
        memory: ChangesPort,
        changes: Changes,
    ) -> None:
        self._operations, self._circle, self._backups = operations, circle, backups
        self._memory, self._changes = memory, changes
        self._instance, self._stopping, self._slots = instance, stopping, slots

    @asynccontextmanager
    async def open(self, last_id: str, operation_id: str, *, reads: bool) -> AsyncIterator[Subscription]:
        """A stream from an id on (empty: from the beginning); with an operation's id, of that one only.

        Who only watches and does not read is told less.

        Raises PiccoloError NOT_FOUND for an operation that is not known, before the stream begins.
        """
        if operation_id:
            await self._operations.get(operation_id)
        told = _Told(self._instance, read_id(self._instance, last_id))
        async with self._slots.one():
            stream = Subscription(self._stopping)
            watchers = [self._watch_operations(stream.put, told, operation_id, reads=reads)]
            if not operation_id:
                if reads:
                    watchers += [self._watch_circle(stream.put, told), self._watch_backup(stream.put, told)]
                watchers += [self._watch_memory(stream.put, told, topic) for topic in _MEMORY]
                watchers.append(self._watch_changes(stream.put, told))
            tasks = [asyncio.ensure_future(_until_lost(stream.put, watcher)) for watcher in watchers]
            try:
                yield stream
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_operations(self, put: _Put, told: _Told, operation_id: str, *, reads: bool) -> None:
        async for operation in self._operations.watch(operation_id, told.revision):
            told.revision = max(told.revision, operation.revision)
            shown = events.told(operation, reads=reads)
            await put(Event("operation", msgspec.json.encode(shown)).encode(told.id))

    async def _watch_circle(self, put: _Put, told: _Told) -> None:
        async for circle in self._circle.watch():
            await put(Event("circle", msgspec.json.encode(circle)).encode(told.id))

    async def _watch_backup(self, put: _Put, told: _Told) -> None:
        async for backup in self._backups.watch():
            await put(Event("backup", msgspec.json.encode(backup)).encode(told.id))

    async def _watch_memory(self, put: _Put, told: _Told, topic: Topic) -> None:
        """Marks of metadata; a thousand small files are a few events, not a thousand."""
        latest, news = 0, asyncio.Event()

        async def send() -> None:
            while True:
                await news.wait()
                news.clear()
                await put(_changed(topic, str(latest)).encode(told.id))
                await asyncio.sleep(_PAUSE_SECONDS)

        sending = asyncio.ensure_future(send())
        try:
            async for mark in self._memory.watch(topic):
                latest = mark
                news.set()
        finally:
            sending.cancel()

    async def _watch_changes(self, put: _Put, told: _Told) -> None:
        async with self._changes.open() as news:
            async for topic, tag in news:
                await put(_changed(topic, tag).encode(told.id))


class _Told:
    """How far a client has heard of the operations."""

    def __init__(self, instance: str, revision: int) -> None:
        self.instance, self.revision = instance, revision

    @property
    def id(self) -> str:
        """The id of an event that is sent now."""
        return make_id(self.instance, self.revision)


def _changed(topic: str, tag: str) -> Event:
    return Event(topic, msgspec.json.encode({"tag": tag}))


async def _until_lost(put: _Put, watcher: Awaitable[None]) -> None:
    """Ends the stream when what it watches does."""
    with suppress(PiccoloError):
        await watcher
    await put(None)
