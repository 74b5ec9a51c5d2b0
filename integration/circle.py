"""A circle on one machine: the cloud, N devices, their owners, and what may befall them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from integration.device import Cloud, Device
from integration.owner import Owner

Say = Callable[[str], None]
Plug = Callable[[Cloud | Device], None]
_PASSPHRASE: Final = "correct horse battery staple"


@dataclass(slots=True)
class Circle:
    """The cloud and the owners, the founder first. Few processes start at once, for the machine's sake."""

    folder: Path
    cloud: Cloud
    owners: list[Owner]
    starting: asyncio.Semaphore
    passphrase: str
    plug: Plug
    store: Mapping[str, Any] = field(default_factory=dict)
    """The pace of the devices' vaults, where a test cannot wait for a real one."""
    gone: list[Owner] = field(default_factory=list)
    """Who was taken out of the circle; their devices run on."""

    def new_device(self, number: int) -> Device:
        """A box that was just bought."""
        folder = self.folder / f"d{number:02d}"
        device = Device(f"device-{number}", folder, self.starting, cloud=self.cloud, store=self.store)
        self.plug(device)
        return device

    async def add(self, count: int, say: Say = lambda _: None) -> list[Owner]:
        """Starts new devices, sets each up, and lets each join (the very first one founds)."""
        first = len(self.owners)
        fresh = [Owner.of(self.new_device(number), self.passphrase) for number in range(first, first + count)]
        self.owners.extend(fresh)
        async with asyncio.TaskGroup() as group:
            for owner in fresh:
                group.create_task(self._begin(owner, say))
        for owner in fresh:
            if owner is self.owners[0]:
                await owner.api.found(at_risk=len(fresh) == 2)
            else:
                await owner.api.join(await self.owners[0].api.invite())
            say(f"{owner.device.name} is in the circle")
        return fresh

    async def _begin(self, owner: Owner, say: Say) -> None:
        await owner.start()
        await owner.api.set_up()
        say(f"{owner.device.name} runs and is set up")

    async def close(self) -> None:
        """Leaves no process behind."""
        await asyncio.gather(*(owner.close() for owner in (*self.owners, *self.gone)), self.cloud.close())


@asynccontextmanager
async def circle(
    folder: Path,
    devices: int,
    say: Say = lambda _: None,
    *,
    passphrase: str = _PASSPHRASE,
    store: Mapping[str, Any] | None = None,
    plug: Plug = lambda _: None,
) -> AsyncIterator[Circle]:
    """A running circle of that many devices; all its processes end with the block.

    `plug` is called with every box before it starts, to change what it is reached by or runs with.
    """
    starting = asyncio.Semaphore(2 * (os.cpu_count() or 2))
    cloud = Cloud("cloud", folder / "cloud", starting)
    made = Circle(folder, cloud, [], starting, passphrase, plug, store or {})
    try:
        plug(made.cloud)
        await made.cloud.start()
        say("the cloud runs")
        await made.add(devices, say)
        for owner in made.owners:
            await owner.api.knows_members(devices)
        yield made
    finally:
        await made.close()
