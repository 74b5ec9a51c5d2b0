"""Members come, go, fill up and return: fragments follow, and no step survives less than the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.signed import sign

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage import promise
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.ports.objects import Burying, StoredObject
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.test_store_compaction import end, strays
from piccolo_vault.tests.test_store_crash import crash_at
from piccolo_vault.tests.world import MIB, QUICK, World, world

SOON = replace(QUICK, spread_seconds=0.0)
LATER = replace(QUICK, spread_seconds=3600.0)
SWIFT = replace(SOON, open_seconds=0.1, store_limit=MIB)
FILES = {"/small": random_bytes(2_000), "/one": random_bytes(700_000), "/large": random_bytes(9 * MIB + 5)}


def layouts(here: World) -> list[tuple[StoredObject, list[bytes | None]]]:
    found = []
    for stored in here.objects.objects.values():
        layout = read_layout(stored.layout)
        found.append(
            (stored, [None if i in stored.missing else each for i, each in enumerate(layout.keepers)])
        )
    return found


def doubles(here: World) -> int:
    return sum(len(held) - held.count(None) - len(set(held) - {None}) for _, held in layouts(here))


async def store(here: World, files: dict[str, bytes] = FILES) -> None:
    for path, data in files.items():
        await here.put(path, data)


async def read_all(here: World, files: dict[str, bytes] = FILES) -> None:
    assert {path: await here.get(path) for path in files} == files


async def doubled(here: World) -> None:
    """Two of four keepers are away while the files are written, so others hold two fragments each."""
    for keeper in here.keepers[:2]:
        keeper.down = True
    await here.store.maintenance.look_at_all()
    await store(here)
    for keeper in here.keepers[:2]:
        keeper.down = False


def watch_layouts(here: World) -> None:
    """Fails when a layout in force ever survives less than the one before, counting what is really there."""
    original = here.objects.update_layout

    async def checked(stored: StoredObject, expected_layout: bytes, burying: Burying | None = None) -> None:
        if stored.object_id in here.objects.objects:
            before = really(here, here.objects.objects[stored.object_id])
            assert really(here, stored) >= before
        await original(stored, expected_layout, burying)

    here.objects.update_layout = checked  # type: ignore[method-assign]


def really(here: World, stored: StoredObject) -> int:
    layout, by_owner = read_layout(stored.layout), {each.member.owner_id: each for each in here.keepers}
    held = [
        owner
        for index, owner in enumerate(layout.keepers)
        if owner in by_owner and by_owner[owner].live(layout.fragment_id(index))
    ]
    return promise.survives(promise.count_by_device(held).values(), layout.k)


async def test_two_fragments_at_one_member_spread_as_soon_as_others_can_take_one() -> None:
    async with world(4, LATER) as here:
        await doubled(here)
        assert doubles(here) > 0
        await here.store.maintenance.look_at_all()
        watch_layouts(here)
        assert await here.store.chores.spreader.round() > 0
        assert doubles(here) == 0
        await read_all(here)
        await end(here)
        assert not strays(here)
        assert await here.store.chores.spreader.round() == 0


async def test_who_is_back_is_made_use_of_at_once() -> None:
    async with world(4, replace(LATER, chores_seconds=3600.0)) as here:
        await doubled(here)
        here.store.start()

        async def spread() -> bool:
            return doubles(here) == 0

        await here.until(spread)
        await read_all(here)


async def test_doubles_spread_on_a_locked_device_and_lose_nothing() -> None:
    async with world(4, LATER) as here:
        await doubled(here)
        await here.store.maintenance.look_at_all()
        here.keyring.locked = True
        watch_layouts(here)
        assert await here.store.chores.spreader.round() > 0
        assert doubles(here) == 0
        here.keyring.locked = False
        await read_all(here)


async def test_a_move_is_read_from_its_old_keeper_alone() -> None:
    async with world(4, LATER) as here:
        await doubled(here)
        await here.store.maintenance.look_at_all()
        before = sum(each.gets for each in here.keepers[:2])
        await here.store.chores.spreader.round()
        assert sum(each.gets for each in here.keepers[:2]) == before


async def test_more_members_mean_more_fragments_when_the_circle_has_stayed_so() -> None:
    async with world(4, LATER) as here:
        await store(here)
        for _ in range(2):
            here.joins()
        await here.store.maintenance.look_at_all()
        watch_layouts(here)
        assert await here.store.chores.spreader.round() == 0
        here.clock_offset += 3601
        assert await here.store.chores.spreader.round() == len(FILES)
        for stored, held in layouts(here):
            layout = read_layout(stored.layout)
            assert (layout.k, layout.m, len(set(held))) == (3, 6, 6)
            assert layout.epoch > 1
        await read_all(here)
        await end(here)
        assert not strays(here)
        assert await here.store.chores.spreader.round() == 0


async def test_what_had_to_wait_for_the_owner_root_is_done_when_the_vault_is_unlocked() -> None:
    async with world(4, SOON) as here:
        await store(here)
        here.joins()
        await here.store.maintenance.look_at_all()
        here.keyring.locked = True
        assert await here.store.chores.spreader.round() == 0
        here.keyring.locked = False
        assert await here.store.chores.spreader.round() == len(FILES)


async def test_a_recovered_device_codes_anew_what_another_one_wrote() -> None:
    async with world(4, SOON) as here:
        await store(here)
        before = {stored.object_id: read_layout(stored.layout) for stored, _ in layouts(here)}
        here.keyring._local = bytes(32)  # what the old device sealed for itself, the new one cannot open
        await here.crash()
        here.joins()
        await here.store.maintenance.look_at_all()
        assert await here.store.chores.spreader.round() == len(FILES)
        for stored, _ in layouts(here):
            new, old = read_layout(stored.layout), before[stored.object_id]
            assert new.epoch > old.epoch
            assert {new.fragment_id(i) for i in range(new.m)}.isdisjoint(
                old.fragment_id(i) for i in range(old.m)
            )
        await read_all(here)


async def test_files_that_no_loss_is_survived_by_do_not_wait_for_the_circle_to_settle() -> None:
    async with world(1, LATER, at_risk=True) as here:
        await store(here)
        for _ in range(2):
            here.joins()
        await here.store.maintenance.look_at_all()
        assert await here.store.chores.spreader.round() == len(FILES)
        for path in FILES:
            assert (await here.store.health(path, ask=True))[0].survives == 2
        await read_all(here)


async def test_what_the_owner_sets_is_followed_by_old_files() -> None:
    async with world(6, SOON) as here:
        await store(here)
        here.objects.wanted = (1, 3)
        watch_layouts(here)
        assert await here.store.chores.spreader.round() == 0  # would survive 2 losses instead of 3
        here.objects.wanted = (2, 5)
        assert await here.store.chores.spreader.round() == len(FILES)
        await read_all(here)
        assert {(read_layout(each.layout).k, read_layout(each.layout).m) for each, _ in layouts(here)} == {
            (2, 5)
        }


async def test_what_lies_with_a_leaving_member_moves_to_one_that_stays() -> None:
    async with world(4, LATER) as here:
        here.objects.wanted = (1, 3)
        await store(here)
        leaving = here.keepers[1]
        leaving.member = replace(leaving.member, standing=Standing.LEAVING)
        here.circle.replace([each.member for each in here.keepers])
        watch_layouts(here)
        await here.store.care._mover.round()
        assert all(leaving.member.owner_id not in held for _, held in layouts(here))
        await read_all(here)
        await end(here)
        assert not any(kept.state is KeptState.LIVE for kept in leaving.fragments.values())


async def test_a_full_member_gets_nothing_and_keeps_what_it_has() -> None:
    async with world(4, LATER) as here:
        await doubled(here)
        for keeper in here.keepers[:2]:
            keeper.full = True
        await here.store.maintenance.look_at_all()
        before = layouts(here)
        assert await here.store.chores.spreader.round() == 0
        assert layouts(here) == before


async def test_an_object_that_changes_while_it_is_coded_anew_stays_as_it_became() -> None:
    async with world(4, SOON) as here:
        await here.put("/one", FILES["/one"])
        (object_id,) = here.objects.objects
        for _ in range(2):
            here.joins()
        await here.store.maintenance.look_at_all()
        original = here.objects.list_object_files

        async def then_changes(object_id: bytes, *, kept: bool = False) -> list[object]:
            stored = here.objects.objects[object_id]
            here.objects.objects[object_id] = replace(stored, layout=relabelled(here, stored.layout))
            return list(await original(object_id, kept=kept))

        here.objects.list_object_files = then_changes  # type: ignore[method-assign, assignment]
        assert await here.store.chores.spreader.round() == 0
        here.objects.list_object_files = original  # type: ignore[method-assign]
        assert read_layout(here.objects.objects[object_id].layout).epoch == 1
        assert await here.get("/one") == FILES["/one"]
        assert await here.store.chores.spreader.round() == 1
        assert await here.get("/one") == FILES["/one"]


def relabelled(here: World, layout: bytes) -> bytes:
    found = read_layout(layout)
    return sign(replace(found, seq=found.seq + 1), here.keyring.signing_key()).to_bytes()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("what", ["double", "code"])
async def test_a_crash_anywhere_loses_nothing_and_the_next_round_ends_it(after: bool, what: str) -> None:
    files = {"/one": random_bytes(300_000), "/large": random_bytes(MIB + 9)}

    async def before(here: World) -> None:
        for keeper in here.keepers[:2] if what == "double" else ():
            keeper.down = True
        await here.store.maintenance.look_at_all()
        await store(here, files)
        for keeper in here.keepers:
            keeper.down = False
        for _ in range(2 if what == "code" else 0):
            here.joins()
        await here.store.maintenance.look_at_all()

    async def action(here: World) -> None:
        await here.store.chores.spreader.round()

    async with world(4, SWIFT) as whole:
        await before(whole)
        first = whole.steps.count
        await action(whole)
        steps = whole.steps.count - first
    assert steps > 20
    for step in range(0, steps, 3 if after else 4):
        async with world(4, SWIFT) as here:
            await before(here)
            await crash_at(here, step, after, action)
            await read_all(here, files)
            await here.store.maintenance.look_at_all()
            await here.store.chores.spreader.round()
            await read_all(here, files)
            assert doubles(here) == 0
            if what == "code":
                assert {read_layout(each.layout).m for each, _ in layouts(here)} == {6}
            for path in files:
                health, _ = await here.store.health(path, ask=True)
                assert health.survives >= 2, here.steps.names[-30:]


async def test_no_long_read_fails_while_its_object_is_coded_anew_and_the_old_fragments_are_buried() -> None:
    async with world(4, replace(SOON, read_ahead=MIB, batch=MIB)) as here:
        await here.put("/large", FILES["/large"])
        for _ in range(2):
            here.joins()
        await here.store.maintenance.look_at_all()

        class Slow:
            content, moved = bytearray(), False

            async def head(self, head: object) -> None:
                return

            async def data(self, data: bytes | memoryview) -> None:
                self.content += data
                if not self.moved:
                    self.moved = True
                    assert await here.store.chores.spreader.round() == 1
                    await end(here)

        sink = Slow()
        await here.store.read("/large", sink)
        assert bytes(sink.content) == FILES["/large"]


async def test_while_the_owner_writes_only_what_is_about_losses_moves() -> None:
    async with world(4, SOON) as here:
        await store(here)
        for _ in range(2):
            here.joins()
        await here.store.maintenance.look_at_all()
        with here.context.quiet.writing():
            assert await here.store.chores.spreader.round() == 0
        assert await here.store.chores.spreader.round() == len(FILES)


async def test_members_that_must_be_heard_first_stop_it() -> None:
    async with world(4, SOON) as here:
        await doubled(here)
        here.circle.circle = replace(here.circle.circle, unheard=2)
        with pytest.raises(PiccoloError, match="must be heard"):
            await here.store.chores.spreader.round()
