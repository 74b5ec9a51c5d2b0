"""Tombstones on their way to the members: what refuses, is away or has left stands in nobody's way."""

from __future__ import annotations

from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.test_store_inventory import backup, reconcile, recover
from piccolo_vault.tests.world import World, world

PATHS = ("/a", "/b", "/c", "/d")
"""More than the fake memory tells in a page."""


async def deleted_while_all_are_away(here: World) -> None:
    """One tombstone a file, for each of the members."""
    for path in PATHS:
        await here.put(path, random_bytes(700_000))
    for keeper in here.keepers:
        keeper.down = True
    await here.store.maintenance.look_at_all()
    for path in PATHS:
        await here.store.delete(path, recursive=False, expected_revision=None)


async def all_return(here: World) -> None:
    for keeper in here.keepers:
        keeper.down = False
    await here.store.maintenance.look_at_all()
    await here.store._burial.deliver()


async def test_what_a_member_will_not_have_stands_in_no_others_way() -> None:
    async with world(4) as here:
        await deleted_while_all_are_away(here)
        odd = here.keepers[0]
        (first, second), more = await here.objects.list_tombstones(odd.member.owner_id)
        assert more
        odd.refused |= {first.tombstone, second.tombstone}
        await all_return(here)
        assert len(odd.tombstones) == len(PATHS) - 2
        left, more = await here.objects.list_tombstones()
        assert not more
        assert [(each.tombstone_id, each.keeper) for each in left] == [
            (each.tombstone_id, odd.member.owner_id) for each in (first, second)
        ]


async def test_what_waits_for_a_member_is_dropped_when_it_is_in_the_roster_no_more() -> None:
    async with world(4) as here:
        await deleted_while_all_are_away(here)
        gone = here.keepers.pop()
        here.circle.replace([each.member for each in here.keepers])
        await all_return(here)
        assert await here.objects.list_tombstones() == ([], "")
        assert not gone.tombstones


async def test_a_roster_that_may_be_an_old_one_drops_nothing() -> None:
    async with world(4) as here:
        await deleted_while_all_are_away(here)
        newer = here.keepers[3].member
        here.circle.replace([each.member for each in here.keepers[:3]], unheard=1)
        await all_return(here)
        (waiting, *_), _ = await here.objects.list_tombstones(newer.owner_id)
        assert waiting.keeper == newer.owner_id


async def test_after_a_recovery_all_that_waits_stays_dead_however_much_it_is() -> None:
    async with world(4) as here:
        await deleted_while_all_are_away(here)
        memory = backup(here)
        for keeper in here.keepers:
            keeper.down = False
        await recover(here, memory)
        await reconcile(here)
        assert not here.named()
        await here.store._burial.deliver()
        assert not [
            kept for each in here.keepers for kept in each.fragments.values() if kept.state is KeptState.LIVE
        ]
