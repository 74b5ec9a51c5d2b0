"""A backup from before objects were moved or coded anew: their records at the keepers tell where they are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_formats.signed import sign

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.completion import make_record
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.test_store_inventory import backup, reconcile, recover
from piccolo_vault.tests.world import MIB, QUICK, World, world

SOON = replace(QUICK, spread_seconds=0.0)
FILES = {"/small": random_bytes(2_000), "/one": random_bytes(700_000), "/large": random_bytes(9 * MIB + 5)}


async def stored(here: World) -> None:
    for path, data in FILES.items():
        await here.put(path, data)


async def coded_anew(here: World) -> None:
    for _ in range(2):
        here.joins()
    await here.store.maintenance.look_at_all()
    await here.store.chores.spreader.round()
    assert {read_layout(each.layout).m for each in here.objects.objects.values()} == {6}


async def moved_away(here: World) -> None:
    """Three of four fragments of each object: with the one that stayed nothing can be read."""
    there = [here.joins() for _ in range(3)]
    await here.store.maintenance.look_at_all()
    mover = here.store.maintenance._repairer
    for object_id in list(here.objects.objects):
        for index, target in enumerate(there):
            assert await mover.move(here.objects.objects[object_id], index, target.member.owner_id)
    assert {read_layout(each.layout).m for each in here.objects.objects.values()} == {4}


async def months_later(here: World) -> None:
    """What is in the keepers' trash has ended."""
    await here.store._burial.deliver()
    for keeper in here.keepers:
        for fragment_id, kept in list(keeper.fragments.items()):
            if kept.state is KeptState.TRASH:
                del keeper.fragments[fragment_id]


@pytest.mark.parametrize("happens", [coded_anew, moved_away])
async def test_what_was_brought_elsewhere_since_the_backup_is_found_there(happens: object) -> None:
    async with world(4, SOON) as here:
        await stored(here)
        memory = backup(here)
        await happens(here)  # type: ignore[operator]
        await months_later(here)
        await recover(here, memory)
        await reconcile(here)
        assert {path: await here.get(path) for path in FILES} == FILES
        for path in FILES:
            health, _ = await here.store.health(path, ask=True)
            assert health.placed == health.code.m
        assert here.keyring.bury
        assert here.keyring.told is not None
        assert here.keyring.told.left == 0


async def test_a_record_that_only_claims_to_be_newer_changes_nothing() -> None:
    """One member shows a fragment that nobody else has under a layout with roots of its own."""
    async with world(4, SOON) as here:
        await here.put("/one", FILES["/one"])
        await recover(here, backup(here))
        (held,) = here.objects.objects.values()
        layout = read_layout(held.layout)
        forged = replace(layout, seq=layout.seq + 100, roots=bytes(len(layout.roots)))
        signed = sign(forged, here.keyring.signing_key()).to_bytes()
        files = await here.objects.list_object_files(held.object_id)
        liar = here.keepers[0]
        (kept,) = liar.fragments.values()
        kept.record = make_record(here.context, replace(held, layout=signed), forged, files)
        liar.fragments = {bytes(32): kept}
        await reconcile(here)
        assert here.objects.objects[held.object_id].layout == held.layout
        assert await here.get("/one") == FILES["/one"]
