"""From a client's body to the vault, piece by piece.

Rules:
* One piece of at most 1 MiB is in our hands at a time; the vault's pace is the client's.
* The stream ends as soon as one of the three does: the client, the vault, or this process. Each failure tells
  how many bytes are durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.files import Written
from piccolo_gateway.ports.store import Writing

T = TypeVar("T")
PIECE: Final = 1 << 20
DURABLE: Final = "durable_bytes"
_FIRST: Final = asyncio.FIRST_COMPLETED
_TOO_LARGE: Final = PiccoloError(Kind.INVALID, "UPLOAD_TOO_LARGE", "More bytes came than were announced.")


class Pump:
    """Moves bodies, as long as the process is not about to end."""

    def __init__(self, stopping: asyncio.Event, idle_seconds: float) -> None:
        self._stopping, self._idle = stopping, idle_seconds

    async def move(self, pieces: AsyncIterator[bytes], writing: Writing, most: int | None = None) -> int:
        """Sends all pieces; returns how many bytes they were.

        Raises PiccoloError: how the vault ended the stream; UNAVAILABLE (STOPPING); TIMEOUT (STALLED);
        INVALID (UPLOAD_TOO_LARGE) for more than `most` bytes, of which none too many is sent.
        """
        sent = 0
        async with self._watched(writing) as race:
            while piece := await race(anext(pieces, b"")):
                if most is not None and sent + len(piece) > most:
                    raise with_durable(_TOO_LARGE, writing.durable)
                await race(writing.send(piece))
                sent += len(piece)
        return sent

    async def finish(self, writing: Writing, size: int) -> Written:
        """Says that the file is whole, and waits for its name; raises as `move`."""
        try:
            return await writing.finish(size)
        except PiccoloError as failed:
            raise with_durable(failed, writing.durable) from failed

    @asynccontextmanager
    async def _watched(self, writing: Writing) -> AsyncIterator[Callable[[Awaitable[T]], Awaitable[T]]]:
        """Gives what awaits work, unless the vault or the process ends first."""
        ended = asyncio.ensure_future(writing.ended.wait())
        stopping = asyncio.ensure_future(self._stopping.wait())

        async def race(work: Awaitable[T]) -> T:
            task = asyncio.ensure_future(work)
            try:
                await asyncio.wait({task, ended, stopping}, timeout=self._idle, return_when=_FIRST)
                if not task.done():
                    await self._give_up(writing)
                return await task
            except PiccoloError as failed:
                raise with_durable(failed, writing.durable) from failed
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)  # its failure may come after our own

        try:
            yield race
        finally:
            ended.cancel()
            stopping.cancel()

    async def _give_up(self, writing: Writing) -> None:
        if writing.ended.is_set():
            await writing.send(b"")  # raises how it ended
        if self._stopping.is_set():
            raise PiccoloError(
                Kind.UNAVAILABLE, "STOPPING", "The device is stopping; go on with the upload in a moment."
            )
        raise PiccoloError(
            Kind.TIMEOUT, "STALLED", f"Nothing moved for {self._idle:g} seconds; the upload was ended."
        )


def with_durable(error: PiccoloError, durable: int) -> PiccoloError:
    """The same error, which tells how many bytes are durable."""
    return PiccoloError(error.kind, error.reason, error.message, {DURABLE: str(durable), **error.details})


async def nothing() -> AsyncIterator[bytes]:
    """An empty body."""
    return
    yield
