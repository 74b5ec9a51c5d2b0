"""One Get: first what ties the blocks to their root, then the blocks, the next read while one is sent.

A small range, as most are, is loaded at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.limits import Traffic
from piccolo_fragment_store.engine.reading import Opening, Range, open_range
from piccolo_fragment_store.engine.ticket import Ticket
from piccolo_fragment_store.ports import Workers

SMALL: Final = 64 * 1024
"""At most so many bytes are loaded at once."""
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
                range_, data = await self._workers.run(_begun, ticket)
                async with self._traffic.reading(key.owner, 2 * range_.step_bytes or len(data)):
                    await self._send(range_, data, send)
            finally:
                if not ticket.over:
                    self._workers.start(ticket.close)

    async def load(self, key: Key, first: int, count: int) -> tuple[Opening, bytes]:
        """Returns a small range of blocks and what ties them to their root.

        Raises PiccoloError as `get`; OUT_OF_RANGE, RANGE_TOO_LONG beyond `SMALL`.
        """
        async with self._traffic.hold(key.owner, SMALL):
            return await self._workers.run(_loaded, self._holdings, key, first, count)

    async def _send(self, range_: Range, data: bytes, send: Send) -> None:
        opening: Opening | None = range_.opening
        failed: PiccoloError | None = None
        if not data:
            data, failed = await self._read(range_)
        while data:
            if self._stopping.is_set():
                raise PiccoloError(
                    Kind.UNAVAILABLE, "STOPPING", "This keeper is stopping; ask again, or ask another one."
                )
            if range_.over:
                await send(opening, data)
                return
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


def _begun(ticket: Ticket[Range]) -> tuple[Range, bytes]:
    """Opens a range, and reads it at once when it is a small one: most are, and a hop to a thread costs
    more than that. What is read to its end is closed."""
    range_ = ticket.open()
    data = range_.read() if range_.step_bytes <= SMALL else b""
    if range_.over:
        ticket.close()
    return range_, data


def _loaded(holdings: Holdings, key: Key, first: int, count: int) -> tuple[Opening, bytes]:
    range_ = open_range(holdings, key, first, count)
    try:
        if range_.size > SMALL:
            raise PiccoloError(
                Kind.OUT_OF_RANGE,
                "RANGE_TOO_LONG",
                f"At most {SMALL} bytes are loaded at once; get what is larger.",
            )
        data = range_.read()
        if not range_.over:
            range_.read()  # tells of the bad block that it ended before
        return range_.opening, data
    finally:
        range_.close()
