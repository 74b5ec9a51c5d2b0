"""A small circle that is left alone, all its clocks running fast.

Rules:
* Everything is as it is delivered: each pace is the service's own, and so is what it tells its log.
* The machine's own delays are as many times as long. So a member may be taken for absent that is not; each
  such absence is written down twice, as a real one is, and it is told how many there were.
* The hours are those that a keeper has counted and written down by itself.
* Nothing is asked of the devices meanwhile but what they hold. At the end every file is read back.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from integration.bad_days.clocks import SEEN_SECONDS, FastClocks
from integration.bad_days.owed import Owed
from integration.bench.idle.looks import Look, look
from integration.circle import Circle, circle
from integration.device import SERVICES, Box, Cloud, Device

HOUR: Final = 3600.0
_DEVICES: Final = 3
_SIZES: Final = (0, 300, 40_000, 600_000, 3_000_000)
_BREATH_SECONDS: Final = 1.0
_ABSENCES: Final = ("member is away", "member is back")
_LOG: Final = {"serve": {"log_level": "info"}}
_AS_DELIVERED: Final[dict[str, dict[str, Any]]] = dict.fromkeys((*SERVICES, "cloud"), _LOG) | {
    "attestation": {"pace": {}, **_LOG},
    "vault": {"heads": {}, **_LOG},
}


@dataclass(frozen=True, slots=True)
class Idle:
    """A circle with some files and nobody at home."""

    made: Circle
    owed: list[Owed]
    clocks: FastClocks
    speed: float

    @property
    def boxes(self) -> list[Box]:
        """All that runs."""
        return [self.made.cloud, *(owner.device for owner in self.made.owners)]

    def hours(self) -> float:
        """How long the founder's keeper has run, as it has written down (every five minutes)."""
        told = self.made.owners[0].device.state("fragment-store") / "clock"
        return float(json.loads(told.read_bytes())["seconds"]) / HOUR

    def absences(self) -> int:
        """How often a member was taken for absent, or found to be back."""
        logs = [owner.device.services["vault"].log() for owner in self.made.owners]
        return sum(line.get("message") in _ABSENCES for log in logs for line in log)

    async def looks(
        self, hours: float, every: float, settle: float
    ) -> AsyncIterator[tuple[float, dict[str, Look]]]:
        """Lets `hours` go by after `settle` of them, and looks `every` so often, first and last included."""
        begin = self.hours() + settle
        await self._run(self.speed)
        for number in range(round(hours / every) + 1):
            while (now := self.hours() - begin) < number * every:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(_BREATH_SECONDS)
            yield now, await look(self.boxes)

    async def wake(self) -> None:
        """The owners come home: each logs in and reads every file. Raises BrokenPromiseError."""
        await self._run(1)
        for owed in self.owed:
            await owed.api.log_in()
            await owed.look()

    async def _run(self, speed: float) -> None:
        self.clocks.run(speed)
        await asyncio.sleep(SEEN_SECONDS)
        await look(self.boxes)  # who sleeps has yet to learn that it will be shorter


@asynccontextmanager
async def idle(folder: Path, speed: float, say: Callable[[str], None]) -> AsyncIterator[Idle]:
    """A circle as it is when the last of its owners has gone to bed; its time is about to run at `speed`."""
    folder.mkdir(exist_ok=True)
    clocks = FastClocks.at(folder / "clocks")

    def plug(box: Cloud | Device) -> None:
        clocks.give(box)
        box.tuning |= _AS_DELIVERED

    async with circle(folder / "c", _DEVICES, say, plug=plug) as made:
        owed = [Owed(owner.api) for owner in made.owners]
        for each in owed:
            await each.api.reaches_all()
            for number, size in enumerate(_SIZES):
                await each.put(f"/{number}", os.urandom(size))
            await each.api.backed_up()
        yield Idle(made, owed, clocks, speed)
