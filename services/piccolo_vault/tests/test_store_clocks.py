"""Clocks that are set: what was decided by the wrong time is decided anew."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_vault.core.storage.stepping import LEAST_SECONDS, Stepping
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import World, world

DAYS = 15 * 24 * 3600.0
WEEK = 7 * 24 * 3600.0


def monotonic() -> float:
    return asyncio.get_running_loop().time()


async def away_for(here: World) -> float:
    """How long the first member has been away."""
    return here.now() - here.peers.away()[here.keepers[0].member.owner_id]


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e8, 1e8)), max_size=20),
    st.floats(0, 2e9),
)
def test_steps_are_told_and_time_that_passes_is_not(moves: list[tuple[float, float]], begin: float) -> None:
    wall, steady = begin, 0.0
    clock = Stepping(wall, steady)
    for passed, step in moves:
        wall, steady = wall + passed + step, steady + passed
        told = clock.seen(wall, steady)
        if abs(step) >= LEAST_SECONDS + 1:
            assert told == pytest.approx(step, abs=1)
        elif abs(step) <= LEAST_SECONDS - 1:
            assert told == 0


@pytest.mark.parametrize("step", [DAYS, -DAYS])
async def test_a_step_of_the_clock_makes_nobodys_absence_longer_or_shorter(step: float) -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[0].down = True
        here.store.maintenance.heed_clock(monotonic())
        await here.store.maintenance.look_at_all()
        here.clock_offset += step
        here.store.maintenance.heed_clock(monotonic())
        assert abs(await away_for(here)) < 60
        assert await here.store.maintenance.repair_due(impatient=False) == (0, 1), "a week has not passed"
        await here.peers.save()
        await here.crash()
        await here.peers.load()
        assert abs(await away_for(here)) < 60, "also after a restart"


async def test_a_repair_that_was_put_off_by_a_clock_that_was_ahead_does_not_wait_for_that_time() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        here.clock_offset = DAYS
        here.store.maintenance.heed_clock(monotonic())
        for keeper in here.keepers[:3]:
            keeper.down = True
        await here.store.maintenance.look_at_all()
        await here.store.maintenance.repair_due(impatient=False)
        here.clock_offset = 0
        assert await here.store.maintenance.repair_due(impatient=False) == (0, 1)
        for keeper in here.keepers[:3]:
            keeper.down = False
        here.store.maintenance.heed_clock(monotonic())
        await here.store.maintenance._repair_round()
        assert not here.objects.repairs


async def test_an_absence_that_was_noted_by_a_clock_that_was_ahead_counts_from_now_on() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[0].down = True
        here.clock_offset = DAYS
        await here.store.maintenance.look_at_all()
        await here.crash()
        here.clock_offset = 0
        await here.store.maintenance.look_at_all()
        assert abs(await away_for(here)) < 60
        here.clock_offset = WEEK + 60
        await here.store.maintenance.look_at_all()
        await here.store.maintenance.repair_due(impatient=False)
        assert await away_for(here) >= WEEK
