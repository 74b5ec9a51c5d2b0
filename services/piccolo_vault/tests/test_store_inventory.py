"""After a recovery: what the backup did not know comes back from the keepers' commit records."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.manifest import Layout

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, World, world

_MEMORY = ("objects", "versions", "entries", "published", "repairs", "pending", "revision")


def backup(here: World) -> dict[str, Any]:
    return {name: deepcopy(getattr(here.objects, name)) for name in _MEMORY}


async def recover(here: World, memory: dict[str, Any]) -> None:
    """The device is blank; its memory is that of the backup."""
    for name, value in memory.items():
        setattr(here.objects, name, value)
    here.objects.uploads.clear()
    here.keyring.bury = False
    await here.crash()


async def reconcile(here: World) -> None:
    here.clock_offset += 601
    await here.store.maintenance.look_at_all()
    await here.store.maintenance._inventory.reconcile()


async def test_files_written_after_the_backup_come_back_under_their_names() -> None:
    async with world(5) as here:
        await here.put("/old", b"as it was")
        memory = backup(here)
        files = {"/large": random_bytes(9 * MIB), "/one": random_bytes(700_000), "/old": b"newer"}
        files |= {f"/d/{number}": random_bytes(number * 100) for number in range(20)}
        for path, data in files.items():
            await here.put(path, data, media="x/y", modified=77)
        await recover(here, memory)
        assert await here.get("/old") == b"as it was"
        await reconcile(here)
        assert {path: await here.get(path) for path in files} == files
        assert here.objects.entries["/large"].media == "x/y"
        assert here.objects.entries["/large"].modified == 77
        assert here.keyring.bury
        assert not here.objects.intents


async def test_the_newest_of_several_versions_is_the_current_one() -> None:
    async with world(4) as here:
        memory = backup(here)
        for number in range(5):
            await here.put("/f", str(number).encode() * 300_000)
        await recover(here, memory)
        await reconcile(here)
        assert await here.get("/f") == b"4" * 300_000
        assert len(here.objects.versions) == 5


async def test_burying_waits_until_every_member_was_heard() -> None:
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", random_bytes(700_000))
        await recover(here, memory)
        here.keepers[2].down = True
        await reconcile(here)
        assert len(await here.get("/f")) == 700_000
        assert not here.keyring.bury
        here.keepers[2].down = False
        await reconcile(here)
        assert here.keyring.bury


async def test_who_comes_back_when_burying_was_allowed_long_ago_is_asked_all_the_same() -> None:
    """It has what too few others have, and no backup."""
    data = random_bytes(700_000)
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", data)
        await recover(here, memory)
        for keeper in here.keepers[:3]:
            keeper.down = True
        await reconcile(here)
        here.keyring.waited_long = True
        await here.store.maintenance._reclaim()
        assert here.store.unreconciled
        for keeper in here.keepers[:3]:
            keeper.down = False
        await reconcile(here)
        assert await here.get("/f") == data
        assert not here.store.unreconciled


async def test_members_are_asked_again_only_when_one_answers_that_did_not() -> None:
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", random_bytes(700_000))
        await recover(here, memory)

        async def asked(*away: int) -> bool:
            for number, keeper in enumerate(here.keepers):
                keeper.down = number in away
            before = here.steps.names.count("member-0.list_mine")
            await reconcile(here)
            return here.steps.names.count("member-0.list_mine") > before

        assert await asked(2)
        assert not await asked(2)
        assert await asked(1), "2 answers"
        assert not await asked(1)
        assert not here.keyring.bury, "they were never heard together"
        assert await asked()
        assert here.keyring.bury


async def test_what_was_made_anew_elsewhere_and_then_deleted_ends_where_it_was_too() -> None:
    """Two are away, their fragments are doubled at the others, the file is deleted; they return."""
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        gone = here.keepers[2:]
        for keeper in gone:
            keeper.down = True
        await here.store.maintenance.look_at_all()
        await here.store.maintenance.repair_due(impatient=True)
        (stored,) = here.objects.objects.values()
        assert not {keeper.member.owner_id for keeper in gone} & set(read_layout(stored.layout).keepers)
        await here.store.delete("/f", recursive=False, expected_revision=None)
        for keeper in gone:
            keeper.down = False
        await here.store.maintenance.look_at_all()
        await here.store._burial.deliver()
        assert not [
            kept for each in here.keepers for kept in each.fragments.values() if kept.state is KeptState.LIVE
        ]


async def test_what_a_tombstone_still_waits_for_stays_dead() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        for keeper in here.keepers:
            keeper.down = True
        await here.store.maintenance.look_at_all()
        await here.store.delete("/f", recursive=False, expected_revision=None)
        memory = backup(here)
        for keeper in here.keepers:
            keeper.down = False
        await recover(here, memory)
        await reconcile(here)
        assert not here.named()


@pytest.mark.parametrize("old_disks", [1, 2])
async def test_what_was_removed_does_not_rise_under_its_name_from_an_old_disk(old_disks: int) -> None:
    data = random_bytes(700_000)
    async with world(4) as here:
        await here.put("/removed", data)
        disks = [deepcopy(keeper.fragments) for keeper in here.keepers[:old_disks]]
        await here.store.delete("/removed", recursive=False, expected_revision=None)
        memory = backup(here)
        for keeper, disk in zip(here.keepers, disks, strict=False):
            keeper.fragments = disk
        await here.put("/new", data)
        await recover(here, memory)
        await reconcile(here)
        assert here.keyring.bury, "and keeps no other from being buried"
        assert "/removed" not in here.objects.entries
        assert await here.get("/new") == data
        if old_disks == 2:  # enough to rebuild it
            assert await here.get("/lost+found/removed") == data


async def test_too_few_fragments_are_left_where_they_lie_until_more_are_heard() -> None:
    async with world(5) as here:
        memory = backup(here)
        await here.put("/f", random_bytes(700_000))
        await recover(here, memory)
        for keeper in here.keepers[1:]:
            keeper.down = True
        await reconcile(here)
        assert not here.named()
        for keeper in here.keepers:
            keeper.down = False
        await reconcile(here)
        assert here.named() == {"/f"}


async def test_what_too_few_of_all_members_have_is_waited_for_no_longer() -> None:
    """A write that was cut off while its keepers committed it leaves one fragment, and nobody has more."""
    async with world(5) as here:
        memory = backup(here)
        await here.put("/f", random_bytes(700_000))
        await recover(here, memory)
        for keeper in here.keepers[1:]:
            keeper.fragments.clear()
        await reconcile(here)
        assert not here.named()
        assert here.keepers[0].fragments, "it lies where it lay"
        assert here.keyring.bury


async def test_another_owners_record_and_garbage_bring_nothing_in() -> None:
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", random_bytes(700_000))
        for keeper in here.keepers:
            for kept in keeper.fragments.values():
                kept.record = b"garbage"
        await recover(here, memory)
        await reconcile(here)
        assert not here.named()


async def test_nothing_is_asked_locked_or_without_a_recovery() -> None:
    async with world(4) as here:
        await reconcile(here)
        here.keyring.bury, here.keyring.locked = False, True
        await reconcile(here)
        assert not any(name.endswith("list_mine") for name in here.steps.names)


async def test_a_keepers_claim_of_a_newer_device_is_handed_to_the_keys() -> None:
    async with world(4) as here:
        claim = b"claim".hex()
        fenced = PiccoloError(Kind.PRECONDITION, "FENCED", "A newer device.", {"claim": claim})
        here.peers.failed(here.keepers[0].member.owner_id, fenced)
        odd = PiccoloError(Kind.PRECONDITION, "FENCED", "A newer device.", {"claim": "zz"})
        here.peers.failed(here.keepers[0].member.owner_id, odd)
        assert here.keyring.claims == [b"claim"]


@pytest.mark.parametrize("size", [1_000, 700_000, 9 * MIB])
async def test_without_any_backup_at_all_the_circle_restores_the_owner(size: int) -> None:
    data = random_bytes(size)
    async with world(4) as here:
        memory = backup(here)
        await here.put("/f", data)
        here.keepers[0].fragments.clear()
        await recover(here, memory)
        await reconcile(here)
        assert await here.get("/f") == data
        await here.store.maintenance.repair_due(impatient=True)
        assert (await here.store.health("/f", ask=True))[0].placed == 4


FILES = {"/small": random_bytes(3_000), "/one": random_bytes(700_000), "/large": random_bytes(5 * MIB)}


async def stored_then_deleted(here: World) -> dict[str, Any]:
    """Files that a backup knows and that were deleted for good since; returns the backup."""
    for path, data in FILES.items():
        await here.put(path, data)
    memory = backup(here)
    for path in FILES:
        await here.store.delete(path, recursive=False, expected_revision=None)
    assert not here.holders()
    return memory


async def told(here: World) -> dict[str, Any]:
    """What the check that follows an inventory says."""
    (operation,) = [each for each in here.operations.progress if each.startswith("check")]
    return dict(json.loads((await here.operations.ended(operation)).result))


async def test_what_was_deleted_after_the_point_that_is_restored_is_taken_out_of_the_trash() -> None:
    async with world(5) as here:
        await recover(here, await stored_then_deleted(here))
        await reconcile(here)
        assert {path: await here.get(path) for path in FILES} == FILES
        for path in FILES:
            assert (await here.store.health(path, ask=True))[0].placed == 5
        assert (await told(here))["lost_files"] == []


async def test_what_the_trash_holds_no_more_is_told_by_its_name() -> None:
    async with world(5) as here:
        memory = await stored_then_deleted(here)
        one, large = (_layout(memory, path) for path in ("/one", "/large"))
        purged = {one.fragment_id(index) for index in range(one.m)}
        purged |= {large.fragment_id(index) for index in range(large.k, large.m)}
        for keeper in here.keepers:
            for fragment_id in purged & keeper.fragments.keys():
                del keeper.fragments[fragment_id]
        await recover(here, memory)
        await reconcile(here)
        found = await told(here)
        assert found["lost_files"] == ["/one"]
        assert found["words"].startswith("1 of 3 objects are lost: /one. ")
        assert await here.get("/large") == FILES["/large"]
        assert await here.get("/small") == FILES["/small"]
        with pytest.raises(PiccoloError) as refused:
            await here.get("/one")
        assert refused.value.reason == "FRAGMENTS_LOST"


def _layout(memory: dict[str, Any], path: str) -> Layout:
    version_id = memory["entries"][path].version_id
    return read_layout(memory["objects"][memory["versions"][version_id].object_id].layout)


async def test_a_keeper_that_is_away_gives_its_trash_back_when_it_is_heard() -> None:
    async with world(5) as here:
        memory = await stored_then_deleted(here)
        here.keepers[1].down = True
        await recover(here, memory)
        await reconcile(here)
        assert {path: await here.get(path) for path in FILES} == FILES
        assert not here.keyring.bury
        here.keepers[1].down = False
        await reconcile(here)
        assert here.keyring.bury
        for path in FILES:
            assert (await here.store.health(path, ask=True))[0].placed == 5


async def test_a_copy_that_was_buried_where_it_lies_no_more_stays_buried() -> None:
    async with world(5) as here:
        await here.put("/one", FILES["/one"])
        (stored,) = here.objects.objects.values()
        layout = read_layout(stored.layout)
        elsewhere = next(each for each in here.keepers if each.member.owner_id != layout.keepers[0])
        owner = next(each for each in here.keepers if each.member.owner_id == layout.keepers[0])
        copied = deepcopy(owner.fragments[layout.fragment_id(0)])
        elsewhere.fragments[layout.fragment_id(0)] = copied
        copied.state = KeptState.TRASH
        await recover(here, backup(here))
        await reconcile(here)
        assert copied.state is KeptState.TRASH
        assert here.keyring.bury
