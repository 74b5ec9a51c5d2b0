"""One Get: first what ties the blocks to their root, then the blocks, the next read while one is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.limits import Traffic
from piccolo_fragment_store.engine.reading import Opening, Range, open_range
from piccolo_fragment_store.engine.ticket import Ticket
from piccolo_fragment_store.ports import Workers

Send = Callable[[Opening | None, bytes], Awaitable[None]]


class Downloads:
    """Serves Gets."""

    def __init__(
        self, holdings: Holdings, workers: Workers, traffic: Traffic, stopping: asyncio.Event
    ) -> None:
        self._holdings, self._workers = holdings, workers
        self._traffic, self._stopping = traffic, stopping

    async def get(self, key: Key, first: int, count: int, send: Send) -> None:
        """Sends a range of blocks.

        Args:
            key: the fragment.
            first: its first block.
            count: how many; 0 is to the end.
            send: sends one message; only the first has an opening.

        Raises PiccoloError as `open_range` and `Range.read`; EXHAUSTED (TOO_MANY_STREAMS,
        TOO_MUCH_READ); UNAVAILABLE (STOPPING).
        """
        with self._traffic.stream(key.owner):
            ticket = Ticket(lambda: open_range(self._holdings, key, first, count), Range.close)
            try:
                range_ = await self._workers.run(ticket.open)
                async with self._traffic.reading(key.owner, 2 * range_.step_bytes):
                    await self._send(range_, send)
            finally:
                self._workers.start(ticket.close)

    async def _send(self, range_: Range, send: Send) -> None:
        opening: Opening | None = range_.opening
        data, failed = await self._read(range_)
        while data:
            if self._stopping.is_set():
                raise PiccoloError(
                    Kind.UNAVAILABLE, "STOPPING", "This keeper is stopping; ask again, or ask another one."
                )
            async with asyncio.TaskGroup() as group:
                ahead = group.create_task(self._read(range_))
                await send(opening, data)
            opening = None
            data, failed = ahead.result()
        if failed is not None:
            raise failed

    async def _read(self, range_: Range) -> tuple[bytes, PiccoloError | None]:
        """The next blocks, or why there are none: what was read before a failure is sent all the same."""
        try:
            return await self._workers.run(range_.read), None
        except PiccoloError as failed:
            return b"", failed
