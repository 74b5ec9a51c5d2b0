"""The power of whole devices goes at any moment of anything that an owner does; what survives is owed all the
same.

Rules:
* What `bad_days.kills` says of rounds, seeds and what is owed holds here too.
* A device's power goes at one moment for all its processes and its disk: at a change of the disk, because
  what lies between two of them is the same to it.
* What was not made durable is lost, torn and reordered as `bad_days.power` has it, by the seed.
* One device loses its power at a time, or all of them and the cloud: then nothing may be lost either.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from integration.bad_days.kills import Harm, Kills
from integration.bad_days.power.disk import Disk, disks
from integration.circle import Circle, Say, circle
from integration.device import SERVICES, Box

_PATIENCE: Final = 4.0


@dataclass(frozen=True, slots=True)
class PowerCut:
    """Boxes that lose their power together, at the so-manieth change of the first one's disk.

    Attributes:
        patience: seconds after which it goes when there were not so many changes.
        seed: what decides what survives.
    """

    boxes: Sequence[Box]
    disks: Mapping[str, Disk]
    changes: int
    patience: float
    seed: str
    say: Say

    async def die(self) -> None:
        """No process sees anything of it but its end."""
        first = self.disks[self.boxes[0].name]
        await first.arm(self.changes)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await first.frozen.wait()
        await asyncio.gather(*(self.disks[box.name].freeze() for box in self.boxes))
        for box in self.boxes:
            for service in box.services.values():
                os.killpg(service.pid, signal.SIGSTOP)
        await asyncio.gather(*map(self._end, self.boxes))

    async def restart(self) -> None:
        """The power is back; whatever needs another starts when it can."""
        async with asyncio.TaskGroup() as group:
            for box in self.boxes:
                names = SERVICES if box.name.startswith("device") else ("cloud",)
                group.create_task(box.run({name: box.settings(name) for name in names}))

    async def _end(self, box: Box) -> None:
        disk = self.disks[box.name]
        await disk.die()
        await box.kill()
        lost = await disk.cut(f"{self.seed}/{box.name}")
        self.say(f"{box.name} forgot {lost['names']} changes of names and had {lost['files']} files at stake")

    def __str__(self) -> str:
        """Whose power goes, and when."""
        return f"after {self.changes} changes the power of {', '.join(box.name for box in self.boxes)} goes"


@dataclass(slots=True)
class Cuts(Kills):
    """Rounds on one circle whose devices, and whose cloud, stand on such disks."""

    disks: Mapping[str, Disk] = field(default_factory=dict)

    def _harm(self, chance: Random) -> Harm:
        owner, *others = (each.device for each in self.made.owners)
        boxes: list[Box]
        match chance.randrange(10):
            case 0:
                boxes = [self.made.cloud]
            case 1:
                boxes = [owner, *others, self.made.cloud]
            case 2 | 3 | 4:
                boxes = [chance.choice(others)]
            case _:
                boxes = [owner]
        changes = 1 + int(chance.uniform(0, 2 ** chance.randrange(1, 11)))
        return PowerCut(boxes, self.disks, changes, _PATIENCE, str(chance.random()), self.say)

    async def _burn(self) -> None:
        owner = self.made.owners[0]
        self.promises.burned()
        await owner.burn()
        await self.disks[owner.device.name].blank()
        await owner.start()


@asynccontextmanager
async def fragile_circle(
    folder: Path, devices: int, later: int = 0
) -> AsyncIterator[tuple[Circle, dict[str, Disk]]]:
    """A circle whose boxes stand on disks whose power can be cut, and disks for those that are bought later.

    Raises NoPowerError.
    """
    numbers = range(devices + later)
    names = {"cloud": "cloud"} | {f"device-{number}": f"d{number:02d}" for number in numbers}
    places = [folder / name / "state" for name in names.values()]
    async with disks(places) as mounted, circle(folder, devices) as made:
        yield made, dict(zip(names, mounted, strict=True))
