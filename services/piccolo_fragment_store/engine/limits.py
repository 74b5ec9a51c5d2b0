"""How much one member, and all together, may have under way.

Rules:
* Too many streams are refused at once; too many bytes wait, which holds back the sender.
* Who reads slowly holds memory for long: readers have a budget of their own, and whoever waits for it longer
  than `patience` is refused, to ask another keeper.
* One member's waiting never takes what the others need: each has a budget of its own, within one for all.
* What this keeper reads on its own account waits until nothing is under way (`quiet`).
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError


@dataclass(frozen=True, slots=True)
class Limits:
    """Streams and bytes under way, of one member and of all; the bytes in each direction.

    `patience`: seconds that a read waits for its bytes.
    """

    member_streams: int = 32
    member_bytes: int = 16 * 1024 * 1024
    total_streams: int = 256
    total_bytes: int = 64 * 1024 * 1024
    patience: float = 5.0


class ByteBudget:
    """Bytes that may be in memory at once, given out in the order asked."""

    def __init__(self, size: int) -> None:
        self._size, self._used = size, 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def take(self, count: int) -> AsyncIterator[None]:
        """Holds `count` bytes (or all there are, if that is less), waiting for them."""
        wanted = min(count, self._size)
        if self._waiting or self._used + wanted > self._size:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((wanted, turn))
            try:
                await turn
            except asyncio.CancelledError:
                # given just now, or not at all: then whoever waits behind may have room
                self._give_back(0 if turn.cancelled() else wanted)
                raise
        else:
            self._used += wanted
        try:
            yield
        finally:
            self._give_back(wanted)

    def _give_back(self, count: int) -> None:
        self._used -= count
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.cancelled():
                if self._used + wanted > self._size:
                    return
                self._used += wanted
                turn.set_result(None)
            self._waiting.popleft()


class Traffic:
    """Counts what is under way."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._streams: Counter[bytes] = Counter()
        self._total = ByteBudget(limits.total_bytes)
        self._budgets: dict[bytes, ByteBudget] = {}
        self._reads: dict[bytes, ByteBudget] = {}
        self._all_reads = ByteBudget(limits.total_bytes)
        self._under_way = 0
        self.quiet = asyncio.Event()
        self.quiet.set()

    @property
    def is_quiet(self) -> bool:
        """Whether no member has anything under way; `quiet` is set then."""
        return self.quiet.is_set()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._under_way += 1
        self.quiet.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self.quiet.set()

    @contextmanager
    def stream(self, owner: bytes) -> Iterator[None]:
        """Counts a stream of a member. Raises PiccoloError EXHAUSTED, TOO_MANY_STREAMS."""
        if self._streams[owner] >= self._limits.member_streams:
            raise _too_many(self._limits.member_streams, "for one member")
        if self._streams.total() >= self._limits.total_streams:
            raise _too_many(self._limits.total_streams, "for all members together")
        self._streams[owner] += 1
        try:
            with self._counted():
                yield
        finally:
            self._streams[owner] -= 1
            if not self._streams[owner]:
                del self._streams[owner]

    @asynccontextmanager
    async def hold(self, owner: bytes, count: int) -> AsyncIterator[None]:
        """Holds bytes in memory for a member, waiting until there is room for them."""
        budget = self._budgets.setdefault(owner, ByteBudget(self._limits.member_bytes))
        with self._counted():
            async with budget.take(count), self._total.take(count):
                yield

    @asynccontextmanager
    async def reading(self, owner: bytes, count: int) -> AsyncIterator[None]:
        """Holds bytes in memory for a member that reads. Raises PiccoloError EXHAUSTED, TOO_MUCH_READ."""
        budget = self._reads.setdefault(owner, ByteBudget(self._limits.member_bytes))
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._limits.patience):
                    await held.enter_async_context(budget.take(count))
                    await held.enter_async_context(self._all_reads.take(count))
            except TimeoutError as late:
                raise PiccoloError(
                    Kind.EXHAUSTED,
                    "TOO_MUCH_READ",
                    "This keeper has enough to send already; let some reads end first, or ask another one.",
                ) from late
            yield


def _too_many(count: int, whom: str) -> PiccoloError:
    return PiccoloError(
        Kind.EXHAUSTED,
        "TOO_MANY_STREAMS",
        f"This keeper serves at most {count} streams at once {whom}; let some of them end first.",
    )
