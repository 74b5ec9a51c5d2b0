"""A file's way in.

Rules:
* Up to 4 MiB a file waits in memory: then it is known to be small (a pack, or one message to each keeper)
  or large (streams to all keepers at once).
* Yes is said when the file has its name, and its name only when the promise is kept.
* A stream that ends without `Finish` leaves a named upload open, and nothing of an unnamed one.
* Whoever ends a stream from outside (stop, lock, a newer stream) lets it make durable what it can first.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.segments import SEGMENT_SIZE

from piccolo_vault.core.storage.packing import fits_in_a_pack
from piccolo_vault.engine.storage.files import Finish, check_size
from piccolo_vault.engine.storage.nursery import nursery, outliving
from piccolo_vault.engine.storage.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from piccolo_vault.engine.storage.completion import Completion
    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.files import Step, WriteStart, Written
    from piccolo_vault.engine.storage.nursery import Nursery
    from piccolo_vault.engine.storage.pack import Packer
    from piccolo_vault.engine.storage.small import LoneFiles
    from piccolo_vault.engine.storage.uploads import Found, Interrupt, Running, Uploads


class Writer:
    """Takes files in."""

    def __init__(
        self,
        context: Context,
        uploads: Uploads,
        packer: Packer,
        lone: LoneFiles,
        completion: Completion,
    ) -> None:
        self._context, self._uploads = context, uploads
        self._packer, self._lone, self._completion = packer, lone, completion
        # plaintext in memory: many that may be small, few that have shown to be larger, fewer that stream.
        # Who
        # has a place of one kind waits for the next kind only, so that nobody waits in a circle.
        self._waiting = asyncio.Semaphore(context.settings.writes_at_once)
        self._larger = asyncio.Semaphore(context.settings.larger_at_once)
        self._windows = asyncio.Semaphore(context.settings.uploads_at_once)

    async def write(
        self, start: WriteStart, steps: AsyncIterator[Step], report: Callable[[int], Awaitable[None]]
    ) -> Written | None:
        """Stores a file that comes in steps; None when a named upload stays open.

        Args:
            start: where it goes.
            steps: plaintext in order, then Finish.
            report: told how many plaintext bytes are durable, whenever that changes; first where a resumed
                upload goes on.

        Raises PiccoloError: LOCKED, FENCED, NO_KEEPERS, CONFLICT, SIZE_MISMATCH, PROMISE_OUT_OF_REACH,
        NO_ROOM; whoever ended it from outside decides the others, with `durable_bytes` among the details.
        """
        self._context.keyring.kek()
        self._context.keyring.generation()
        await self._context.check_code()
        try:
            return await self._write(start, steps, report)
        except PiccoloError as error:
            if error.reason == "PROMISE_OUT_OF_REACH":
                self._context.keyring.generation()  # who was replaced is let in by nobody: that is why
            raise

    async def _write(
        self, start: WriteStart, steps: AsyncIterator[Step], report: Callable[[int], Awaitable[None]]
    ) -> Written | None:
        async with self._uploads.claimed(start) as (found, running):
            if start.upload_id:
                await report(found.offset)
            source = _Source(steps, running.interrupt, self._context.settings.idle_seconds)
            if found.journalled is None and not self._is_large(start.size):
                return await self._gather(found, running, source, report)
            return await self._stream(found, running, source, bytearray(found.tail), report)

    def _is_large(self, size: int | None) -> bool:
        return size is not None and size > self._context.settings.store_limit

    async def _gather(
        self, found: Found, running: Running, source: _Source, report: Callable[[int], Awaitable[None]]
    ) -> Written | None:
        """Takes in what may still be a small file."""
        plain = bytearray(found.tail)
        async with AsyncExitStack() as places:
            await places.enter_async_context(self._waiting)
            try:
                finish = await self._take(source, plain, places)
                if isinstance(finish, Finish):
                    check_size(len(plain), finish)
                    return await self._small(found.start, plain)
            except (PiccoloError, asyncio.CancelledError):
                self._uploads.park(found.start, bytes(plain), 0)
                raise
            if len(plain) <= self._context.settings.store_limit:
                self._uploads.park(found.start, bytes(plain), 0)
                return None
            return await self._stream(found, running, source, plain, report)

    async def _take(self, source: _Source, plain: bytearray, places: AsyncExitStack) -> Finish | None:
        """Fills `plain` until the file ends, the stream ends (None), or it is too large to wait in memory."""
        small = True
        while len(plain) <= self._context.settings.store_limit:
            if small and not fits_in_a_pack(len(plain)):
                small = False
                await places.enter_async_context(self._larger)
            step = await source.next()
            if step is None or isinstance(step, Finish):
                return step
            plain += step
        return None

    async def _small(self, start: WriteStart, plain: bytearray) -> Written:
        write = self._packer.write if fits_in_a_pack(len(plain)) else self._lone.write
        return await outliving(self._context.tasks, write(start, plain))

    async def _stream(
        self,
        found: Found,
        running: Running,
        source: _Source,
        plain: bytearray,
        report: Callable[[int], Awaitable[None]],
    ) -> Written | None:
        """Streams what is a large file."""

        async def told(durable: int) -> None:
            running.durable_bytes = durable
            await report(durable)

        async with self._windows, nursery() as children:
            session = await self._open(children, found, told)
            try:
                await session.feed(plain)
                plain.clear()
                return await self._feed(session, source)
            except PiccoloError as error:
                raise await self._ended(session, error) from error
            except asyncio.CancelledError:
                await self._pause(session)
                raise
            finally:
                session.close()

    async def _open(self, children: Nursery, found: Found, told: Callable[[int], Awaitable[None]]) -> Session:
        if found.journalled is None:
            return await Session.begin(self._context, children, found.start, told)
        return await Session.resume(self._context, children, found.start, found.journalled, told)

    async def _feed(self, session: Session, source: _Source) -> Written | None:
        while True:
            step = await source.next()
            if step is None:
                await self._pause(session)
                return None
            if isinstance(step, Finish):
                break
            await session.feed(step)
        if session.received <= SEGMENT_SIZE and session.segments == 0:
            return await self._shrunk(session, step)
        complete = await session.finish(step)
        return await outliving(self._context.tasks, complete(self._completion))

    async def _shrunk(self, session: Session, finish: Finish) -> Written:
        """A large upload that began anew and ended small: it is stored as the small file it is."""
        check_size(session.received, finish)
        plain = bytearray(session.tail())
        session.close()
        if session.start.upload_id:
            await self._context.objects.forget_upload(session.start.upload_id)
        return await self._small(session.start, plain)

    async def _pause(self, session: Session) -> None:
        if session.start.upload_id:
            await session.pause(self._context.settings.open_seconds)
            self._uploads.park(session.start, session.tail(), session.segments)

    async def _ended(self, session: Session, error: PiccoloError) -> PiccoloError:
        await self._pause(session)
        details = {**error.details, "durable_bytes": str(session.durable_bytes)}
        return PiccoloError(error.kind, error.reason, error.message, details)


class _Source:
    """A client's steps, until it ends, idles too long, or the stream is ended from outside."""

    def __init__(self, steps: AsyncIterator[Step], interrupt: Interrupt, idle_seconds: float) -> None:
        self._steps, self._interrupt, self._idle = steps, interrupt, idle_seconds

    async def next(self) -> Step | None:
        """Returns the next step, None when the client ended the stream without Finish."""
        try:
            return await self._interrupt.within(self._idle, anext(self._steps, None))
        except TimeoutError as late:
            raise PiccoloError(
                Kind.TIMEOUT,
                "CLIENT_IDLE",
                f"No data came for {self._idle:g} seconds; go on with the upload later.",
            ) from late
