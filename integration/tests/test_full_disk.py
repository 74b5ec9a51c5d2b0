"""The disk of each device in turn, and the cloud's, is full: it says so, and goes on when there is room."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from integration.bad_days.cuts import fragile_circle
from integration.bad_days.power.disk import Disk, NoPowerError
from integration.bad_days.promises import Promises, content_of
from integration.client import ApiError, Client

_ENDLESS = 1 << 40
_SIZES = (100, 3_000, 60_000, 600_000, 2_000_000)
_PATIENCE_SECONDS = 60


class Shelf:
    """Files of one owner, and what is owed of them."""

    def __init__(self, api: Client, chance: Random) -> None:
        self._api, self._chance, self._promises = api, chance, Promises()

    async def put(self, path: str, size: int) -> str | None:
        """Returns the reason of a refusal."""
        data = self._chance.randbytes(size)
        self._promises.asked(path, content_of(data))
        try:
            await self._api.put(path, data)
        except ApiError as refused:
            return refused.reason
        self._promises.acknowledged(path, content_of(data))
        return None

    async def put_when_there_is_room(self, path: str, size: int) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while reason := await self.put(path, size):
                assert reason != "INTERNAL"
                await asyncio.sleep(0.5)  # the keepers are asked again for their room by the clock

    async def look(self) -> None:
        for path in self._promises.there():
            self._promises.seen(path, content_of(await self._api.get(path)))


async def fill(disk: Disk, shelf: Shelf, name: str, room: int) -> set[str]:
    """Leaves that much room and writes into it; returns why it was refused."""
    await disk.capacity((await disk.about())["used"] + room)
    reasons = {await shelf.put(f"/{name}/{room}/{number}", size) for number, size in enumerate(_SIZES * 2)}
    await shelf.look()
    return {reason for reason in reasons if reason}


@pytest.mark.circle
async def test_a_full_disk_refuses_and_goes_on(tmp_path: Path, no_leaked_processes: None) -> None:
    """At each of several bytes: old data is served, nothing is half there, room that comes back is used."""
    try:
        async with fragile_circle(tmp_path, 3) as (made, disks):
            shelf = Shelf(made.owners[0].api, Random(1))
            await fill(disks["cloud"], shelf, "before", _ENDLESS)
            for name, disk in disks.items():
                for room in (0, 5_000, 300_000):
                    reasons = await fill(disk, shelf, name, room)
                    assert "INTERNAL" not in reasons
                await disk.capacity(_ENDLESS)
                await shelf.put_when_there_is_room(f"/{name}/after", 60_000)
                await shelf.look()
            await made.owners[0].api.backed_up()
    except NoPowerError as refused:
        pytest.skip(f"no file system in user space here: {refused}")
