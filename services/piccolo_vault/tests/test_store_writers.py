"""Writers at the same time: of one name, of one pack, and one that goes away."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, world

SIZES = [1_000, 300_000, 9 * MIB + 3]


async def test_two_writers_of_one_name_are_both_answered_and_one_of_them_is_there() -> None:
    first, second = random_bytes(5 * MIB), random_bytes(5 * MIB + 1)
    async with world(4) as here:
        results = await asyncio.gather(here.put("/f", first), here.put("/f", second))
        assert all(results)
        assert await here.get("/f") in (first, second)


@pytest.mark.parametrize("size", SIZES)
async def test_of_two_writers_that_want_a_free_name_one_is_refused_and_leaves_nothing(size: int) -> None:
    async with world(4) as here:
        writes = [here.put("/f", random_bytes(size), expected_revision=0) for _ in range(2)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        refused = [each for each in results if isinstance(each, PiccoloError)]
        assert len(refused) == 1
        assert refused[0].kind is Kind.CONFLICT
        assert here.holders() == 4


async def test_a_stale_revision_in_a_pack_harms_nobody_else() -> None:
    async with world(4) as here:
        await here.put("/0", b"zero")
        names = [f"/{number}" for number in range(40)]
        writes = [here.put(name, name.encode(), expected_revision=0) for name in names]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert isinstance(results[0], PiccoloError)
        assert all(not isinstance(each, BaseException) for each in results[1:])
        assert await here.get("/0") == b"zero"
        for name in names[1:]:
            assert await here.get(name) == name.encode()
        assert len(here.objects.objects) <= 6  # the forty shared a few packs


async def test_one_name_written_twice_at_once_goes_into_two_packs() -> None:
    async with world(4) as here:
        results = await asyncio.gather(*(here.put("/f", bytes([number]) * 10) for number in range(6)))
        assert all(results)
        revisions = [each.revision for each in results if each]
        assert len(set(revisions)) == 6
        assert await here.get("/f") == bytes([5]) * 10


async def test_a_lone_small_file_waits_for_no_timer() -> None:
    async with world(9) as here:
        await here.put("/warm", b"x")
        took = []
        for number in range(20):
            began = asyncio.get_running_loop().time()
            await here.put(f"/{number}", random_bytes(4_096))
            took.append(asyncio.get_running_loop().time() - began)
        # a timer would hold up every one of them, a busy machine does not
        assert min(took) < 0.05


async def test_writers_that_go_on_share_every_pack() -> None:
    async with world(4, replace(QUICK, company_seconds=0.3)) as here:
        for keeper in here.keepers:
            keeper.seconds_per_message = 0.3

        async def write(writer: int) -> None:
            for number in range(4):
                await here.put(f"/{writer}/{number}", b"x")

        async def on_its_way() -> bool:
            return any(name.endswith(".store") for name in here.steps.names)

        first = asyncio.ensure_future(write(0))
        await here.until(on_its_way)
        await asyncio.gather(first, *(write(writer) for writer in range(1, 8)))
        # one file alone, then all writers together; if nobody waited it would be one, seven, one, seven, ...
        assert len(here.objects.objects) == 5


async def test_a_writer_that_goes_away_leaves_the_others_in_the_pack_alone() -> None:
    async with world(4) as here:
        blocker = asyncio.ensure_future(here.put("/first", b"x"))
        gone = asyncio.ensure_future(here.put("/gone", b"x"))
        stays = asyncio.ensure_future(here.put("/stays", b"y"))
        await asyncio.sleep(0)
        gone.cancel()
        await blocker
        assert await stays
        assert await here.get("/stays") == b"y"
