"""The run: circles of several sizes, one after the other, and files of several sizes in each.

Rules:
* A circle starts when the one before has ended, and is measured when every device's backup has caught up and
  the first owner reaches all.
* Devices run as they are shipped: the quick gossip of the tests, on as many devices as this, would keep the
  machine busy.
* All members share this machine, where each would have one of its own: what they cost doing nothing is told.
* Files are put and got one by one at the first owner's gateway, sizes in turn within a round.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from integration.bench import ours, streams
from integration.bench.growth.figures import Point, Standing, named, repeats, total
from integration.bench.large import look_for_room, processes
from integration.circle import Circle, circle
from integration.client import Client
from integration.screen import Screen

_WARM: Final = 1 << 20
_IDLE_SECONDS: Final = 10.0
_CALM_SECONDS: Final = 300.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Run:
    """What was asked for, and what came out so far."""

    folder: Path
    members: Sequence[int]
    sizes: Sequence[int]
    rounds: int
    screen: Screen
    points: list[Point] = field(default_factory=list)
    circles: list[Standing] = field(default_factory=list)

    async def run(self) -> None:
        """Measures every circle."""
        for count in self.members:
            self.screen.begin(f"Starting a circle of {count} devices, {5 * count + 1} processes")
            folder, began = self.folder / str(count), perf_counter()
            async with circle(folder, count, self.screen.note, plug=ours.as_shipped) as made:
                await self._one(made, count, began)
            await asyncio.to_thread(shutil.rmtree, folder)

    async def _one(self, made: Circle, count: int, began: float) -> None:
        await _calm(made)
        seconds, cores = perf_counter() - began, await _idle_cores(made)
        self.circles.append(Standing(count, seconds, cores))
        self.screen.say(f"it stands after {seconds:.0f} s, and keeps {cores:.2f} cores busy doing nothing")
        api = made.owners[0].api
        _, _, written = await streams.put(api, "/growth/warm", _WARM, lambda *_: None)
        await api.get("/growth/warm")
        k, m = written.health.k, written.health.m
        look_for_room(made.folder, total(self.sizes, self.rounds), k, m)
        for size in self.sizes:
            put, get = await self._files(api, size)
            self.points.append(point := Point(count, k, m, size, put, get))
            self.screen.say(
                f"{count} members, {k} of {m}, {named(size)}: "
                f"put {point.put_seconds:.3f} s, get {point.get_seconds:.3f} s, {len(put)} files"
            )

    async def _files(self, api: Client, size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Files of one size, each put and got; the seconds of each."""
        done = []
        for number in range(repeats(size, self.rounds)):
            path = f"/growth/{size}/{number}"
            put, sent, _ = await streams.put(api, path, size, self.screen.progress)
            done.append((put, await streams.get_same(api, path, size, sent, self.screen.progress)))
        put_seconds, get_seconds = zip(*done, strict=True)
        return put_seconds, get_seconds


async def _calm(made: Circle) -> None:
    async with asyncio.timeout(_CALM_SECONDS):
        await asyncio.gather(*(owner.api.backed_up(_CALM_SECONDS) for owner in made.owners))
    await made.owners[0].api.reaches_all()


async def _idle_cores(made: Circle) -> float:
    """Cores that all processes of the circle use together while nobody wants anything."""
    pids = [pid for _, pid in processes(made)]
    before, began = _processor_seconds(pids), perf_counter()
    await asyncio.sleep(_IDLE_SECONDS)
    return (_processor_seconds(pids) - before) / (perf_counter() - began)


def _processor_seconds(pids: Sequence[int]) -> float:
    """Processor time of processes so far, in user and kernel mode (proc(5), stat, fields 14 and 15)."""
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids)
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / _TICKS
