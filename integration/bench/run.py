"""The run: what is measured after what, with whom, and what is told meanwhile.

Rules:
* What needs no circle comes first, on a machine that has nothing else to do.
* All grids stand while the files go in and out, so that what their idle processes take is the same for all.
* Before the first round each contender has put and got one file that is not measured.
* Devices gossip, and leave heads with others, as often as they are shipped to: not as often as in tests.
* The bare house has a front and a vault of its own: our gateway alone is held beside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from piccolo_vault.core.storage.erasure import Code

from integration.bench import bare, house, large, ours, pipeline, tahoe
from integration.bench.figures import Figure
from integration.bench.large import Large
from integration.bench.memory import Taken
from integration.bench.work import WORKS, Contender, Samples, Work, measure
from integration.circle import Circle, circle
from integration.screen import Screen

CODE: Final = Code(3, 10)
DEVICES: Final = CODE.m + 1
PIPELINE: Final = "pipeline"
IDLE: Final = "idle"
LARGE_FILE: Final = "large"
NAMES: Final = (PIPELINE, IDLE, *(work.name for work in WORKS), LARGE_FILE)
_WARM: Final = Work("warm-up", 1, 1 << 20)


@dataclass(slots=True)
class Run:
    """What was asked for, and what came out so far."""

    folder: Path
    rounds: int
    wanted: frozenset[str]
    large_bytes: int
    screen: Screen
    figures: list[Figure] = field(default_factory=list)
    idle: list[Taken] = field(default_factory=list)
    file: Large | None = None

    async def run(self) -> None:
        """Measures all that is wanted."""
        if PIPELINE in self.wanted:
            self.screen.begin("Seal, code, hash: no disk, no network")
            self.figures += await pipeline.measure(self.rounds, self.screen.say)
        if IDLE in self.wanted:
            self.screen.begin("An idle device, alone")
            self.idle = await large.idle(self.folder / "i", self.screen.note)
        works = [work for work in WORKS if work.name in self.wanted]
        if works or LARGE_FILE in self.wanted:
            self.screen.begin(f"Starting a circle of {DEVICES} devices")
            async with circle(self.folder / "c", DEVICES, self.screen.note, plug=ours.as_shipped) as made:
                if works:
                    await self._files(made, works)
                if LARGE_FILE in self.wanted:
                    self.screen.begin(f"One file of {self.large_bytes >> 20:,} MiB")
                    self.file = await large.large(made, self.large_bytes, self.screen.progress)

    async def _files(self, made: Circle, works: Sequence[Work]) -> None:
        async with ours.ways(made.owners[0], CODE) as ways, self._others() as others:
            mine: list[Contender] = [ways.vault, ways.gateway]
            everybody: list[Contender] = [*mine, *others]
            await measure(_WARM, everybody, 1, self.screen.note)
            for work in works:
                self.screen.begin(f"{work.name}, {CODE}: put and get, {self.rounds} rounds in turn")
                samples = await measure(work, everybody, self.rounds, self.screen.say)
                self.figures += compared(work, mine, others, samples)
            self.screen.say(ways.vault.account())

    @asynccontextmanager
    async def _others(self) -> AsyncIterator[list[Contender]]:
        async with AsyncExitStack() as stack:
            found: list[Contender] = []
            if tahoe.PROGRAM.exists():
                self.screen.begin(f"Starting {tahoe.VERSION}: introducer, {CODE.m} storage nodes, client")
                grid = tahoe.grid(self.folder / "t", CODE.k, CODE.m)
                found.append(await stack.enter_async_context(grid))
            else:
                self.screen.say(f"left out: {tahoe.VERSION} is not installed here (script/bench says why)")
            self.screen.begin(f"Starting {CODE.m} bare gRPC processes, and the bare house before them")
            made = await stack.enter_async_context(bare.grid(self.folder / "b", CODE.k, CODE.m))
            found.append(await stack.enter_async_context(bare.bare(made)))
            found.append(await stack.enter_async_context(house.house(self.folder / "h", made)))
            yield found


def compared(
    work: Work, mine: Sequence[Contender], others: Sequence[Contender], samples: Samples
) -> list[Figure]:
    """Each of ours beside each other one, put and get."""
    return [
        Figure(
            f"{way} {work.name} at the {one.name}",
            other.name,
            tuple(seconds[one.name]),
            tuple(seconds[other.name]),
            size=work.size,
        )
        for way, seconds in (("put", samples.put), ("get", samples.get))
        for one, other in product(mine, others)
        if other.name != house.NAMED or one.name == ours.GATEWAY
    ]
