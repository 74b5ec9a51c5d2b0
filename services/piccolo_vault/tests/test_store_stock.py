"""What members really have is compared with what the layouts say, and what is surplus ends."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.core.storage.urgency import PATIENCE_SECONDS
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.test_store_compaction import strays
from piccolo_vault.tests.test_store_spreading import LATER, SOON, doubled, doubles, read_all, store
from piccolo_vault.tests.world import World, world

DAY = 24 * 3600


async def rebuilt_elsewhere(here: World) -> FakeKeeper:
    """A member is away for more than a week; what it has is rebuilt at a newcomer, and it returns."""
    here.objects.wanted = (2, 4)
    await store(here)
    gone = here.keepers[1]
    gone.down = True
    here.joins()
    await here.store.maintenance.look_at_all()
    here.clock_offset += PATIENCE_SECONDS + DAY
    await here.store.maintenance.repair_due(impatient=False)
    gone.down = False
    await here.store.maintenance.look_at_all()
    return gone


async def test_who_returns_after_a_week_loses_what_was_rebuilt_elsewhere_and_nothing_else() -> None:
    async with world(4, LATER) as here:
        gone = await rebuilt_elsewhere(here)
        assert strays(here)
        assert await here.store.chores.stocktaker.round() == 5
        assert not strays(here)
        assert not any(kept.state is KeptState.LIVE for kept in gone.fragments.values())
        await read_all(here)
        assert await here.store.chores.stocktaker.round() == 0
        here.clock_offset += DAY
        assert await here.store.chores.stocktaker.round() == 5


async def test_a_surplus_copy_stays_while_the_one_that_replaces_it_is_not_seen() -> None:
    async with world(4, LATER) as here:
        gone = await rebuilt_elsewhere(here)
        here.keepers[4].down = True
        await here.store.maintenance.look_at_all()
        _, buried = await here.store.chores.stocktaker.take(gone.member.owner_id)
        assert buried == 0
        here.keepers[4].down = False
        here.keepers[4].fragments.clear()  # and it has lost it
        _, buried = await here.store.chores.stocktaker.take(gone.member.owner_id)
        assert buried == 0
        await read_all(here)


async def test_a_surplus_copy_is_used_where_two_fragments_lie_at_one_member() -> None:
    async with world(4, LATER) as here:
        await doubled(here)
        await here.store.maintenance.look_at_all()
        for stored in here.objects.objects.values():
            layout = read_layout(stored.layout)
            twice = next(o for o in layout.keepers if layout.keepers.count(o) > 1)
            index = layout.keepers.index(twice)
            source = next(k for k in here.keepers if k.member.owner_id == twice)
            free = next(k for k in here.keepers if k.member.owner_id not in layout.keepers)
            copied = deepcopy(source.fragments[layout.fragment_id(index)])
            free.fragments[layout.fragment_id(index)] = copied
        for keeper in here.keepers:
            _, buried = await here.store.chores.stocktaker.take(keeper.member.owner_id)
            assert buried == 0
        await here.store.chores.round()
        assert doubles(here) == 0
        await read_all(here)


async def test_what_moved_while_the_vault_was_locked_ends_at_its_old_place() -> None:
    async with world(4, LATER) as here:
        await doubled(here)
        await here.store.maintenance.look_at_all()
        here.keyring.locked = True
        await here.store.chores.round()
        assert doubles(here) == 0
        assert strays(here)
        here.keyring.locked = False
        here.clock_offset += DAY
        await here.store.chores.stocktaker.round()
        assert not strays(here)
        await read_all(here)


async def test_what_a_coding_that_was_cut_off_left_behind_ends() -> None:
    async with world(4, SOON) as here:
        await here.put("/one", random_bytes(300_000))
        here.joins()
        await here.store.maintenance.look_at_all()
        original = here.objects.update_layout

        async def cut_off(*_: object) -> None:
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "Metadata does not answer.")

        here.objects.update_layout = cut_off  # type: ignore[method-assign, assignment]
        assert await here.store.chores.spreader.round() == 0
        here.objects.update_layout = original  # type: ignore[method-assign]
        assert strays(here)
        here.objects.wanted = (2, 4)  # the coding that left it is wanted no more
        await here.store.chores.stocktaker.round()
        assert not strays(here)
        assert len(await here.get("/one")) == 300_000


async def test_what_a_member_does_not_have_any_more_is_rebuilt() -> None:
    async with world(4, LATER) as here:
        await store(here)
        lost = here.keepers[2]
        lost.fragments.clear()
        lacking, _ = await here.store.chores.stocktaker.take(lost.member.owner_id)
        assert lacking == len(here.objects.objects)
        await here.store.maintenance.repair_due(impatient=False)
        assert len(lost.fragments) == lacking


async def test_what_belongs_to_no_known_object_and_garbage_are_left_alone() -> None:
    async with world(4, LATER) as here:
        await store(here)
        keeper = here.keepers[0]
        for fragment_id, kept in list(keeper.fragments.items()):
            strange = deepcopy(kept)
            strange.record = b"garbage"
            strange.head = replace(kept.head, fragment_id=bytes(16 - 1) + fragment_id[:1])
            keeper.fragments[strange.head.fragment_id] = strange
        before = {each: kept.state for each, kept in keeper.fragments.items()}
        assert await here.store.chores.stocktaker.take(keeper.member.owner_id) == (0, 0)
        assert {each: kept.state for each, kept in keeper.fragments.items()} == before


async def test_after_a_recovery_the_inventory_comes_first() -> None:
    async with world(4, LATER) as here:
        await store(here)
        here.keyring.bury = False
        assert await here.store.chores.stocktaker.round() == 0
        assert not any(name.endswith("list_mine") for name in here.steps.names)
