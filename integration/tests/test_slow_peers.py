"""Members and a cloud that hang or trickle in the middle of everything that an owner does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from integration.bad_days.owed import Owed
from integration.bad_days.wire import Way, Wires, only_root
from integration.bad_days.wired import wired
from integration.circle import Circle
from integration.device import Device

_SEED = 11
_PROMISED_SECONDS = 20.0
"""Three times a stall, and what a busy machine takes."""


@only_root
@pytest.mark.circle
async def test_a_member_that_hangs_or_trickles_costs_its_fragment_and_is_used_again(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """In the middle of an upload, a download, a repair and a backup."""
    async with wired(tmp_path, 5) as (made, wires):
        for number, slow, way in ((0, 1, Way.silent()), (2, 3, Way.trickle())):
            owed = Owed(made.owners[number].api)
            here, there = made.owners[number].device, made.owners[slow].device
            await owed.api.reaches_all()
            fallen = wires.after(700_000, here, there, way)
            async with asyncio.timeout(_PROMISED_SECONDS):
                written = await owed.put("/large", Random(_SEED).randbytes(9_000_000))
            assert fallen.is_set()
            assert written.health.survives >= 1
            wires.heal()
            await _whole_again(owed, "/large", wires, here, there)
            wires.after(200_000, there, here, way)
            async with asyncio.timeout(_PROMISED_SECONDS):
                await owed.look()
            wires.heal()
            await _cloud_hangs(made, wires, owed, here)
            await owed.look()


async def _whole_again(owed: Owed, path: str, wires: Wires, here: Device, slow: Device) -> None:
    """The member hangs once more in the repair; then it heals, and has its fragment."""
    wires.after(500_000, here, slow, Way.silent())
    async with asyncio.timeout(2 * _PROMISED_SECONDS):
        await owed.api.repair()
        await owed.look(path)
        wires.heal()
        while (await owed.api.health(path)).survives < 2:
            await owed.api.repair()


async def _cloud_hangs(made: Circle, wires: Wires, owed: Owed, here: Device) -> None:
    fallen = wires.after(500, here, made.cloud, Way.silent())
    await owed.put("/while the cloud hangs", b"small")
    async with asyncio.timeout(_PROMISED_SECONDS):
        await fallen.wait()
    await owed.put("/and after", b"small too")
    wires.heal()
    await owed.api.backed_up()
