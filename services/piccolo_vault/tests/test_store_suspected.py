"""A memory that the members rebuilt in the middle: nobody tells it what exposed words could open."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.commit_record import make_commit, open_commit
from piccolo_formats.kek import Kek
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.exposed_scene import SWIFT, check, expose, feks, filled, fragments, orders_of, rounds
from piccolo_vault.tests.test_store_crash import crash_at
from piccolo_vault.tests.test_store_inventory import backup, reconcile, recover
from piccolo_vault.tests.world import World, world


async def burn(here: World, replaced: int) -> None:
    """Device and cloud are gone; the next device knows the lineage, and that it says `exposed`."""
    blank = {name: type(value)() for name, value in backup(here).items()}
    here.objects.exposed, here.objects.state, here.objects.intents = set(), {}, {}
    here.objects.older, here.objects.removed, here.objects.replaced = set(), {}, set()
    here.keyring.number += 1
    here.objects.generation = here.keyring.number
    here.keyring.suspected, here.keyring.exposed = replaced, here.keyring.number - 1
    here.keyring.resealings.clear()
    await recover(here, blank)


async def brought_back(here: World, replaced: int) -> None:
    await burn(here, replaced)
    await reconcile(here)
    assert here.keyring.bury


async def test_everything_that_comes_back_is_sealed_anew_by_itself() -> None:
    async with world(5, SWIFT) as here:
        files = await filled(here)
        expose(here)
        await here.put("/since", random_bytes(300_000))  # of the device under the new words
        since = here.objects.versions[here.objects.entries["/since"].version_id].object_id
        old, keys, orders = fragments(here), feks(here), orders_of(here)
        await brought_back(here, 1)
        assert {path: await here.get(path) for path in files} == files
        assert here.objects.exposed == here.objects.objects.keys() - {since}
        told = await rounds(here)
        assert (told.over, told.unopened) == (True, 0)
        young = here.objects.entries["/since"].version_id
        assert feks(here)[young] == keys.pop(young)
        assert fragments(here) & old == _ids(here, since)
        assert {path: await here.get(path) for path in files} == files
        now = feks(here)
        assert {here.objects.entries[path].version_id for path in files} <= now.keys()
        assert all(now[each] != keys[each] for each in keys.keys() & now.keys())
        assert orders_of(here).items() <= orders.items()


def _ids(here: World, object_id: bytes) -> set[bytes]:
    layout = read_layout(here.objects.objects[object_id].layout)
    return {layout.fragment_id(index) for index in range(layout.m)}


async def test_it_goes_on_wherever_the_lost_device_was() -> None:
    """After some were sealed anew, and with the old fragments of some still there."""
    async with world(5, replace(SWIFT, reseal_bytes_a_day=24 * 500_000)) as here:
        files = await filled(here)
        old, keys = fragments(here), feks(here)
        expose(here)
        here.objects.backed_up = False
        await here.store.chores.resealer.round()
        anew = fragments(here) - old
        assert anew
        here.objects.backed_up = True
        here.settings = SWIFT
        await brought_back(here, 1)
        assert here.objects.exposed
        assert (await rounds(here)).over
        assert {path: await here.get(path) for path in files} == files
        assert fragments(here).isdisjoint(old)
        now = feks(here)
        assert all(now[each] != keys[each] for each in keys.keys() & now.keys())


async def test_leftovers_of_every_device_before_are_purged() -> None:
    """The lost device had renewed their records, so that they look younger than the new words."""
    async with world(4, SWIFT) as here:
        files = await filled(here)
        expose(here)
        await here.put("/buried", random_bytes(300_000))
        await here.store.delete("/buried", recursive=False, expected_revision=None)
        trash = {f for k in here.keepers for f, one in k.fragments.items() if one.state is KeptState.TRASH}
        assert trash
        await brought_back(here, 1)
        told = await rounds(here)
        assert (told.over, told.leftovers) == (True, len(trash))
        assert fragments(here).isdisjoint(trash)
        assert {path: await here.get(path) for path in files} == files


async def test_nobody_is_gone_through_before_all_told_what_they_have() -> None:
    """After 45 days burying is allowed, and a member that was away all the time has what completes a file."""
    data = random_bytes(300_000)
    async with world(4, SWIFT) as here:
        await here.put("/a", data)
        expose(here)
        for keeper in here.keepers[:2]:
            keeper.down = True
        await burn(here, 1)
        # of four the two that answer have too few
        for keeper in here.keepers[2:3]:
            keeper.fragments.clear()
        await reconcile(here)
        assert "/a" not in here.objects.entries
        here.keyring.bury = True
        assert not (await rounds(here, 3)).over
        for keeper in here.keepers[:2]:
            keeper.down = False
        await here.store.maintenance.look_at_all()
        assert (await rounds(here)).over
        assert await here.get("/a") == data


def closed(here: World, keepers: list[FakeKeeper], which: Callable[[bytes], bool]) -> set[bytes]:
    """These records are still those of the old words, which open nothing here."""
    found = set[bytes]()
    for keeper in keepers:
        for fragment, kept in keeper.fragments.items():
            if which(fragment):
                kept.record = _of_other_words(here, kept.record)
                found.add(fragment)
    return found


def _of_other_words(here: World, record: bytes) -> bytes:
    summary = open_commit(open_signed(Commit, record), here.keyring.backups()[0])
    old = Kek(bytes([9]) * 32).backup().public
    return make_commit(summary, old, here.keyring.signing_key(), os.urandom).to_bytes()


async def test_one_record_that_opens_brings_a_file_back() -> None:
    """The records were not renewed at all members when the device was lost."""
    async with world(4, SWIFT) as here:
        files = await filled(here)
        old, keys = fragments(here), feks(here)
        expose(here)
        closed(here, here.keepers[1:], lambda _: True)
        await brought_back(here, 1)
        assert {path: await here.get(path) for path in files} == files
        assert (await rounds(here)).over
        assert here.keyring.resealings[-1].unopened == 0
        await check(here, files, old, {each: keys[each] for each in feks(here)})


async def test_what_only_the_old_words_open_stays_and_is_told() -> None:
    async with world(4, SWIFT) as here:
        await here.put("/lost", random_bytes(300_000))
        lost = _ids(here, here.objects.versions[here.objects.entries["/lost"].version_id].object_id)
        await here.put("/a", random_bytes(300_000))
        expose(here)
        kept = closed(here, here.keepers, lambda fragment: fragment in lost)
        old = fragments(here) - kept
        await brought_back(here, 1)
        told = await rounds(here)
        assert (told.over, told.unopened) == (True, len(kept))
        assert "only the earlier words open" in told.phase
        assert kept <= fragments(here)
        assert fragments(here).isdisjoint(old)
        assert here.named() == {"/a"}


async def test_a_wrap_that_only_the_old_words_open_holds_nothing_up_and_is_not_purged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A write that the change of words overtook: its record opens, its key does not."""
    async with world(4, SWIFT) as here:
        await here.put("/overtaken", random_bytes(300_000))
        entry = here.objects.entries["/overtaken"]
        wrapped = here.objects.versions[entry.version_id].file.content.wrapped_key
        stays = _ids(here, here.objects.versions[entry.version_id].object_id)
        await here.put("/a", b"a")
        expose(here)

        def kek_for(asked: bytes) -> Kek:
            if asked == wrapped:
                raise PiccoloError(Kind.DATA_LOSS, "KEY_GONE", "Only the earlier words open it.")
            return here.keyring.kek()

        monkeypatch.setattr(here.keyring, "kek_for", kek_for)
        await brought_back(here, 1)
        told = await rounds(here)
        assert (told.over, told.unopened) == (True, len(stays))
        assert stays & fragments(here) == stays
        assert await here.get("/a") == b"a"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["prepare", "publish"])
async def test_a_crash_while_it_is_brought_back_forgets_no_mark(call: str, after: bool) -> None:
    async with world(4, SWIFT) as here:
        files = await filled(here)
        old = fragments(here)
        expose(here)
        await burn(here, 1)
        await crash_at(here, await _step_of(here, call), after, reconcile)
        await here.store.maintenance._intents.ensure_settled()
        while not here.keyring.bury:
            await reconcile(here)
        assert here.objects.exposed == here.objects.objects.keys()
        assert {path: await here.get(path) for path in files} == files
        assert (await rounds(here)).over
        assert {path: await here.get(path) for path in files} == files
        assert fragments(here).isdisjoint(old)


async def _step_of(here: World, call: str) -> int:
    """At which step of the next inventory a call comes: found out on a memory that is taken back then."""
    before, first = backup(here), len(here.steps.names)
    await reconcile(here)
    step = here.steps.names[first:].index(f"metadata.{call}")
    here.objects.intents, here.objects.exposed = {}, set()
    await recover(here, before)
    return step


async def test_a_crash_while_it_is_rescued_purges_nothing_of_it() -> None:
    """Just enough of it is left to rebuild it: less than what a new write must keep before it counts."""
    data = random_bytes(300_000)
    async with world(4, SWIFT) as here:
        await here.put("/a", data)
        ids = _ids(here, here.objects.versions[here.objects.entries["/a"].version_id].object_id)
        expose(here)
        await burn(here, 1)
        here.keyring.bury = True
        left = 2
        for keeper in here.keepers:
            for fragment in ids & keeper.fragments.keys():
                left -= 1
                if left < 0:
                    del keeper.fragments[fragment]

        async def publish(object_id: bytes, missing: object) -> None:
            raise PiccoloError(Kind.UNAVAILABLE, "DOWN", "The memory is away.")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(here.objects, "publish", publish)
            with pytest.raises(PiccoloError):
                await here.store.chores.resealer.round()
        assert here.objects.intents
        await here.crash()
        assert (await rounds(here)).over
        assert await here.get("/a") == data


async def test_what_was_being_buried_when_the_device_was_lost_costs_no_name() -> None:
    """One member had buried the old objects, for now; the others show them still."""
    async with world(4, SWIFT) as here:
        files = await filled(here)
        old = fragments(here)
        expose(here)
        here.objects.backed_up = False
        await rounds(here, 2)
        for kept in here.keepers[0].fragments.values():
            if kept.head.fragment_id in old:
                kept.state = KeptState.TRASH
        here.objects.backed_up = True
        await brought_back(here, 1)
        assert here.named() == files.keys()
        assert {path: await here.get(path) for path in files} == files
        assert (await rounds(here)).over
        assert {path: await here.get(path) for path in files} == files
        assert fragments(here).isdisjoint(old)
