"""Sends each block of an upload to its keeper, all keepers at once, in bounded memory.

Rules:
* One window bounds the sealed bytes that wait, over all keepers together; who pushes waits for room.
* A keeper that fails, lies or makes no progress is dropped. So are keepers that hold the window up while all
  others have long sent everything, and those would keep the promise alone.
* When those that stay cannot keep the promise, the fan-out fails, and with it the upload.
* A message waits until it is full, because each costs both sides the same whatever is in it: but no longer
  than a moment, and not while somebody waits for what it brings.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_vault.core.storage.lanes import Lanes, LaneState
from piccolo_vault.core.storage.receipts import Expected
from piccolo_vault.ports.keepers import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from piccolo_vault.core.storage.settings import StoreSettings
    from piccolo_vault.engine.storage.nursery import Nursery
    from piccolo_vault.engine.storage.peers import Peers
    from piccolo_vault.engine.storage.pipeline import Coded
    from piccolo_vault.ports.keepers import PutStream

_MESSAGE = 1_048_576
_MESSAGES = 3  # of each lane have room in the window: one on its way, one that waits, one that fills
_MOMENT = 0.05  # seconds that blocks wait for others to fill their message
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sendoff:
    """What one lane's keeper is told at the end, and what its receipt must say."""

    blocks: int
    root: bytes
    size: int


@dataclass(slots=True, eq=False)
class _Lane:
    index: int
    owner: bytes
    head: Head
    stream: PutStream
    queue: deque[Coded] = field(default_factory=deque)
    waiting: int = 0
    hurry: bool = False
    handed: int = 0
    checkpoint: bool = False
    sendoff: Sendoff | None = None
    told: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Fanout:
    """The lanes of one upload and the window they share."""

    def __init__(
        self,
        peers: Peers,
        settings: StoreSettings,
        lanes: Lanes,
        owner_id: bytes,
        release: Callable[[Coded], None],
    ) -> None:
        self._peers, self._settings, self.lanes, self._owner = peers, settings, lanes, owner_id
        self._release = release
        self._open: dict[int, _Lane] = {}
        self._used = 0
        self._event = asyncio.Event()
        self._failure: PiccoloError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._message = min(_MESSAGE, settings.window // (_MESSAGES * len(lanes.keepers)))

    async def open(
        self, children: Nursery, heads: Sequence[Head], resume_at: int | None, digests: Sequence[bytes]
    ) -> None:
        """Begins at every keeper at once, or goes on after `resume_at` blocks.

        Args:
            children: where the lanes' tasks live.
            heads: what each keeper is told, by index.
            resume_at: durable blocks to keep; None at the beginning.
            digests: each lane's digest("leaves") up to there, to compare.

        Raises PiccoloError UNAVAILABLE, PROMISE_OUT_OF_REACH when too few begin.
        """
        begin = [
            children.spawn(self._begin(children, index, heads[index], resume_at, digests))
            for index in self.lanes.live()
        ]
        if begin:
            await asyncio.wait(begin)
        self._check()

    async def push(self, coded: Coded) -> None:
        """Queues a stripe's blocks; returns when the window has room for them.

        Raises PiccoloError PROMISE_OUT_OF_REACH.
        """
        clock = asyncio.get_running_loop()
        held_since: float | None = None
        while self._used and self._used + coded.size > self._settings.window:
            self._check()
            self._hurry()
            if not self._held_up():
                held_since = None
                await self._change(self._settings.hold_seconds)
                continue
            held_since = clock.time() if held_since is None else held_since
            left = self._settings.hold_seconds - (clock.time() - held_since)
            if left <= 0:
                self._drop_laggards()
            else:
                await self._change(left)
        self._check()
        self._enqueue(coded)

    async def settle(self, blocks: int, seconds: float) -> None:
        """Asks for a checkpoint and waits, at most so long, until so many blocks are durable everywhere."""
        for lane in self._open.values():
            lane.checkpoint = True
            lane.wake.set()
        try:
            async with asyncio.timeout(seconds):
                while self.lanes.durable() < blocks and self._failure is None:
                    await self._change(seconds)
        except TimeoutError:
            return

    async def finish(self, sendoffs: Sequence[Sendoff]) -> None:
        """Tells every keeper that its fragment is whole and waits for the receipts.

        Those who are late when the promise is kept get a while, then they are dropped.
        Raises PiccoloError PROMISE_OUT_OF_REACH.
        """
        clock = asyncio.get_running_loop()
        for lane in self._open.values():
            lane.sendoff = sendoffs[lane.index]
            lane.wake.set()
        kept_since: float | None = None
        while unfinished := set(self.lanes.live()) - set(self.lanes.finished()):
            self._check()
            if kept_since is None and self.lanes.kept_by(self.lanes.finished()):
                kept_since = clock.time()
            left = self._settings.tail_seconds - (0 if kept_since is None else clock.time() - kept_since)
            if left > 0:
                await self._change(left)
                continue
            for index in unfinished:
                self._drop(self._open[index], _late("was much slower than the others"))
        self._check()

    async def changed(self) -> None:
        """Returns at the next progress or failure of any lane. Raises PiccoloError PROMISE_OUT_OF_REACH."""
        await self._event.wait()
        self._check()

    def close(self) -> None:
        """Ends all streams; what is durable at the keepers stays."""
        if self._timer is not None:
            self._timer.cancel()
        for lane in self._open.values():
            lane.queue.clear()
            lane.stream.close()
            for task in lane.tasks:
                task.cancel()

    async def _begin(
        self, children: Nursery, index: int, head: Head, resume_at: int | None, digests: Sequence[bytes]
    ) -> None:
        owner = self.lanes.keepers[index] or b""
        try:
            stream = self._peers.keeper(owner).put(head, resume_at)
        except PiccoloError as error:
            self._lose(index, owner, error)
            return
        lane = _Lane(index, owner, head, stream, handed=resume_at or 0)
        self._open[index] = lane
        try:
            async with asyncio.timeout(self._settings.open_seconds):
                first = await stream.answer()
            if first is None or first.durable_blocks != lane.handed:
                raise _wrong("does not have what it said was durable")
            if lane.handed and first.leaves_digest != digests[index]:
                raise _wrong("has other blocks than were sent to it")
        except TimeoutError:
            self._drop(lane, _late("did not begin in time"))
        except PiccoloError as error:
            self._drop(lane, error)
        else:
            self.lanes.advance(index, lane.handed, lane.handed)
            self._peers.answered(owner)
            lane.tasks += [
                children.spawn(self._guarded(lane, self._send)),
                children.spawn(self._guarded(lane, self._listen)),
            ]

    async def _guarded(self, lane: _Lane, work: Callable[[_Lane], object]) -> None:
        try:
            await work(lane)  # type: ignore[misc]
        except TimeoutError:
            self._drop(lane, _late("made no progress"))
        except PiccoloError as error:
            self._drop(lane, error)

    async def _send(self, lane: _Lane) -> None:
        stall = self._settings.stall_seconds
        while not lane.told:
            await lane.wake.wait()
            lane.wake.clear()
            while lane.queue and (lane.waiting >= self._message or _is_awaited(lane)):
                await self._send_some(lane)
            lane.hurry = False
            if lane.checkpoint:
                lane.checkpoint = False
                async with asyncio.timeout(stall):
                    await lane.stream.checkpoint()
            if lane.sendoff is not None and not lane.queue:
                async with asyncio.timeout(stall):
                    await lane.stream.finish(lane.sendoff.blocks, lane.sendoff.root)
                lane.told = True
        while self.lanes.states[lane.index] is LaneState.OPEN:
            lane.heard.clear()
            async with asyncio.timeout(stall):
                await lane.heard.wait()

    async def _send_some(self, lane: _Lane) -> None:
        group: list[Coded] = []
        size = 0
        for coded in lane.queue:
            group.append(coded)
            size += coded.block_size
            if size >= self._message:
                break
        blocks = [coded.block(lane.index) for coded in group]
        lane.handed += len(group)
        lane.waiting -= size
        async with asyncio.timeout(self._settings.stall_seconds):
            await lane.stream.send(blocks)
        for coded in group:
            lane.queue.popleft()
            self._sent(lane.index, coded)
        self._notify()

    async def _listen(self, lane: _Lane) -> None:
        while (answer := await lane.stream.answer()) is not None:
            self.lanes.advance(lane.index, answer.durable_blocks, lane.handed)
            if answer.receipt:
                self._check_receipt(lane, answer.receipt)
                self.lanes.finish(lane.index)
            lane.heard.set()
            self._notify()
        if self.lanes.states[lane.index] is LaneState.OPEN:
            raise _wrong("ended the stream before the fragment was whole")

    def _check_receipt(self, lane: _Lane, receipt: bytes) -> None:
        if lane.sendoff is None:
            raise _wrong("gave a receipt for a fragment that is not whole")
        expected = Expected(self._owner, lane.head.fragment_id, lane.sendoff.root, lane.sendoff.size)
        self._peers.take_receipt(receipt, lane.owner, expected, committed=False)

    def _enqueue(self, coded: Coded) -> None:
        lanes = [self._open[index] for index in self.lanes.live()]
        coded.waiting = {lane.index for lane in lanes}
        self._used += coded.size
        for lane in lanes:
            lane.queue.append(coded)
            lane.waiting += coded.block_size
            if lane.waiting >= self._message:
                lane.wake.set()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_MOMENT, self._moment_over)

    def _moment_over(self) -> None:
        self._timer = None
        self._hurry()

    def _hurry(self) -> None:
        """What waits for its message to be full waits no longer."""
        for lane in self._laggards():
            lane.hurry = True
            lane.wake.set()

    def _sent(self, index: int, coded: Coded) -> None:
        if index not in coded.waiting:
            return
        coded.waiting.discard(index)
        if not coded.waiting:
            self._used -= coded.size
            self._release(coded)

    def _laggards(self) -> list[_Lane]:
        return [self._open[index] for index in self.lanes.live() if self._open[index].queue]

    def _held_up(self) -> bool:
        """Whether only some still have blocks to send, and the others keep the promise without them."""
        lagging = [lane.index for lane in self._laggards()]
        return bool(lagging) and self.lanes.in_reach(without=lagging)

    def _drop_laggards(self) -> None:
        for lane in self._laggards():
            self._drop(lane, _late("held the upload up"))

    def _drop(self, lane: _Lane, error: PiccoloError) -> None:
        if self.lanes.states[lane.index] is LaneState.DROPPED:
            return
        for coded in lane.queue:
            self._sent(lane.index, coded)
        lane.queue.clear()
        lane.stream.close()
        for task in lane.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._lose(lane.index, lane.owner, error)

    def _lose(self, index: int, owner: bytes, error: PiccoloError) -> None:
        self.lanes.drop(index)
        self._peers.failed(owner, error)
        _log.warning(
            "keeper dropped from an upload",
            extra=fields(
                member=self._peers.name(owner), fragment=index, reason=error.reason, why=error.message
            ),
        )
        if self._failure is None and not self.lanes.in_reach():
            self._failure = out_of_reach(self._peers, self.lanes, error)
        self._notify()

    def _notify(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def _change(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure


def out_of_reach(peers: Peers, lanes: Lanes, why: PiccoloError | None) -> PiccoloError:
    """The error when too few keepers are left for the promise, in words."""
    lost = sorted(
        {peers.name(owner) for i, owner in enumerate(lanes.keepers) if owner and i not in lanes.live()}
    )
    told = f" Not reached: {', '.join(lost)}." if lost else ""
    kind = Kind.FULL if why is not None and why.kind is Kind.FULL else Kind.UNAVAILABLE
    reason = "NO_ROOM" if kind is Kind.FULL else "PROMISE_OUT_OF_REACH"
    next_step = "make room or invite a member" if kind is Kind.FULL else "try again when they are back"
    return PiccoloError(
        kind,
        reason,
        f"Too few members could take the file so that it survives the loss of one device.{told} "
        f"Nothing was stored under its name; {next_step}.",
    )


def _is_awaited(lane: _Lane) -> bool:
    return lane.hurry or lane.checkpoint or lane.sendoff is not None


def _late(what: str) -> PiccoloError:
    return PiccoloError(Kind.TIMEOUT, "KEEPER_SLOW", f"The keeper {what}.")


def _wrong(what: str) -> PiccoloError:
    return PiccoloError(Kind.INTERNAL, "KEEPER_WRONG", f"The keeper {what}.")
