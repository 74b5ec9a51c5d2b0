"""After a recovery the newest version of each file is current, whatever became of the objects since."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from piccolo_formats.commit_record import open_commit
from piccolo_formats.records.commit import Commit, SummaryFile
from piccolo_formats.signed import open_signed

from piccolo_vault.core.storage.compaction import Group
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.ports.objects import Repair
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.test_store_compaction import end
from piccolo_vault.tests.test_store_inventory import backup, reconcile, recover
from piccolo_vault.tests.world import MIB, World, world

Order = tuple[int, int]


async def overwrite(here: World, path: str, data: bytes) -> bytes:
    """Gives a file a newer version; returns the one before, which the history keeps."""
    older = here.objects.entries[path].version_id
    here.objects.older.add(older)
    await here.put(path, data)
    return older


def object_of(here: World, version_id: bytes) -> bytes:
    return here.objects.versions[version_id].object_id


async def repair(here: World, object_id: bytes) -> None:
    """Rebuilds all that one keeper has of an object, which makes a newer record for every keeper."""
    stored = here.objects.objects[object_id]
    layout = read_layout(stored.layout)
    before = layout.generation, layout.seq
    lost = layout.fragment_id(0)
    for keeper in here.keepers:
        keeper.fragments.pop(lost, None)
    here.objects.objects[object_id] = replace(stored, missing=(0,))
    here.objects.repairs[object_id] = Repair(object_id, 0, "lost", 0)
    await here.store.maintenance.repair_due(impatient=True)
    layout = read_layout(here.objects.objects[object_id].layout)
    assert (layout.generation, layout.seq) > before
    assert not here.objects.repairs


async def merge(here: World, *versions: bytes) -> bytes:
    """Lets versions, each alone in its pack so far, share one; returns it."""
    packs = tuple(object_of(here, each) for each in versions)
    await here.store.chores.compactor.compact(Group(packs, 0, 0, 0))
    (object_id,) = {object_of(here, each) for each in versions}
    assert object_id not in packs
    return object_id


def records(here: World, object_id: bytes) -> list[tuple[Order, tuple[SummaryFile, ...]]]:
    """The orders and the files of the commit records that keepers have of an object."""
    found = []
    for keeper in here.keepers:
        for kept in keeper.fragments.values():
            summary = open_commit(open_signed(Commit, kept.record), here.keyring.kek().backup())
            if read_layout(summary.layout).object_id == object_id:
                found.append(((summary.generation, summary.seq), summary.files))
    return found


@pytest.mark.parametrize("size", [3_000, 700_000, 5 * MIB])
async def test_an_old_version_that_was_repaired_comes_back_into_the_history(size: int) -> None:
    old, new = random_bytes(size), random_bytes(size)
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", old)
        older = await overwrite(here, "/f", new)
        newer = here.objects.entries["/f"].version_id
        await repair(here, object_of(here, older))
        ((repaired, _), *_) = records(here, object_of(here, older))
        ((written, _), *_) = records(here, object_of(here, newer))
        assert repaired > written  # so the records alone would bring the old version back over the new one
        await recover(here, memory)
        here.objects.older.clear()
        await reconcile(here)
        assert await here.get("/f") == new
        assert here.named() == {"/f"}
        assert here.objects.older == {older}
        assert here.objects.versions[older].file.path == "/f"
        assert (await here.objects.get_manifest("/f", older)).stored.object_id == object_of(here, older)


async def test_a_repair_while_a_newer_version_is_on_its_way_does_not_win_over_it() -> None:
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", b"old" * 300_000)
        older = here.objects.entries["/f"].version_id
        here.objects.older.add(older)
        prepare = here.objects.prepare

        async def meanwhile(intent: object) -> object:
            here.objects.prepare = prepare  # type: ignore[method-assign]
            # the newer version has its number already, and no name yet
            await repair(here, object_of(here, older))
            return await prepare(intent)  # type: ignore[arg-type]

        here.objects.prepare = meanwhile  # type: ignore[method-assign, assignment]
        await here.put("/f", b"new" * 300_000)
        await recover(here, memory)
        here.objects.older.clear()
        await reconcile(here)
        assert await here.get("/f") == b"new" * 300_000
        assert here.objects.older == {older}


@pytest.mark.parametrize("repaired", ["first", "second", "both"])
async def test_packs_in_crossed_order_give_each_name_its_newest(repaired: str) -> None:
    """One has the old /p and the new /q, the other the new /p and the old /q."""
    async with world(4) as here:
        memory = backup(here)
        await here.put("/p", b"old p")
        await here.put("/q", b"old q")
        old_q = await overwrite(here, "/q", b"new q")
        old_p = await overwrite(here, "/p", b"new p")
        new_p, new_q = (here.objects.entries[path].version_id for path in ("/p", "/q"))
        first = await merge(here, old_p, new_q)
        second = await merge(here, old_q, new_p)
        await end(here)
        assert set(here.objects.objects) == {first, second}
        for object_id in {"first": [first], "second": [second], "both": [second, first]}[repaired]:
            await repair(here, object_id)
        await recover(here, memory)
        here.objects.older.clear()
        await reconcile(here)
        assert (await here.get("/p"), await here.get("/q")) == (b"new p", b"new q")
        assert here.objects.versions.keys() == {old_p, old_q, new_p, new_q}
        assert {here.objects.versions[each].file.path for each in (old_p, old_q)} == {"/p", "/q"}


async def test_neither_repair_nor_compaction_changes_the_order_of_a_version() -> None:
    files = {f"/d/{number}": random_bytes(2_000) for number in range(6)}
    async with world(4) as here:
        for path, data in files.items():
            await here.put(path, data)
        was = {each: version.file.order for each, version in here.objects.versions.items()}
        assert len(set(was.values())) == len(files)
        assert [was[here.objects.entries[path].version_id] for path in files] == sorted(was.values())
        await here.store.chores.compactor.round()
        await end(here)
        (pack,) = {object_of(here, each) for each in was}
        await repair(here, pack)
        assert {each: version.file.order for each, version in here.objects.versions.items()} == was
        for record, named in records(here, pack):
            assert sorted((file.generation, file.seq) for file in named) == sorted(was.values())
            assert record > max(was.values())


async def test_a_lost_older_version_is_not_told_as_the_loss_of_its_name() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        older = await overwrite(here, "/f", random_bytes(700_000))
        layout = read_layout(here.objects.objects[object_of(here, older)].layout)
        for keeper in here.keepers:
            for index in range(layout.m):
                keeper.fragments.pop(layout.fragment_id(index), None)
        operation = await here.store.check("", 0)
        told = (await asyncio.wait_for(here.operations.ended(operation), 30)).result
        assert f"an older version of /f ({older.hex()})" in told
        assert '"/f"' not in told
