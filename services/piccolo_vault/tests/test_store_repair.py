"""Check, repair, members that go and come, deletion."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.commit_record import open_commit
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_vault.core.storage.health import PlaceState
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.ports.objects import Burying, StoredObject
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, World, world

SIZES = [3_000, 700_000, 9 * MIB + 1]
WEEK = 7 * 24 * 3600.0


async def look(here: World) -> None:
    await here.store.maintenance.look_at_all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locked", [False, True])
async def test_missing_fragments_are_rebuilt_with_their_index_id_and_root(size: int, locked: bool) -> None:
    data = random_bytes(size)
    async with world() as here:
        await here.put("/f", data)
        before = [dict(keeper.fragments) for keeper in here.keepers]
        for keeper in here.keepers[:4]:
            keeper.fragments.clear()
        here.keyring.locked = locked
        health, places = await here.store.health("/f", ask=True)
        assert health.survives == 0
        assert [p.state for p in places].count(PlaceState.MISSING) == 4
        await here.store.maintenance.repair_due(impatient=False)
        after = {f: kept for keeper in here.keepers for f, kept in keeper.fragments.items()}
        for fragments in before:
            for fragment_id, kept in fragments.items():
                assert after[fragment_id].root == kept.root
                assert after[fragment_id].blocks == kept.blocks
        assert (await here.store.health("/f", ask=True))[0].survives == 4
        here.keyring.locked = False
        for keeper in here.keepers[4:8]:
            keeper.down = True
        assert await here.get("/f") == data
        assert not here.objects.repairs


@pytest.mark.parametrize("liar", range(9))
async def test_who_lies_to_a_repair_is_repaired_next(liar: int) -> None:
    """The object was in the queue when the lie was reported, and left it with the first repair."""
    data = random_bytes(700_000)
    async with world() as here:
        await here.put("/f", data)
        keeper, lost = here.keepers[liar], here.keepers[(liar + 1) % 9]
        lost.fragments.clear()
        keeper.lies_on_get = True
        await here.store.health("/f", ask=True)
        await here.store.maintenance.repair_due(impatient=False)
        assert here.keepers[(liar + 1) % 9].fragments
        if keeper.gets:
            keeper.lies_on_get = False
            (stored,) = here.objects.objects.values()
            await here.store.maintenance.repair_due(impatient=False)
            fetcher = here.store.chores.spreader._repairer._fetcher
            layout = read_layout(stored.layout)
            assert not [i for i in range(layout.m) if layout.fragment_id(i) in fetcher.distrust]
        assert not here.objects.repairs


async def test_a_repair_carries_a_newer_commit_record_to_every_keeper() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(2 * MIB), media="image/png")
        here.keepers[0].fragments.clear()
        await here.store.health("/f", ask=True)
        await here.store.maintenance.repair_due(impatient=False)
        (stored,) = here.objects.objects.values()
        summaries = []
        for keeper in here.keepers:
            for kept in keeper.fragments.values():
                commit = open_signed(Commit, kept.record, [here.keyring.signing_key().public])
                summaries.append(open_commit(commit, here.keyring.kek().backup()))
        assert len(summaries) == 4
        assert {summary.layout for summary in summaries} == {stored.layout}
        assert {(file.path, file.media) for each in summaries for file in each.files} == {("/f", "image/png")}


async def test_an_absent_member_gets_a_week_unless_the_margin_is_thin() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        fresh = here.joins()
        await look(here)
        here.keepers[0].down = True
        await look(here)
        assert [each.margin for each in here.objects.repairs.values()] == [3]
        assert not (await here.objects.list_repairs(due=True))[0]
        here.clock_offset += WEEK + 60
        await here.store.maintenance.repair_due(impatient=False)
        assert len(fresh.fragments) == 1
        assert (await here.store.health("/f", ask=True))[0].placed == 9


async def test_a_thin_margin_is_repaired_at_once_and_a_spare_member_is_taken_first() -> None:
    data = random_bytes(6 * MIB)
    async with world(9) as here:
        await here.put("/f", data)
        fresh = here.joins()
        await look(here)
        for keeper in here.keepers[:4]:
            keeper.down = True
        await look(here)
        await here.store.maintenance.repair_due(impatient=False)
        assert len(fresh.fragments) == 1
        health, _ = await here.store.health("/f", ask=True)
        assert health.survives >= 1
        assert await here.get("/f") == data


async def test_without_a_spare_member_fragments_are_doubled_until_one_loss_is_survived() -> None:
    data = random_bytes(6 * MIB)
    async with world(9) as here:
        await here.put("/f", data)
        for keeper in here.keepers[:4]:
            keeper.down = True
        await look(here)
        await here.store.maintenance.repair_due(impatient=False)
        health, _ = await here.store.health("/f", ask=True)
        assert health.devices == 5
        assert health.survives >= 1
        here.keepers[5].down = True
        assert await here.get("/f") == data


async def test_a_member_that_comes_back_ends_what_was_queued_for_it() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[0].down = True
        await look(here)
        assert here.objects.repairs
        here.keepers[0].down = False
        await look(here)
        await here.store.maintenance.repair_due(impatient=True)
        assert not here.objects.repairs
        assert here.keepers[0].puts == 0


async def test_how_long_a_member_is_away_outlives_a_restart() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[0].down = True
        await look(here)
        since = here.peers.away()[here.keepers[0].member.owner_id]
        await here.crash()
        here.clock_offset += 3600
        await look(here)
        assert here.peers.away()[here.keepers[0].member.owner_id] == pytest.approx(since, abs=1)


async def test_a_removed_member_is_replaced() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        here.joins()
        await look(here)
        gone = here.keepers[0].member.owner_id
        here.circle.replace([m for m in here.circle.circle.members if m.owner_id != gone])
        await look(here)
        await here.store.maintenance.repair_due(impatient=False)
        (stored,) = here.objects.objects.values()
        assert gone not in read_layout(stored.layout).keepers


async def test_too_few_fragments_postpone_the_repair_with_growing_pauses() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        for keeper in here.keepers[:3]:
            keeper.fragments.clear()
        health, _ = await here.store.health("/f", ask=True)
        assert health.lost
        assert health.words == "lost: 1 of the 2 fragments that rebuild it are left"
        for _ in range(3):
            here.clock_offset += 8 * 3600
            await here.store.maintenance.repair_due(impatient=False)
        (waiting,) = here.objects.repairs.values()
        assert waiting.tries == 3


async def test_a_full_target_is_passed_over_at_the_next_try() -> None:
    async with world(9) as here:
        await here.put("/f", random_bytes(700_000))
        spares = [here.joins(), here.joins()]
        here.keepers[0].fragments.clear()
        here.keepers[0].full = True
        await here.store.health("/f", ask=True)
        await here.store.maintenance.repair_due(impatient=False)
        here.clock_offset += 8 * 3600
        await here.store.maintenance.repair_due(impatient=False)
        assert sum(len(each.fragments) for each in spares) == 1
        assert not here.objects.repairs


async def test_the_only_target_is_asked_again_after_it_did_not_take_a_fragment() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(9 * MIB))
        slow = here.keepers[0]
        slow.fragments.clear()
        await here.store.health("/f", ask=True)
        slow.dies_after_blocks = 1
        await here.store.maintenance.repair_due(impatient=True)
        slow.dies_after_blocks = None
        slow.down = False
        await look(here)
        await here.store.maintenance.repair_due(impatient=True)
        assert len(slow.fragments) == 1
        assert (await here.store.health("/f", ask=True))[0].survives == 2


async def test_a_liar_is_believed_again_only_when_it_shows_what_it_was_given() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        liar = here.keepers[0]
        liar.lies_on_get = True
        await here.operations.ended(await here.store.check("", 100))
        await here.store.maintenance.repair_due(impatient=True)
        assert (await here.store.health("/f", ask=False))[0].survives == 1
        assert here.objects.repairs, "it goes on being wanted"
        liar.lies_on_get = False
        await here.store.maintenance.repair_due(impatient=True)
        assert (await here.store.health("/f", ask=True))[0].survives == 2
        assert not here.objects.repairs


async def test_a_deleted_object_leaves_the_queue() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[0].fragments.clear()
        await here.store.health("/f", ask=True)
        here.objects.objects.clear()
        await here.store.maintenance.repair_due(impatient=True)
        assert not here.objects.repairs


async def test_a_deletion_buries_everywhere_and_tells_the_absent_when_they_return() -> None:
    async with world(4) as here:
        await here.put("/d/f", random_bytes(700_000))
        await here.put("/d/g", random_bytes(5 * MIB))
        await here.put("/kept", random_bytes(300_000))
        here.keepers[0].down = True
        await look(here)
        assert await here.store.delete("/d", recursive=True, expected_revision=None) == (2, 2)
        states = [kept.state.value for keeper in here.keepers[1:] for kept in keeper.fragments.values()]
        assert states.count("trash") == 6
        assert here.holders() == 4 + 2
        here.keepers[0].down = False
        await look(here)
        assert here.holders() == 4
        assert not (await here.objects.list_tombstones())[0]


async def test_one_entry_of_the_trash_is_buried_and_the_rest_of_it_stays() -> None:
    async with world(4) as here:
        for number, path in ((1, "/ended"), (2, "/kept")):
            await here.put(path, random_bytes(700_000))
            here.objects.removed[number] = here.objects.entries.pop(path)
        assert await here.store.delete_removed(1) == (1, 1, "/ended")
        assert here.holders() == 4
        assert [one.path for one in here.objects.removed.values()] == ["/kept"]
        with pytest.raises(PiccoloError) as refused:
            await here.store.delete_removed(1)
        assert refused.value.reason == "TRASH_NOT_FOUND"
        here.keyring.locked = True
        with pytest.raises(PiccoloError) as refused:
            await here.store.delete_removed(2)
        assert refused.value.kind is Kind.LOCKED
        assert list(here.objects.removed) == [2]


async def test_nothing_is_buried_locked_or_after_a_recovery() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        here.keyring.bury = False
        assert await here.store.delete("/f", recursive=False, expected_revision=None) == (1, 0)
        assert here.holders() == 4
        here.keyring.bury, here.keyring.locked = True, True
        await here.store.maintenance._reclaim()
        assert here.holders() == 4
        with pytest.raises(PiccoloError) as refused:
            await here.store.delete("/f", recursive=False, expected_revision=None)
        assert refused.value.kind is Kind.LOCKED
        here.keyring.locked = False
        await here.store.maintenance._reclaim()
        assert here.holders() == 0


async def test_the_background_heals_by_itself() -> None:
    data = random_bytes(5 * MIB)
    async with world(9) as here:
        await here.put("/f", data)
        here.tasks.create_task(here.store.maintenance.run())
        for keeper in here.keepers[:4]:
            keeper.down = True
        assert await here.get("/f") == data  # the failing calls wake the look

        async def healed() -> bool:
            away = len(here.peers.away())
            return away == 4 and (await here.store.health("/f", ask=False))[0].survives >= 1

        async def all_back() -> bool:
            return not here.peers.away()

        await here.until(healed)
        for keeper in here.keepers[:4]:
            keeper.down = False
        here.peers.changed.set()
        await here.until(all_back)


async def test_background_work_outlives_a_memory_that_is_away() -> None:
    async with world(4) as here:
        here.objects.down = True
        running = here.tasks.create_task(here.store.maintenance.run())
        await asyncio.sleep(0.05)
        assert not running.done()
        here.objects.down = False


async def test_a_layout_that_changed_meanwhile_is_not_overwritten() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[0].fragments.clear()
        await here.store.health("/f", ask=True)
        (object_id,) = here.objects.objects
        original = here.objects.update_layout

        async def too_late(
            stored: StoredObject, expected_layout: bytes, burying: Burying | None = None
        ) -> None:
            here.objects.objects[object_id] = replace(here.objects.objects[object_id], layout=stored.layout)
            await original(stored, expected_layout, burying)

        here.objects.update_layout = too_late  # type: ignore[method-assign]
        await here.store.maintenance.repair_due(impatient=False)
        assert here.objects.repairs[object_id].tries == 1


async def test_repairs_keep_to_their_rate_but_what_one_more_loss_would_destroy_does_not_wait() -> None:
    settings = replace(QUICK, repair_rate=1)
    async with world(4, settings) as here:
        for path in ("/a", "/b", "/c"):
            await here.put(path, random_bytes(700_000))
        entries, versions = here.objects.entries, here.objects.versions
        ids = {path: versions[entry.version_id].object_id for path, entry in entries.items()}
        here.keepers[0].fragments.clear()
        repairer = here.store.maintenance._repairer
        assert (await repairer.repair(ids["/a"])).rebuilt == 1  # what is saved up is spent
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await repairer.repair(ids["/b"])
        here.keepers[1].fragments.clear()
        assert (await repairer.repair(ids["/c"])).rebuilt == 2


async def test_what_survives_least_is_repaired_first() -> None:
    async with world(4) as here:
        for path in ("/a", "/b", "/c"):
            await here.put(path, random_bytes(700_000))
        ids = sorted(here.objects.objects)
        for lost, object_id in enumerate(ids):
            layout = read_layout(here.objects.objects[object_id].layout)
            for index in range(lost):
                owner = layout.keepers[index]
                keeper = next(each for each in here.keepers if each.member.owner_id == owner)
                del keeper.fragments[layout.fragment_id(index)]
        operation = await here.store.check("/", 0)
        await here.operations.ended(operation)
        order: list[bytes] = []
        original = here.objects.finish_repair

        async def noted(object_id: bytes, retry_at: int | None = None) -> None:
            order.append(object_id)
            await original(object_id, retry_at)

        here.objects.finish_repair = noted  # type: ignore[method-assign]
        await here.store.maintenance.repair_due(impatient=False)
        assert order == [ids[2], ids[1]]
