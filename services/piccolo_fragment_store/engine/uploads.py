"""One Put, from its first message to its receipt.

Rules:
* The first message opens, the last finishes. Blocks go to the disk in the order they come, in worker threads,
  while the next message is already on its way.
* What is durable is told at every checkpoint: about every 16 MiB, every second while anything waits, when
  asked, and in the end, however the stream ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.checkpoints import Checkpoints
from piccolo_fragment_store.core.fragment import Fragment, Head
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.limits import Traffic
from piccolo_fragment_store.engine.puts import Opened, Upload, open_upload
from piccolo_fragment_store.engine.ticket import Ticket
from piccolo_fragment_store.ports import Workers

_AHEAD: Final = 2  # messages that are on their way while one is written
_IDLE: Final = 300.0  # seconds: who sends nothing for so long gives its reservation back


@dataclass(frozen=True, slots=True)
class Open:
    """The first message: the fragment, and how many durable blocks to keep (None: all)."""

    head: Head
    resume_at: int | None = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Whole blocks, joined."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Asks for a checkpoint now."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The last message: the fragment is whole."""

    blocks: int
    root: bytes


Step: TypeAlias = Open | Blocks | Checkpoint | Finish


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: durable blocks; with the leaves' digest first, with the whole fragment last."""

    durable_blocks: int
    leaves_digest: bytes = b""
    whole: Fragment | None = None


Tell = Callable[[Told], Awaitable[None]]


class _End(Enum):
    """Why no further message comes."""

    CLIENT = auto()
    PROCESS = auto()


class Uploads:
    """Serves Puts."""

    def __init__(
        self, holdings: Holdings, workers: Workers, traffic: Traffic, stopping: asyncio.Event
    ) -> None:
        self._holdings, self._workers = holdings, workers
        self._traffic, self._stopping = traffic, stopping

    async def put(self, steps: AsyncIterator[Step], tell: Tell, *, only_known: bool) -> None:
        """Takes a fragment in.

        Args:
            steps: what the member sends.
            tell: sends one answer.
            only_known: whether a fragment that is not here yet is refused.

        Raises PiccoloError as `open_upload`, `Upload.append` and `Upload.finish`; EXHAUSTED
        (TOO_MANY_STREAMS); INVALID (OUT_OF_ORDER); TIMEOUT (IDLE); UNAVAILABLE (STOPPING) with what is
        durable.
        """
        first = await anext(steps, None)
        if not isinstance(first, Open):
            raise _out_of_order("The first message of a put opens it.")
        with self._traffic.stream(first.head.key.owner):
            ticket = Ticket(lambda: self._open(first, only_known), _give_up)
            try:
                opened = await self._workers.run(ticket.open)
                await tell(Told(opened.durable_blocks, opened.leaves_digest))
                if opened.upload is None:
                    await _whole(opened, steps, tell)
                    return
                owner = first.head.key.owner
                session = _Session(opened.upload, owner, self._workers, self._traffic, tell)
                await session.run(steps, self._stopping)
            finally:
                # the client may be gone and this task cancelled: what came is made durable all the same
                self._workers.start(ticket.close)

    def _open(self, first: Open, only_known: bool) -> Opened:
        return open_upload(self._holdings, first.head, first.resume_at, only_known=only_known)


def _give_up(opened: Opened) -> None:
    if opened.upload is not None:
        opened.upload.give_up()


async def _whole(opened: Opened, steps: AsyncIterator[Step], tell: Tell) -> None:
    """A put of a fragment that is whole already: its end is awaited, and answered."""
    async for step in steps:
        if isinstance(step, Finish):
            if opened.whole is None or (step.blocks, step.root) != (opened.whole.blocks, opened.whole.root):
                raise refusals.other_root()
            await tell(Told(opened.durable_blocks, whole=opened.whole))
            return
        if not isinstance(step, Checkpoint):
            raise refusals.already_whole(opened.durable_blocks)
        await tell(Told(opened.durable_blocks))


class _Session:
    """The messages of one put that writes."""

    def __init__(self, upload: Upload, owner: bytes, workers: Workers, traffic: Traffic, tell: Tell) -> None:
        self._upload, self._owner = upload, owner
        self._workers, self._traffic, self._tell = workers, traffic, tell
        self._policy = Checkpoints()
        self._queue: asyncio.Queue[tuple[Step | _End, AsyncExitStack]] = asyncio.Queue(_AHEAD)

    async def run(self, steps: AsyncIterator[Step], stopping: asyncio.Event) -> None:
        """Writes what comes; a task of its own receives, so that the network and the disk work at once."""
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(self._receive(steps), name="receive"),
                group.create_task(self._watch(stopping), name="watch for the end"),
            ]
            try:
                await self._write()
            finally:
                for helper in helpers:
                    helper.cancel()
                while not self._queue.empty():
                    await self._queue.get_nowait()[1].aclose()

    async def _receive(self, steps: AsyncIterator[Step]) -> None:
        async for step in steps:
            held = AsyncExitStack()  # who takes the step lets go of its bytes
            try:
                if isinstance(step, Blocks):
                    await held.enter_async_context(self._traffic.hold(self._owner, len(step.data)))
                await self._queue.put((step, held))
            except BaseException:
                await held.aclose()
                raise
        await self._queue.put((_End.CLIENT, AsyncExitStack()))

    async def _watch(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        await self._queue.put((_End.PROCESS, AsyncExitStack()))

    async def _write(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            step, held = await self._next()
            async with held:
                if isinstance(step, _End | Finish):
                    return await self._last(step)
                if isinstance(step, Open):
                    raise _out_of_order("A put is opened once.")
                if isinstance(step, Blocks):
                    await self._workers.run(self._upload.append, step.data)
                    self._policy.wrote(len(step.data), clock())
            if isinstance(step, Checkpoint) or self._policy.due(clock()):
                await self._checkpoint()

    async def _next(self) -> tuple[Step | _End, AsyncExitStack]:
        """What comes next; while nothing comes, what came before becomes durable."""
        wait = self._policy.wait(asyncio.get_running_loop().time())
        if wait is not None:
            try:
                async with asyncio.timeout(wait):
                    return await self._queue.get()
            except TimeoutError:
                await self._checkpoint()
        try:
            async with asyncio.timeout(_IDLE):
                return await self._queue.get()
        except TimeoutError as idle:
            raise PiccoloError(
                Kind.TIMEOUT,
                "IDLE",
                f"Nothing came for {_IDLE:.0f} seconds; resume the put when there is more.",
            ) from idle

    async def _checkpoint(self) -> int:
        durable = await self._workers.run(self._upload.checkpoint)
        self._policy.covered()
        await self._tell(Told(durable))
        return durable

    async def _last(self, step: _End | Finish) -> None:
        if isinstance(step, Finish):
            whole = await self._workers.run(self._upload.finish, step.blocks, step.root)
            await self._tell(Told(whole.blocks, whole=whole))
            return
        durable = await self._checkpoint()
        if step is _End.PROCESS:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "STOPPING",
                f"This keeper is stopping; {durable} blocks are durable here. Resume the put in a moment.",
                {"durable_blocks": str(durable)},
            )


def _out_of_order(what: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "OUT_OF_ORDER", f"{what} Blocks follow, and the finish comes last.")
