"""Checks, the operations that run them, and what is told of health."""

from __future__ import annotations

import json

import pytest

from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, World, world

SIZES = [3_000, 700_000, 9 * MIB + 1]
WEEK = 7 * 24 * 3600.0


async def look(here: World) -> None:
    await here.store.maintenance.look_at_all()


@pytest.mark.parametrize("percent", [0, 10, 100])
async def test_a_check_finds_what_is_gone_and_with_reading_what_is_wrong(percent: int) -> None:
    async with world(9) as here:
        for number in range(5):
            await here.put(f"/d/{number}", random_bytes(300_000 + number))
        await here.put("/big", random_bytes(9 * MIB))
        here.keepers[0].fragments.clear()
        here.keepers[1].lies_on_get = True
        operation = await here.store.check("", percent)
        ended = await here.operations.ended(operation)
        assert ended.state == "succeeded"
        found = json.loads(ended.result)
        assert (found["objects"], found["damaged"]) == (6, 6)
        assert (found["blocks_wrong"] > 0) == (percent > 0)
        assert len(here.objects.repairs) == 6
        missing = {len(stored.missing) for stored in here.objects.objects.values()}
        assert missing == ({2} if percent else {1})


async def test_a_check_below_a_path_looks_at_nothing_else_and_can_be_cancelled() -> None:
    async with world(4) as here:
        await here.put("/a/1", random_bytes(300_000))
        await here.put("/b/1", random_bytes(300_000))
        ended = await here.operations.ended(await here.store.check("/a", 0))
        assert json.loads(ended.result)["objects"] == 1
        here.operations.cancelled.add("check-1")
        ended = await here.operations.ended(await here.store.check("", 0))
        assert ended.state == "cancelled"


async def test_an_operation_that_fails_says_why() -> None:
    async with world(4) as here:
        here.objects.down = True
        ended = await here.operations.ended(await here.store.check("", 0))
        assert (ended.state, ended.error_reason) == ("failed", "UNAVAILABLE")


async def test_the_repair_operation_works_off_the_queue() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[3].fragments.clear()
        await here.operations.ended(await here.store.check("", 0))
        ended = await here.operations.ended(await here.store.repair(now=True))
        assert json.loads(ended.result) == {"repaired": 1, "waiting": 0}


async def test_the_store_tells_its_health_in_words() -> None:
    async with world(9) as here:
        totals, waiting, away = await here.store.totals()
        assert totals.words == "nothing is stored yet"
        await here.put("/f", random_bytes(700_000))
        await here.put("/g", b"small")
        here.clock_offset += 11
        totals, waiting, away = await here.store.totals()
        assert (totals.objects, totals.words) == (2, "every file survives the loss of any 4 devices")
        for keeper in here.keepers[:6]:
            keeper.down = True
        await look(here)  # who is away is known at once, within the ten seconds too
        totals, waiting, away = await here.store.totals()
        assert (totals.unreadable, totals.at_risk, waiting) == (2, 2, 2)
        assert away == [f"member-{number}" for number in range(6)]
