"""Devices by their real units, under a real systemd: a circle, its losses, services that die one by one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

import aiohttp
import pytest

from integration.bad_days.owed import Owed
from integration.client import ApiError
from integration.machines.circle import UNITS, machines

pytestmark = pytest.mark.nspawn
SECONDS = 120.0


async def test_five_devices_keep_their_files_through_losses(device_tree: Path, tmp_path: Path) -> None:
    """Two lose power in the middle of an upload and come back; one is cut off from the others meanwhile."""
    chance = Random(5)
    async with machines(device_tree, tmp_path, 5) as made:
        first, *others = made.members
        for member in made.members:
            failed = await member.machine.inside("systemctl", "--failed", "--plain", "--no-legend")
            assert (await member.machine.booted(), failed) == ("running", "")
            await member.machine.inside("piccolo-updater", "health")
        owed = Owed(first.api)
        await owed.put("/kept", chance.randbytes(3 << 20))
        uploading = asyncio.create_task(_tried(owed, "/under way", chance.randbytes(8 << 20)))
        for lost in others[-2:]:
            await lost.cut_power()
        await uploading
        await owed.look()
        for lost in others[-2:]:
            await lost.start()
            await lost.all_run()
        await made.net.cut(others[0].api.name)
        await owed.look()
        await made.net.heal(others[0].api.name)
        await first.api.reaches_all(SECONDS)
        await owed.put("/after", chance.randbytes(300_000))
        await owed.look()


async def test_each_service_dies_during_an_upload_and_is_started_again(
    device_tree: Path, tmp_path: Path
) -> None:
    """The upload ends well or is refused in words; what was acknowledged stays."""
    chance = Random(6)
    async with machines(device_tree, tmp_path, 3) as made:
        member = made.members[0]
        owed = Owed(member.api)
        await owed.put("/before", chance.randbytes(100_000))
        for number, unit in enumerate(UNITS):
            uploading = asyncio.create_task(_tried(owed, f"/{number}", chance.randbytes(6 << 20)))
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            await member.machine.inside("systemctl", "kill", "--signal=KILL", unit)
            await uploading
            await member.all_run()
            await owed.look()
            await owed.put(f"/{number} again", chance.randbytes(1000))


async def _tried(owed: Owed, path: str, data: bytes) -> None:
    """Ends well, in words, or with the gateway itself."""
    with suppress(ApiError, aiohttp.ClientError):
        await owed.put(path, data)
