"""From a client's body to the vault, piece by piece.

Rules:
* One piece of at most 1 MiB is in our hands at a time; the vault's pace is the client's.
* The stream ends as soon as one of the three does: the client, the vault, or this process. Each failure tells
  how many bytes are durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.files import Written
from piccolo_gateway.ports.store import Writing

PIECE: Final = 1 << 20
DURABLE: Final = "durable_bytes"
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
        try:
            async with self._watched(writing) as moved:
                async for piece in pieces:
                    moved()
                    if most is not None and sent + len(piece) > most:
                        raise _TOO_LARGE
                    await writing.send(piece)
                    moved()
                    sent += len(piece)
        except PiccoloError as failed:
            raise with_durable(failed, writing.durable) from failed
        return sent

    async def finish(self, writing: Writing, size: int) -> Written:
        """Says that the file is whole, and waits for its name; raises as `move`."""
        try:
            return await writing.finish(size)
        except PiccoloError as failed:
            raise with_durable(failed, writing.durable) from failed

    @asynccontextmanager
    async def _watched(self, writing: Writing) -> AsyncIterator[Callable[[], None]]:
        """Ends the block with the vault's stream or the process, or when it has not called for too long."""
        clock = asyncio.get_running_loop().time
        ends = [asyncio.ensure_future(event.wait()) for event in (writing.ended, self._stopping)]
        try:
            async with asyncio.timeout(self._idle) as limit:

                def cut(_: object) -> None:
                    if not limit.expired():
                        limit.reschedule(clock())

                def moved() -> None:
                    if not (limit.expired() or any(end.done() for end in ends)):
                        limit.reschedule(clock() + self._idle)

                for end in ends:
                    end.add_done_callback(cut)
                try:
                    yield moved
                finally:
                    for end in ends:
                        end.remove_done_callback(cut)
        except TimeoutError:
            await self._give_up(writing)
        finally:
            for end in ends:
                end.cancel()

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
