"""The disk of each device in turn, and the cloud's, is full: it says so, and goes on when there is room."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from integration.bad_days.cuts import fragile_circle
from integration.bad_days.owed import Owed
from integration.bad_days.power.disk import Disk, NoPowerError
from integration.client import ApiError

_ENDLESS = 1 << 40
_SIZES = (100, 3_000, 60_000, 600_000, 2_000_000)


async def fill(disk: Disk, owed: Owed, chance: Random, name: str, room: int) -> set[str]:
    """Leaves that much room and writes into it; returns why it was refused."""
    await disk.capacity((await disk.about())["used"] + room)
    reasons = set()
    for number, size in enumerate(_SIZES * 2):
        try:
            await owed.put(f"/{name}/{room}/{number}", chance.randbytes(size))
        except ApiError as refused:
            reasons.add(refused.reason)
    await owed.look()
    return reasons


@pytest.mark.circle
async def test_a_full_disk_refuses_and_goes_on(tmp_path: Path, no_leaked_processes: None) -> None:
    """At each of several bytes: old data is served, nothing is half there, room that comes back is used."""
    try:
        async with fragile_circle(tmp_path, 3) as (made, disks):
            owed, chance = Owed(made.owners[0].api), Random(1)
            assert not await fill(disks["cloud"], owed, chance, "before", _ENDLESS)
            for name, disk in disks.items():
                for room in (0, 5_000, 300_000):
                    reasons = await fill(disk, owed, chance, name, room)
                    assert "INTERNAL" not in reasons
                await disk.capacity(_ENDLESS)
                await owed.put_when_there_is_room(f"/{name}/after", chance.randbytes(60_000))
                await owed.look()
            await owed.api.backed_up()
    except NoPowerError as refused:
        pytest.skip(f"no file system in user space here: {refused}")
