"""Sparse and small packs are written anew: nothing is lost, nothing is read wrongly, nothing leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import pytest
from piccolo_formats.records.manifest import Layout
from piccolo_formats.signed import open_signed

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.files import WriteStart
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.ports.objects import ObjectKind
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.test_store_crash import SWIFT, crash_at, steps_of
from piccolo_vault.tests.test_store_inventory import backup, reconcile, recover
from piccolo_vault.tests.world import QUICK, World, world

Files = dict[str, bytes]


async def store(here: World, files: Files) -> None:
    """Writes files at once, so that they share packs."""
    starts = [here.put_pieces(WriteStart(path), [data], len(data)) for path, data in files.items()]
    assert all(await asyncio.gather(*starts))


async def sparse(here: World, count: int = 60, keep: int = 7) -> Files:
    """A pack of which little is kept; returns what is."""
    files = {f"/d/{number}": random_bytes(3_000 + number) for number in range(count)}
    await store(here, files)
    for path in list(files)[keep:]:
        await here.objects.remove(path, recursive=False, expected_revision=None)
        del files[path]
    return files


def packs(here: World) -> set[bytes]:
    return {each.object_id for each in here.objects.objects.values() if each.kind is ObjectKind.PACK}


async def read_all(here: World, files: Files) -> None:
    assert {path: await here.get(path) for path in files} == files


async def end(here: World) -> None:
    """Everything that ends by itself has ended."""
    await here.store.maintenance._intents.settle(final=True)
    await here.store.maintenance._reclaim()
    await here.store.maintenance._burial.deliver()


def strays(here: World) -> list[str]:
    """Live fragments that no layout names where they lie."""
    layouts = [read_layout(each.layout) for each in here.objects.objects.values()]
    named = {(owner, layout.fragment_id(i)) for layout in layouts for i, owner in enumerate(layout.keepers)}
    return [
        f"{keeper.member.name} {kept.state.value} {fragment_id.hex()[:6]}"
        for keeper in here.keepers
        for fragment_id, kept in keeper.fragments.items()
        if kept.state is KeptState.LIVE and (keeper.member.owner_id, fragment_id) not in named
    ]


async def test_what_is_kept_of_a_sparse_pack_moves_and_the_rest_ends() -> None:
    async with world(4) as here:
        files = await sparse(here)
        old = packs(here)
        keys = {path: (await here.objects.get_manifest(path, b"")).content.wrapped_key for path in files}
        revisions = {path: here.objects.entries[path].revision for path in files}
        assert await here.store.chores.compactor.round() > 0
        await read_all(here, files)
        for path in files:
            manifest = await here.objects.get_manifest(path, b"")
            assert manifest.stored.object_id not in old
            assert manifest.content.wrapped_key == keys[path]
            assert manifest.entry.revision == revisions[path]
        await end(here)
        assert packs(here).isdisjoint(old)
        assert len(packs(here)) == 1
        await read_all(here, files)
        assert not strays(here)
        assert await here.store.chores.compactor.round() == 0


async def test_many_small_packs_become_one() -> None:
    async with world(4) as here:
        files = {f"/{number}": random_bytes(500) for number in range(12)}
        for path, data in files.items():  # one after the other: a pack each
            await here.put(path, data)
        assert len(packs(here)) == 12
        assert await here.store.chores.compactor.round() == 12
        await end(here)
        assert len(packs(here)) == 1
        await read_all(here, files)


async def test_older_and_removed_versions_move_too() -> None:
    async with world(4) as here:
        files = await sparse(here)
        older = {here.objects.entries[path].version_id for path in list(files)[:3]}
        here.objects.older |= older
        for path in list(files)[:3]:
            files[path] = random_bytes(100)
            await here.put(path, files[path])
        old = packs(here)
        await here.store.chores.compactor.round()
        await read_all(here, files)
        assert {here.objects.versions[each].object_id for each in older}.isdisjoint(old)
        await end(here)
        assert older <= here.objects.versions.keys()


async def test_what_changes_meanwhile_is_left_alone() -> None:
    async with world(4) as here:
        files = await sparse(here)
        changed, removed = list(files)[:2]
        listed = here.objects.list_object_files

        async def then_changes(object_id: bytes, *, kept: bool = False) -> Sequence[object]:
            found = await listed(object_id, kept=kept)
            here.objects.list_object_files = listed  # type: ignore[method-assign]
            await here.put(changed, b"newer")
            await here.objects.remove(removed, recursive=False, expected_revision=None)
            return found

        here.objects.list_object_files = then_changes  # type: ignore[method-assign, assignment]
        assert await here.store.chores.compactor.round() > 0
        files[changed] = b"newer"
        del files[removed]
        await read_all(here, files)
        assert removed not in here.named()
        await end(here)
        await read_all(here, files)
        assert not strays(here)


async def test_the_old_pack_stays_until_a_backup_names_the_new_one() -> None:
    async with world(4) as here:
        files = await sparse(here)
        old = packs(here)
        here.objects.backed_up = False
        await here.store.chores.compactor.round()
        await end(here)
        assert old < packs(here)
        here.objects.backed_up = True
        await end(here)
        assert packs(here).isdisjoint(old)
        await read_all(here, files)


async def test_a_pack_that_waits_for_its_end_is_neither_repaired_nor_coded_anew_nor_in_the_way() -> None:
    async with world(4, replace(QUICK, spread_seconds=0.0)) as here:
        files = await sparse(here)
        (old,) = packs(here)
        here.objects.backed_up = False
        await here.store.chores.compactor.round()
        here.keepers[1].fragments.clear()
        await here.operations.ended(await here.store.check("", 0))
        assert old in here.objects.repairs
        await here.store.maintenance.repair_due(impatient=False)
        assert not here.objects.repairs
        here.objects.wanted = (1, 4)
        await here.store.chores.spreader.round()
        assert read_layout(here.objects.objects[old].layout).k == 2
        await read_all(here, files)
        here.objects.backed_up = True
        await end(here)
        assert old not in packs(here)
        assert not strays(here)


@pytest.mark.parametrize("reason", ["locked", "just recovered", "the owner writes"])
async def test_nothing_is_compacted_while_it_may_not_be(reason: str) -> None:
    async with world(4) as here:
        await sparse(here)
        old = packs(here)
        here.keyring.locked, here.keyring.bury = reason == "locked", reason != "just recovered"
        with here.context.quiet.writing() if reason == "the owner writes" else nullcontext():
            assert await here.store.chores.compactor.round() == 0
        assert packs(here) == old


async def test_no_read_fails_while_its_pack_is_compacted_and_buried() -> None:
    async with world(4) as here:
        files = await sparse(here)
        path = next(iter(files))
        manifest = here.objects.get_manifest

        async def then_compacted(path: str, version_id: bytes) -> object:
            found = await manifest(path, version_id)
            here.objects.get_manifest = manifest  # type: ignore[method-assign]
            await here.store.chores.compactor.round()
            await end(here)
            return found

        here.objects.get_manifest = then_compacted  # type: ignore[method-assign, assignment]
        assert await here.get(path) == files[path]
        assert await here.get(path, offset=100, length=7) == files[path][100:107]


async def test_a_sparse_pack_that_cannot_be_read_now_keeps_nobody_else_waiting() -> None:
    async with world(4) as here:
        files = await sparse(here)
        for keeper in here.keepers[:3]:
            keeper.down = True
        assert await here.store.chores.compactor.round() == 0
        for keeper in here.keepers[:3]:
            keeper.down = False
        assert not here.objects.intents
        await here.store.maintenance.look_at_all()
        assert await here.store.chores.compactor.round() > 0
        await read_all(here, files)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_anywhere_loses_nothing_and_leaves_nothing_behind(after: bool) -> None:
    async def action(here: World) -> None:
        await here.store.chores.compactor.round()
        await here.store.maintenance._reclaim()

    async def before(here: World) -> None:
        await sparse(here, 12, 3)

    steps = await steps_of(action, before)
    assert steps > 20
    for step in range(steps):
        async with world(4, SWIFT) as here:
            files = await sparse(here, 12, 3)
            await crash_at(here, step, after, action)
            await read_all(here, files)
            await here.store.maintenance._intents.settle(final=False)
            await read_all(here, files)
            await here.put("/later", b"later")
            await here.store.chores.compactor.round()
            await end(here)
            await read_all(here, files | {"/later": b"later"})
            assert not here.objects.intents
            assert not strays(here), here.steps.names[-40:]


async def test_a_memory_from_before_the_compaction_finds_the_new_pack_and_lets_the_old_one_go() -> None:
    async with world(4) as here:
        files = await sparse(here)
        memory = backup(here)
        here.objects.backed_up = False
        newer = {f"/new/{number}": random_bytes(700) for number in range(5)}
        for path, data in newer.items():  # the backup does not know these at all
            await here.put(path, data)
        files |= newer
        before = packs(here)
        await here.store.chores.compactor.round()
        new = packs(here) - before
        await recover(here, memory)
        here.objects.replaced.clear()
        here.objects.backed_up = True
        await reconcile(here)
        await read_all(here, files)
        assert here.keyring.bury
        assert new <= packs(here)
        await end(here)
        await read_all(here, files)
        assert packs(here) == new
        assert not strays(here)


async def test_the_circle_alone_restores_compacted_files_and_never_an_older_version_over_a_newer() -> None:
    async with world(4) as here:
        memory = backup(here)
        files = await sparse(here)
        changed = next(iter(files))
        here.objects.older.add(here.objects.entries[changed].version_id)
        files[changed] = b"newer"
        await here.put(changed, b"newer")
        await here.store.chores.compactor.round()
        await end(here)
        await recover(here, memory)
        here.objects.older.clear()
        await reconcile(here)
        await read_all(here, files)


async def test_a_new_pack_is_what_docs_storage_format_says() -> None:
    async with world(4) as here:
        await sparse(here)
        await here.store.chores.compactor.round()
        await end(here)
        (object_id,) = packs(here)
        stored = here.objects.objects[object_id]
        layout = open_signed(Layout, stored.layout).record
        inside = [each.file for each in here.objects.versions.values() if each.object_id == object_id]
        assert min(each.content.offset for each in inside) == 0
        assert layout.size >= sum(each.content.length for each in inside)
        assert len(stored.wrapped_pack_key) == 76
