"""Members and the cloud are cut off, or freeze, in the middle of a recovery from the words.

Rules:
* One seed and one round's number decide who is severed, how, at which byte of theirs, and for how long.
* A way may be silent to one side only; connections may break; a frozen box (SIGSTOP) still acknowledges
  packets and says nothing. Any number of members may be severed at once, the cloud too.
* Then everything is healed. The recovery ends well by itself, or it has ended in words and the same 24 words
  end it well: with every member heard, and with everything that was ever acknowledged, in a backup or not.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from integration.bad_days.kills import Kills
from integration.bad_days.wire import Way, Wires
from integration.client import OperationFailedError
from integration.device import Box

_SECONDS: Final = 120.0  # from the healing to the end, on a busy machine
_MOST_BYTES: Final = 15  # as a power of two: a small owner's backup, and what a member says in a recovery
_LONGEST: Final = 4  # the same, in seconds


@dataclass(frozen=True, slots=True)
class Severing:
    """What befalls some boxes, once so many bytes have come from the first of them.

    Attributes:
        how: "frozen", or the name of a way and of the side that it is for.
    """

    here: Box
    boxes: Sequence[Box]
    wires: Wires
    how: str
    after: int
    seconds: float

    @asynccontextmanager
    async def befallen(self, recovery: asyncio.Task[None]) -> AsyncIterator[bool]:
        """Waits for the moment; within, everything is as it befell. Yields False when the recovery was
        faster."""
        moment = self.wires.after(self.after, self.boxes[0], self.here, Way())
        waiting = asyncio.ensure_future(moment.wait())
        await asyncio.wait([waiting, recovery], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            if moment.is_set():
                self._befall()
            yield moment.is_set()
        finally:
            self.wires.heal()
            _signal(self.boxes, signal.SIGCONT)

    def _befall(self) -> None:
        name, _, side = self.how.partition(", ")
        if name == "frozen":
            _signal(self.boxes, signal.SIGSTOP)
            return
        way = {"silent": Way.silent(), "trickle": Way.trickle(), "cut": Way.cut()}[name]
        for box in self.boxes:
            if side != "deaf":
                self.wires.set(box, self.here, way)
            if side != "dumb":
                self.wires.set(self.here, box, way)

    def __str__(self) -> str:
        """Who, how, when, and for how long."""
        names = ", ".join(box.name for box in self.boxes)
        return f"after {self.after} bytes {names} {self.how} for {self.seconds:.1f} s"


_HOW: Final = ("frozen", "silent", "silent, deaf", "silent, dumb", "cut", "trickle")


@dataclass(slots=True)
class Severed(Kills):
    """Recoveries of the first owner of a circle, one after the other.

    Attributes:
        fell: how many recoveries were not faster than what was to befall them.
    """

    wires: Wires = field(default_factory=Wires)
    fell: int = 0

    async def round(self, number: int) -> None:
        """Some writes, of which a backup may have none; the device burns; a recovery that is severed."""
        chance = Random(f"{self.seed}/{number}")
        for _ in range(3):
            await self._put(chance)
        if chance.randrange(2):
            await self._back_up(chance)
        await self._put(chance)
        await self._burn()
        severing = self._severing(chance)
        self.say(f"round {number}: {severing}")
        self.say(f"round {number}: {await self._recovered(severing)}")
        await self._ready()
        await self._look(self.promises.paths())

    def _severing(self, chance: Random) -> Severing:
        here, *others = (owner.device for owner in self.made.owners)
        boxes: list[Box] = []
        if chance.randrange(5) < 3:
            boxes.append(self.made.cloud)
        if not boxes or chance.randrange(3) == 0:
            boxes.extend(chance.sample(others, k=1 + chance.randrange(len(others))))
        after = int(2 ** chance.uniform(4, _MOST_BYTES))
        return Severing(
            here, boxes, self.wires, chance.choice(_HOW), after, 2 ** chance.uniform(-1, _LONGEST)
        )

    async def _recovered(self, severing: Severing) -> str:
        """How the recovery ended that was begun before it was severed. TimeoutError: it did not."""
        recovery = asyncio.ensure_future(self._recover(Random()))
        async with severing.befallen(recovery) as fell:
            self.fell += fell
            await asyncio.wait([recovery], timeout=severing.seconds if fell else 0)
            early = recovery.done()
        try:
            async with asyncio.timeout(_SECONDS):
                await recovery
        except OperationFailedError as told:
            return f"it said: {told}"
        return "it ended before that" if not fell else "it ended meanwhile" if early else "it ended then"


def _signal(boxes: Iterable[Box], number: signal.Signals) -> None:
    for box in boxes:
        for service in box.services.values():
            os.killpg(service.pid, number)
