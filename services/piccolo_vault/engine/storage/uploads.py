"""Uploads that clients may come back to: under way, waiting in memory, or journalled.

Rules:
* One stream at a time writes an upload; a newer one ends the older, whose client is likely gone.
* What lies behind the last durable segment waits in memory, bounded by count and time; without it the client
  sends that part again.
* When the vault locks, waiting plaintext is dropped.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.segments import SEGMENT_SIZE

from piccolo_vault.engine.storage.files import WriteStart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.ports.objects import Upload

_HANDOVER_SECONDS = 15.0
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Interrupt:
    """Ends a piece of work from outside, with a reason."""

    error: PiccoloError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _wait: asyncio.Timeout | None = None

    def set(self, error: PiccoloError) -> None:
        """Asks for the end."""
        if self.error is None:
            self.error = error
            if self._wait is not None and not self._wait.expired():
                self._wait.reschedule(asyncio.get_running_loop().time())

    async def within(self, seconds: float, work: Awaitable[T]) -> T:
        """Awaits work, for so long at most. Raises the reason once it is asked to end, and TimeoutError."""
        self.check()
        try:
            async with asyncio.timeout(seconds) as self._wait:
                return await work
        except TimeoutError:
            self.check()
            raise
        finally:
            self._wait = None

    def check(self) -> None:
        """Raises the reason when there is one."""
        if self.error is not None:
            raise self.error


@dataclass(slots=True)
class Running:
    """An upload that a stream writes now; `secrecy` is how often plaintext had been dropped when it began."""

    start: WriteStart
    interrupt: Interrupt
    secrecy: int
    durable_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Parked:
    """An upload whose client is gone: `tail` follows `segments` whole segments. Repr shows no plaintext."""

    start: WriteStart
    tail: bytes = field(repr=False)
    segments: int
    since: float


@dataclass(frozen=True, slots=True)
class Found:
    """Where an upload stands when a stream takes it up: what is journalled, and the plaintext behind."""

    start: WriteStart
    journalled: Upload | None
    tail: bytes = field(repr=False)

    @property
    def offset(self) -> int:
        """Plaintext bytes that need not be sent again."""
        durable = self.journalled.durable_segments if self.journalled else 0
        return durable * SEGMENT_SIZE + len(self.tail)


class Uploads:
    """The uploads of this process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[str, Running] = {}
        self._anonymous: set[Interrupt] = set()
        self._parked: OrderedDict[str, Parked] = OrderedDict()
        self._dropped = 0

    @asynccontextmanager
    async def claimed(self, start: WriteStart) -> AsyncIterator[tuple[Found, Running]]:
        """Holds an upload for one stream; an older stream of the same upload is ended first."""
        interrupt = Interrupt()
        running = Running(start, interrupt, self._dropped)
        if not start.upload_id:
            self._anonymous.add(interrupt)
            try:
                yield Found(start, None, b""), running
            finally:
                self._anonymous.discard(interrupt)
            return
        await self._end_older(start.upload_id)
        self._running[start.upload_id] = running
        try:
            yield await self._find(start), running
        finally:
            del self._running[start.upload_id]
            interrupt.ended.set()

    def park(self, start: WriteStart, tail: bytes, segments: int) -> None:
        """Keeps a running upload's tail for its client's return, unless plaintext was dropped meanwhile: the
        end of a stream comes after the lock that ends it."""
        running = self._running.get(start.upload_id)
        if running is None or running.secrecy != self._dropped:
            return
        self._parked[start.upload_id] = Parked(start, tail, segments, self._context.now())
        self._parked.move_to_end(start.upload_id)
        self._expire()

    async def offset(self, upload_id: str) -> Found:
        """Returns where an upload stands. Raises PiccoloError NOT_FOUND, NO_UPLOAD."""
        self._expire()
        running = self._running.get(upload_id)
        start = running.start if running else WriteStart(path="", upload_id=upload_id)
        found = await self._find(start, keep=True)
        if found.journalled is None and not found.tail and running is None:
            raise no_upload(upload_id)
        return found

    async def abandon(self, upload_id: str) -> None:
        """Ends an upload for good; its fragments stay provisional at the keepers and end there.

        Raises PiccoloError NOT_FOUND, NO_UPLOAD.
        """
        found = await self.offset(upload_id)
        await self._end_older(upload_id)
        self._parked.pop(upload_id, None)
        if found.journalled is not None or await self._journalled(upload_id) is not None:
            await self._context.objects.forget_upload(upload_id)

    def interrupt(self, error: PiccoloError) -> None:
        """Ends all streams with this error; resumable uploads are kept as far as they are durable."""
        for running in self._running.values():
            running.interrupt.set(error)
        for interrupt in self._anonymous:
            interrupt.set(error)

    def drop_plaintext(self) -> None:
        """Forgets what waits in memory, and what the streams that run now would leave to wait."""
        self._parked.clear()
        self._dropped += 1

    async def _find(self, start: WriteStart, *, keep: bool = False) -> Found:
        self._expire()
        upload_id = start.upload_id
        parked = self._parked.get(upload_id) if keep else self._parked.pop(upload_id, None)
        journalled = await self._journalled(upload_id)
        known = _start_of(journalled) if journalled else parked.start if parked else start
        durable = journalled.durable_segments if journalled else 0
        tail = parked.tail if parked is not None and parked.segments == durable else b""
        _check_same(start, known)
        return Found(known, journalled, tail)

    async def _journalled(self, upload_id: str) -> Upload | None:
        try:
            return await self._context.objects.get_upload(upload_id)
        except PiccoloError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise

    async def _end_older(self, upload_id: str) -> None:
        while (older := self._running.get(upload_id)) is not None:
            older.interrupt.set(
                PiccoloError(
                    Kind.CANCELLED, "SUPERSEDED", "Another stream went on with this upload; this one ends."
                )
            )
            try:
                async with asyncio.timeout(_HANDOVER_SECONDS):
                    await older.interrupt.ended.wait()
            except TimeoutError as late:
                raise PiccoloError(
                    Kind.UNAVAILABLE,
                    "UPLOAD_BUSY",
                    "The upload is still being written; try again soon.",
                ) from late

    def _expire(self) -> None:
        settings, now = self._context.settings, self._context.now()
        while self._parked:
            oldest = next(iter(self._parked.values()))
            if len(self._parked) <= settings.parked_uploads and now - oldest.since <= settings.parked_seconds:
                return
            self._parked.popitem(last=False)


def no_upload(upload_id: str) -> PiccoloError:
    """The error for an upload that nobody knows (any more)."""
    return PiccoloError(
        Kind.NOT_FOUND,
        "NO_UPLOAD",
        "There is no such upload: it was finished, abandoned or has expired. Send the file anew.",
        {"upload": upload_id},
    )


def _start_of(upload: Upload) -> WriteStart:
    return WriteStart(
        path=upload.path,
        modified=upload.modified,
        media=upload.media,
        expected_revision=upload.expected_revision,
        upload_id=upload.upload_id,
        size=upload.size,
        at_risk=upload.at_risk,
    )


def _check_same(asked: WriteStart, known: WriteStart) -> None:
    if asked.path and known.path and asked.path != known.path:
        raise PiccoloError(
            Kind.INVALID, "UPLOAD_PATH", "This upload was begun for another name; begin a new one."
        )
