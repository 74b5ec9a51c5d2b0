"""The plug is taken out: while files are stored, and while the device makes its data partition."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

import aiohttp
import pytest

from integration.bad_days.owed import Owed
from integration.client import ApiError
from integration.machines.facts import is_sealed, runs_whole
from integration.machines.images import Image
from integration.machines.pair import make_circle, pair
from integration.machines.qemu import device

pytestmark = pytest.mark.qemu
MOMENTS = ("50-data.conf", "mke2fs", "filesystem accounting", "data sealed")
"""What the initrd says while it makes the data partition: planned, encrypted, formatted, mounted."""


async def tried(owed: Owed, path: str, data: bytes) -> None:
    """Ends well, in words, or with the device itself."""
    with suppress(ApiError, aiohttp.ClientError):
        await owed.put(path, data)


async def test_power_cut_in_the_middle_of_uploads(development: Image, tmp_path: Path) -> None:
    """Its own upload, and a peer's to it: what was acknowledged to either owner is there afterwards."""
    chance = Random(7)
    async with pair(development, "power_cut_uploads", tmp_path) as (first, second):
        await first.start()
        await make_circle(first, second)
        owners = (Owed(first.api), Owed(second.api))
        for owed in owners:
            await owed.put("/kept", chance.randbytes(2 << 20))
        under_way = [
            asyncio.create_task(tried(owed, "/under way", chance.randbytes(16 << 20))) for owed in owners
        ]
        await asyncio.sleep(chance.uniform(0.2, 2.0))
        assert not any(upload.done() for upload in under_way)
        await first.cut_power()
        await asyncio.gather(*under_way)
        await first.start()
        await first.all_run()
        await first.api.reaches_all()
        await second.api.reaches_all()
        for owed in owners:
            await owed.look()
            await owed.put("/after", chance.randbytes(100_000))
        assert await first.machine.booted() == "running"


async def test_power_cut_in_the_first_boot(development: Image) -> None:
    """Whatever was half made is made anew; the device is whole."""
    async with device(development, "power_cut_first_boot") as made:
        for moment in MOMENTS:
            await made.switch_on()
            await made.says(moment)
            await made.cut_power()
            made.forget()
        await made.start()
        await runs_whole(made)
        await is_sealed(made)
