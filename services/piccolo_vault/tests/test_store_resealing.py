"""After words were exposed: every version gets another key, and what the old keys open is gone everywhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.ports.objects import ObjectKind
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.exposed_scene import (
    SWIFT,
    check,
    expose,
    feks,
    filled,
    fragments,
    orders_of,
    rounds,
)
from piccolo_vault.tests.test_store_inventory import backup, reconcile, recover
from piccolo_vault.tests.world import MIB, World, world


async def test_every_version_gets_another_key_and_the_old_fragments_are_gone() -> None:
    async with world(5, SWIFT) as here:
        files = await filled(here)
        old, keys, orders = fragments(here), feks(here), orders_of(here)
        revisions = {path: entry.revision for path, entry in here.objects.entries.items()}
        expose(here)
        told = await rounds(here)
        assert told.over
        await check(here, files, old, keys)
        assert orders_of(here) == orders
        assert {path: entry.revision for path, entry in here.objects.entries.items()} == revisions
        assert (told.versions, told.done) == (told.all_versions, told.total) == (len(keys), told.total)
        assert await here.objects.get_state("resealing") is None
        # what is written later is nobody's business
        await here.put("/later", b"later")
        here.keyring.exposed = 0
        assert await here.store.chores.resealer.round() == 0


async def test_the_older_version_and_the_trash_are_sealed_anew_too() -> None:
    async with world(4, SWIFT) as here:
        await here.put("/a", b"first")
        first = here.objects.entries["/a"].version_id
        here.objects.older.add(first)
        await here.put("/a", b"second")
        await here.put("/large", random_bytes(2 * MIB))
        removed = here.objects.entries["/large"].version_id
        here.objects.older.add(removed)
        await here.objects.remove("/large", recursive=False, expected_revision=None)
        keys, old = feks(here), fragments(here)
        expose(here)
        assert (await rounds(here)).over
        now = feks(here)
        assert {first, removed} <= now.keys()
        assert all(now[each] != keys[each] for each in keys)
        assert fragments(here).isdisjoint(old)


async def test_nothing_old_ends_before_a_backup_names_the_new() -> None:
    async with world(4, SWIFT) as here:
        files = await filled(here)
        old, keys = fragments(here), feks(here)
        here.objects.backed_up = False
        expose(here)
        told = await rounds(here, 3)
        assert not told.over
        assert told.done == told.total
        assert "as soon as the backup" in told.phase
        assert old <= fragments(here)
        here.objects.backed_up = True
        assert (await rounds(here)).over
        await check(here, files, old, keys)


async def test_what_lies_in_a_trash_or_was_cut_off_before_is_purged_and_what_is_new_is_not() -> None:
    async with world(4, SWIFT) as here:
        await here.put("/gone", random_bytes(300_000))
        await here.put("/kept", b"kept")
        await here.store.delete("/gone", recursive=False, expected_revision=None)
        trash = {f for k in here.keepers for f, one in k.fragments.items() if one.state is KeptState.TRASH}
        assert trash
        expose(here)
        await here.put("/new", random_bytes(300_000))
        await here.store.delete("/new", recursive=False, expected_revision=None)
        younger = {f for k in here.keepers for f, one in k.fragments.items() if one.state is KeptState.TRASH}
        told = await rounds(here)
        assert told.over
        assert told.leftovers == len(trash)
        left = fragments(here)
        assert left.isdisjoint(trash)
        assert younger - trash <= left  # its 45 days are its owner's
        assert await here.get("/kept") == b"kept"


async def test_a_member_that_is_away_is_waited_for_and_named() -> None:
    async with world(5, SWIFT) as here:
        files = await filled(here)
        old, keys = fragments(here), feks(here)
        expose(here)
        away = here.keepers[2]
        away.down = True
        await here.store.maintenance.look_at_all()
        told = await rounds(here, 4)
        assert not told.over
        assert away.member.name in told.phase
        assert {path: await here.get(path) for path in files} == files
        away.down = False
        await here.store.maintenance.look_at_all()
        assert (await rounds(here)).over
        await check(here, files, old, keys)


async def test_a_member_that_purges_nothing_yet_buries_for_now_and_is_told_again() -> None:
    async with world(4, SWIFT) as here:
        await here.put("/a", random_bytes(300_000))
        old = fragments(here)
        expose(here)
        slow = here.keepers[0]
        slow.purges_nothing = True
        await rounds(here, 4)
        assert all(not told.over for told in here.keyring.resealings)
        assert slow.member.name in here.keyring.resealings[-1].phase
        states = {one.state for f, one in slow.fragments.items() if f in old}
        assert states == {KeptState.TRASH}
        slow.purges_nothing = False
        assert (await rounds(here)).over
        assert fragments(here).isdisjoint(old)


async def test_what_cannot_be_read_now_stays_and_keeps_nobody_else_waiting() -> None:
    async with world(4, SWIFT) as here:
        files = {f"/{n}": random_bytes(300_000) for n in range(3)}
        for path, data in files.items():
            await here.put(path, data)
        broken = here.objects.versions[here.objects.entries["/0"].version_id].object_id
        layout = read_layout(here.objects.objects[broken].layout)
        lost = {}
        for index in range(layout.m - layout.k + 1):
            keeper = next(k for k in here.keepers if layout.fragment_id(index) in k.fragments)
            lost[keeper.member.name] = keeper.fragments.pop(layout.fragment_id(index))
        expose(here)
        told = await rounds(here, 3)
        assert not told.over
        assert (told.versions, told.all_versions) == (2, 3)
        assert "1 object could not be read" in told.phase
        assert broken in here.objects.objects
        for keeper in here.keepers:
            if keeper.member.name in lost:
                fragment = lost[keeper.member.name]
                keeper.fragments[fragment.head.fragment_id] = fragment
        assert (await rounds(here)).over
        assert {path: await here.get(path) for path in files} == files


async def test_what_changes_meanwhile_goes_its_own_way() -> None:
    """After it was looked at, and between the keepers' yes and the names."""
    async with world(4, SWIFT) as here:
        files = await filled(here)
        expose(here)
        listed, publish = here.objects.list_object_files, here.objects.publish

        async def change(path: str) -> None:
            files[path] = random_bytes(900)
            await here.put(path, files[path])

        async def then_changes(object_id: bytes, *, kept: bool = False) -> object:
            here.objects.list_object_files = listed  # type: ignore[method-assign]
            found = await listed(object_id, kept=kept)
            for file in found:
                if file.path in files:
                    await change(file.path)
            return found

        async def then_more(object_id: bytes, missing: object) -> object:
            here.objects.publish = publish  # type: ignore[method-assign]
            held = {file.path for file in here.objects.intents[object_id].files}
            for path in {"/message", "/streamed", "/none"} - held:
                await change(path)
            gone = next(iter(held & files.keys()), "/small/1")
            files.pop(gone)
            await here.objects.remove(gone, recursive=False, expected_revision=None)
            return await publish(object_id, missing)  # type: ignore[arg-type]

        here.objects.list_object_files = then_changes  # type: ignore[method-assign, assignment]
        await here.store.chores.resealer.round()
        expose(here)
        here.objects.publish = then_more  # type: ignore[method-assign, assignment]
        assert (await rounds(here)).over
        assert {path: await here.get(path) for path in files} == files
        assert here.named() == files.keys()


@pytest.mark.parametrize("reason", ["locked", "just recovered", "the owner writes", "nothing exposed"])
async def test_nothing_is_sealed_anew_while_it_may_not_be(reason: str) -> None:
    async with world(4, SWIFT) as here:
        await here.put("/a", random_bytes(900))
        before = fragments(here)
        if reason != "nothing exposed":
            expose(here)
        here.keyring.locked, here.keyring.bury = reason == "locked", reason != "just recovered"
        if reason == "the owner writes":
            with here.context.quiet.writing():
                await here.store.chores.resealer.round()
        else:
            assert await here.store.chores.resealer.round() == 0
        assert fragments(here) == before


async def test_the_allowance_of_a_day_is_kept() -> None:
    async with world(4, replace(SWIFT, reseal_bytes_a_day=24 * 350_000)) as here:
        for number in range(6):
            await here.put(f"/{number}", random_bytes(300_000))
        expose(here)
        assert await here.store.chores.resealer.round() == 2  # an hour's may be saved up, and a debt made
        assert await here.store.chores.resealer.round() == 0
        told = here.keyring.resealings[-1]
        assert (told.versions, told.all_versions) == (2, 6)
        assert "2 of 6 file versions" in told.phase
        assert "hour" in told.phase


async def test_a_streamed_one_goes_on_where_it_was_cut_off() -> None:
    data = random_bytes(40 * MIB)
    async with world(4, replace(SWIFT, open_seconds=5.0)) as here:
        await here.put("/large", data)
        old = fragments(here)
        expose(here)
        here.steps.names.clear()
        task = here.tasks.create_task(_sealing(here))
        while not any(upload.durable_segments for upload in here.objects.uploads.values()):
            await here.steps.next()
        task.cancel()
        await here.crash()
        (upload,) = here.objects.uploads.values()
        assert upload.durable_segments
        gets = sum(keeper.gets for keeper in here.keepers)
        assert (await rounds(here)).over
        assert not here.objects.uploads
        again = sum(keeper.gets for keeper in here.keepers) - gets
        assert again < 3 * 40 * MIB // (8 * MIB)
        assert fragments(here).isdisjoint(old)
        assert await here.get("/large") == data


async def _sealing(here: World) -> None:
    await here.store.chores.resealer.round()


async def test_a_memory_from_before_finds_what_was_sealed_anew() -> None:
    """A backup of the new words that is older than the sealing: what it names is purged, the records tell."""
    async with world(4, SWIFT) as here:
        files = await filled(here)
        expose(here)
        memory = backup(here)
        exposed = here.objects.exposed.copy()
        assert (await rounds(here)).over
        keys = feks(here)
        await recover(here, memory)
        here.objects.exposed = exposed
        here.objects.replaced.clear()
        await reconcile(here)
        assert here.keyring.bury
        assert {path: await here.get(path) for path in files} == files
        current = {path: here.objects.entries[path].version_id for path in files}
        now = feks(here)
        assert {now[each] for each in current.values()} <= set(keys.values())
        here.keyring.resealings.clear()
        assert (await rounds(here)).over
        assert {path: await here.get(path) for path in files} == files


async def test_a_record_of_another_object_is_no_file() -> None:
    """A lone file may lie in an object that does not have its id; its layout key says which is its own."""
    async with world(4, SWIFT) as here:
        await here.put("/a", random_bytes(300_000))
        await here.put("/b", random_bytes(300_000))
        memory = backup(here)
        expose(here)
        assert (await rounds(here)).over
        lone = [each for each in here.objects.objects.values() if each.kind is ObjectKind.FILE]
        versions = {version.object_id: each for each, version in here.objects.versions.items()}
        assert all(versions[each.object_id] != each.object_id for each in lone)
        for name in memory:
            memory[name] = type(memory[name])()
        await recover(here, memory)
        here.objects.entries, here.objects.versions = {}, {}
        await reconcile(here)
        assert {len(await here.get(path)) for path in ("/a", "/b")} == {300_000}


async def test_nothing_is_coded_anew_meanwhile() -> None:
    async with world(4, replace(SWIFT, spread_seconds=0.0)) as here:
        await here.put("/a", random_bytes(300_000))
        (before,) = here.objects.objects
        expose(here)
        here.objects.wanted = (1, 4)
        await here.store.chores.spreader.round()
        assert read_layout(here.objects.objects[before].layout).k == 2
        assert (await rounds(here)).over
        (after,) = here.objects.objects.values()
        assert read_layout(after.layout).k == 1


async def test_what_no_memory_knows_is_brought_back_and_not_purged() -> None:
    """Its write was acknowledged to somebody once, as far as anybody can tell; the members can rebuild it."""
    async with world(4, SWIFT) as here:
        data = random_bytes(300_000)
        await here.put("/known", b"known")
        await here.put("/forgotten", data)
        version = here.objects.entries.pop("/forgotten").version_id
        object_id = here.objects.versions.pop(version).object_id
        forgotten = here.objects.objects.pop(object_id)
        expose(here)
        await rounds(here, 3)
        assert await here.get("/forgotten") == data
        assert here.objects.objects[object_id].layout == forgotten.layout
        here.objects.exposed.add(object_id)  # as its wrap, when the keys hand it over, has it marked
        here.keyring.resealings.clear()
        layout = read_layout(forgotten.layout)
        old = {layout.fragment_id(index) for index in range(layout.m)}
        assert (await rounds(here)).over
        assert await here.get("/forgotten") == data
        assert fragments(here).isdisjoint(old)


async def test_an_upload_that_was_begun_before_goes_on_and_what_is_provisional_waits_for_it() -> None:
    data = random_bytes(3 * MIB + 5)
    async with world(4, SWIFT) as here:
        await here.put("/a", b"a")
        name = "an-upload-that-goes-on"
        await here.put("/large", data[: 2 * MIB], finish=False, upload_id=name, size=len(data))
        for keeper in here.keepers:
            for kept in keeper.fragments.values():
                if kept.state is KeptState.INCOMING:
                    kept.state = KeptState.PROVISIONAL
        expose(here)
        assert (await rounds(here)).over
        offset = (await here.store.upload(name)).offset
        assert offset > 0
        await here.put_rest("/large", data, offset, name)
        assert await here.get("/large") == data


async def test_two_devices_that_agreed_to_the_risk_are_sealed_anew_too() -> None:
    async with world(1, SWIFT, at_risk=True) as here:
        files = {"/a": random_bytes(300_000), "/b": b"small"}
        for path, data in files.items():
            await here.put(path, data)
        old, keys = fragments(here), feks(here)
        expose(here)
        assert (await rounds(here)).over
        await check(here, files, old, keys)


async def test_a_lock_ends_what_is_sealed_at_that_moment() -> None:
    data = random_bytes(20 * MIB)
    async with world(4, SWIFT) as here:
        await here.put("/large", data)
        old = fragments(here)
        expose(here)
        for keeper in here.keepers:
            keeper.puts = 0
        task = here.tasks.create_task(_sealing(here))
        while not any(keeper.puts for keeper in here.keepers):
            await here.steps.next()
        here.keyring.locked = True
        here.store.forget()
        await asyncio.wait([task])
        assert old <= fragments(here)
        task.exception()  # LOCKED, as a chore is told
        here.tasks.tasks.remove(task)
        here.keyring.locked = False
        assert (await rounds(here)).over
        assert await here.get("/large") == data
