"""Files that are deleted while their fragments are made anew: nothing of them lives on at any member.

What lived on would be a file again for a recovery, whose memory does not know that it was deleted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.ports.objects import Burying, StoredObject
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.test_store_crash import crash_at
from piccolo_vault.tests.world import MIB, QUICK, World, world

SWIFT = replace(QUICK, spread_seconds=0.0, open_seconds=0.1, store_limit=MIB)


async def grown(here: World) -> None:
    """A file, and two more members: it is to be coded anew."""
    await here.put("/f", random_bytes(300_000))
    for _ in range(2):
        here.joins()
    await here.store.maintenance.look_at_all()


async def hurt(here: World) -> None:
    """A file that two members have lost: it is to be repaired."""
    await here.put("/f", random_bytes(300_000))
    for keeper in here.keepers[:2]:
        keeper.fragments.clear()
    here.joins()
    await here.store.maintenance.look_at_all()
    await here.store.health("/f", ask=True)


async def spread(here: World) -> None:
    await here.store.chores.spreader.round()


async def repair(here: World) -> None:
    await here.store.maintenance.repair_due(impatient=True)


async def delete(here: World) -> None:
    await here.store.delete("/f", recursive=False, expected_revision=None)


async def later(here: World) -> None:
    """What a device does by and by."""
    await here.store.maintenance._reclaim()
    await here.store.chores.spreader.round()
    await here.store.maintenance._reclaim()
    await here.store._burial.deliver()


def living(here: World) -> list[str]:
    return [
        f"{keeper.member.name}: {fragment_id.hex()[:8]}"
        for keeper in here.keepers
        for fragment_id, kept in keeper.fragments.items()
        if kept.state is KeptState.LIVE
    ]


Act = Callable[[World], Awaitable[None]]
ACTS = pytest.mark.parametrize(
    ("before", "act"), [(grown, spread), (hurt, repair)], ids=["coded anew", "repaired"]
)


@ACTS
async def test_nothing_lives_on_of_a_file_that_is_deleted_before_its_new_layout_is_written(
    before: Act, act: Act
) -> None:
    async with world(4, SWIFT) as here:
        await before(here)
        original, tried = here.objects.update_layout, list[bytes]()

        async def deleted_first(
            stored: StoredObject, expected_layout: bytes, burying: Burying | None = None
        ) -> None:
            tried.append(stored.object_id)
            await delete(here)
            await original(stored, expected_layout, burying)

        here.objects.update_layout = deleted_first  # type: ignore[method-assign]
        await act(here)
        assert len(tried) == 1
        here.objects.update_layout = original  # type: ignore[method-assign]
        await later(here)
        assert not living(here)
        assert not here.objects.objects


@ACTS
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_nothing_lives_on_of_a_file_that_is_deleted_after_a_crash_at_any_step(
    before: Act, act: Act, after: bool
) -> None:
    async with world(4, SWIFT) as whole:
        await before(whole)
        first = whole.steps.count
        await act(whole)
        steps = whole.steps.count - first
    assert steps > 15
    for step in range(steps):
        async with world(4, SWIFT) as here:
            await before(here)
            await crash_at(here, step, after, act)
            await here.store.maintenance.look_at_all()
            await delete(here)
            await later(here)
            assert not living(here), here.steps.names[-30:]
            assert not here.objects.objects
