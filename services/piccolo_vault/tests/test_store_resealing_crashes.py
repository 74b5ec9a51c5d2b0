"""The vault's process goes between any two calls while files are sealed anew.

No byte is lost, nothing old ends before its new place is there, and in the end nothing old is anywhere.
As many moments as rounds are tried, drawn from the seed: script/test component --seed S --rounds R
"""

from __future__ import annotations

import random

import pytest

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.exposed_scene import (
    SWIFT,
    Files,
    check,
    expose,
    feks,
    filled,
    fragments,
    rounds,
)
from piccolo_vault.tests.test_store_crash import crash_at
from piccolo_vault.tests.world import World, world

pytestmark = pytest.mark.component


@pytest.fixture
def dice(pytestconfig: pytest.Config) -> random.Random:
    """Draws the moments."""
    seed = pytestconfig.getoption("--seed")
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f"seed {seed}")  # noqa: T201 - told when it fails
    return random.Random(seed)


@pytest.fixture
def moments(pytestconfig: pytest.Config) -> int:
    """How many are tried."""
    return max(2, int(pytestconfig.getoption("--rounds")))


async def sealing(here: World) -> None:
    await rounds(here)


async def steps_of_all() -> int:
    async with world(4, SWIFT) as here:
        await filled(here)
        expose(here)
        first = here.steps.count
        await sealing(here)
        return here.steps.count - first


def whole(here: World) -> None:
    """Each kept version lies in an object whose fragments its layout's keepers have, enough of them."""
    for version_id, version in here.objects.versions.items():
        layout = read_layout(here.objects.objects[version.object_id].layout)
        there = {
            index
            for index in range(layout.m)
            for keeper in here.keepers
            if keeper.member.owner_id == layout.keepers[index] and keeper.live(layout.fragment_id(index))
        }
        assert len(there) >= layout.k, version_id.hex()


async def read_all(here: World, files: Files) -> None:
    assert {path: await here.get(path) for path in files} == files


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_call_loses_nothing_and_is_gone_on_from(
    dice: random.Random, moments: int, after: bool
) -> None:
    total = await steps_of_all()
    assert total > 100
    for step in sorted(dice.sample(range(total), min(moments, total))):
        async with world(4, SWIFT) as here:
            files = await filled(here)
            old, keys = fragments(here), feks(here)
            expose(here)
            await crash_at(here, step, after, sealing)
            whole(here)
            await read_all(here, files)
            here.keyring.resealings.clear()
            assert (await rounds(here, 30)).over, step
            await check(here, files, old, keys)
            whole(here)


async def test_crashes_one_after_the_other_and_writes_in_between(dice: random.Random, moments: int) -> None:
    async with world(4, SWIFT) as here:
        files = await filled(here)
        old = fragments(here)
        expose(here)
        for number in range(moments):
            await crash_at(here, dice.randrange(1, 60), dice.random() < 0.5, sealing)
            whole(here)
            await read_all(here, files)
            path = dice.choice([*files, f"/new/{number}"])
            files[path] = random_bytes(dice.choice([0, 700, 300_000]))
            await here.put(path, files[path])
            here.objects.backed_up = dice.random() < 0.7
        here.objects.backed_up = True
        here.keyring.resealings.clear()
        assert (await rounds(here, 30)).over
        await read_all(here, files)
        assert fragments(here).isdisjoint(old)
