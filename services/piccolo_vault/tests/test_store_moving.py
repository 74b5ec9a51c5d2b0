"""What members ask to be moved is moved, in time, and nothing is lost by it, whatever dies in between."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.keeping import Notice, NoticeKind
from piccolo_formats.signed import sign

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage import notices, placement
from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.moving import Mover
from piccolo_vault.ports.keepers import KeptState
from piccolo_vault.testing import FakeKeeper, Steps, random_bytes
from piccolo_vault.tests.world import World, world

DAY = 86_400
MONTH = 30 * DAY
KEY = SigningKey(bytes(range(32)))


def mover(here: World) -> Mover:
    return Mover(here.context, here.store._burial, here.store.chores.spreader._repairer)


async def look(here: World) -> None:
    await here.store.maintenance.look_at_all()


def live(keeper: FakeKeeper) -> set[bytes]:
    return {each for each, kept in keeper.fragments.items() if kept.state is KeptState.LIVE}


def in_layouts(here: World, keeper: FakeKeeper) -> int:
    layouts = (read_layout(stored.layout) for stored in here.objects.objects.values())
    return sum(layout.keepers.count(keeper.member.owner_id) for layout in layouts)


def ask(here: World, keeper: FakeKeeper, kind: NoticeKind = NoticeKind.EVICT) -> None:
    keeper.beyond = sum(kept.size for kept in keeper.fragments.values())
    keeper.give_notice(kind, int(here.now()) + MONTH, given=int(here.now()))


async def whole(here: World, files: dict[str, bytes]) -> None:
    """Everything is readable with as many members dead as were promised, and each fragment lives once."""
    ids = [fragment for keeper in here.keepers for fragment in live(keeper)]
    assert len(ids) == len(set(ids))
    for keeper in here.keepers[4:6]:
        keeper.down = True
    for path, data in files.items():
        assert await here.get(path) == data
    for keeper in here.keepers[4:6]:
        keeper.down = False


async def stored(here: World, count: int) -> dict[str, bytes]:
    files = {f"/{number}": random_bytes(300_000 + number) for number in range(count)}
    for path, data in files.items():
        await here.put(path, data)
    return files


@pytest.mark.parametrize("kind", [NoticeKind.EVICT, NoticeKind.FULL])
async def test_what_is_beyond_the_share_moves_over_the_first_half_and_each_old_copy_ends_with_its_move(
    kind: NoticeKind,
) -> None:
    async with world(6) as here:
        files = await stored(here, 8)
        asking = here.keepers[1]
        for _ in range(3):
            here.joins()
        before = in_layouts(here, asking)
        ask(here, asking, kind)
        await look(here)
        moving = mover(here)
        await moving.round()
        assert before - 2 <= in_layouts(here, asking) <= before  # a first little part
        assert len(live(asking)) == in_layouts(here, asking)
        here.clock_offset += 16 * DAY
        await look(here)
        await moving.round()
        assert in_layouts(here, asking) == 0
        assert not live(asking)
        assert not any(keepers for _, keepers in here.objects.pending.values())
        await whole(here, files)


async def test_a_device_that_burns_after_a_move_finds_the_old_copies_by_its_older_backup() -> None:
    """The backup names the old keeper, which has the fragments in its trash for 45 days."""
    async with world(6) as here:
        files = await stored(here, 3)
        before = dict(here.objects.objects)
        asking = here.keepers[1]
        fresh = here.joins()
        asking.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY, given=int(here.now()))
        await look(here)
        await mover(here).round()
        assert not live(asking)
        here.objects.objects.update(before)
        here.keyring.bury = False  # as after a recovery
        fresh.down = True
        await here.crash()
        await look(here)
        await here.store.maintenance._inventory.reconcile()
        assert len(live(asking)) == 3
        for keeper in here.keepers[3:6]:
            keeper.down = True
        for path, data in files.items():
            assert await here.get(path) == data


async def test_only_as_much_as_is_asked_moves() -> None:
    async with world(6) as here:
        await stored(here, 8)
        asking = here.keepers[1]
        for _ in range(3):
            here.joins()
        before = in_layouts(here, asking)
        ask(here, asking)
        share = asking.beyond // 2
        here.clock_offset += 20 * DAY
        moving = mover(here)
        for _ in range(3):
            # what a keeper asks for is what lives there beyond the share
            asking.beyond = max(0, sum(asking.fragments[each].size for each in live(asking)) - share)
            await look(here)
            await moving.round()
        assert abs(in_layouts(here, asking) - before / 2) <= 1


async def test_a_locked_device_moves_nothing_for_the_sake_of_room_that_it_cannot_give_back() -> None:
    async with world(6) as here:
        await stored(here, 3)
        asking = here.keepers[1]
        here.joins()
        ask(here, asking)
        here.clock_offset += 20 * DAY
        here.keyring.locked = True
        await look(here)
        moving = mover(here)
        await moving.round()
        assert in_layouts(here, asking) == 3
        here.keyring.locked = False
        await moving.round()
        assert in_layouts(here, asking) == 0
        assert not live(asking)


async def test_without_a_place_elsewhere_it_stays_and_is_said_to_be_stuck() -> None:
    async with world(6) as here:
        files = await stored(here, 3)
        asking = here.keepers[1]
        ask(here, asking)
        here.clock_offset += 20 * DAY
        await look(here)
        moving = mover(here)
        await moving.round()
        assert in_layouts(here, asking) == 3
        assert moving.is_stuck(asking.member.owner_id)
        here.joins()
        await look(here)
        await moving.round()
        assert in_layouts(here, asking) == 0
        assert not moving.is_stuck(asking.member.owner_id)
        await whole(here, files)


async def test_a_full_member_hears_that_something_would_have_been_put_there() -> None:
    async with world(6) as here:
        here.keepers[1].full = True
        await look(here)
        assert here.keepers[1].wanted == 0
        await here.put("/f", random_bytes(300_000))
        await look(here)
        told = here.keepers[1].wanted
        assert told > 0
        assert not here.keepers[1].fragments
        await look(here)
        assert here.keepers[1].wanted == told  # once
        assert here.keepers[0].wanted == 0


@pytest.mark.parametrize("standing", [Standing.LEAVING, Standing.EXPELLED])
async def test_a_member_that_goes_is_emptied(standing: Standing) -> None:
    async with world(6) as here:
        files = await stored(here, 5)
        going = here.keepers[1]
        here.joins()
        here.circle.replace(
            [
                replace(each, standing=standing) if each.owner_id == going.member.owner_id else each
                for each in here.circle.circle.members
            ]
        )
        await look(here)
        await mover(here).round()
        assert in_layouts(here, going) == 0
        going.down = True
        for path, data in files.items():
            assert await here.get(path) == data


async def test_a_leaving_notice_empties_its_keeper() -> None:
    async with world(6) as here:
        await stored(here, 5)
        going = here.keepers[1]
        here.joins()
        going.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY, given=int(here.now()))
        await look(here)
        await mover(here).round()
        assert in_layouts(here, going) == 0


async def test_a_locked_device_moves_and_buries_when_it_is_unlocked() -> None:
    async with world(6) as here:
        files = await stored(here, 3)
        going = here.keepers[1]
        here.joins()
        going.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY)
        here.keyring.locked = True
        await look(here)
        moving = mover(here)
        await moving.round()
        assert in_layouts(here, going) == 0
        assert not here.objects.pending
        assert len(live(going)) == 3
        here.keyring.locked = False
        await here.store.chores.stocktaker.round()
        assert not live(going)
        await whole(here, files)


async def test_what_came_back_meanwhile_stays() -> None:
    async with world(6) as here:
        files = await stored(here, 1)
        asking = here.keepers[1]
        fresh = here.joins()
        asking.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY)
        here.keyring.locked = True  # nothing is buried meanwhile
        await look(here)
        await mover(here).round()
        assert in_layouts(here, asking) == 0
        asking.notices.clear()
        fresh.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY)
        await look(here)
        await mover(here).round()
        assert in_layouts(here, asking) == 1
        here.keyring.locked = False
        await here.store.chores.stocktaker.round()
        assert len(live(asking)) == 1
        assert not live(fresh)
        assert await here.get("/0") == files["/0"]


async def test_one_that_refuses_is_passed_over_when_another_would_take_it() -> None:
    async with world(6) as here:
        await stored(here, 1)
        going = here.keepers[1]
        fresh = [here.joins() for _ in range(2)]
        going.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY)
        await look(here)
        (layout,) = (read_layout(stored.layout) for stored in here.objects.objects.values())
        others = here.peers.candidates(without=filter(None, layout.keepers))
        first = placement.ranked(layout.object_id, others)[0]
        refusing = next(each for each in fresh if each.member.owner_id == first)
        refusing.full = True  # and nobody knows yet
        await mover(here).round()
        here.peers.sight(first).full = False
        await mover(here).round()
        assert in_layouts(here, going) == 0
        assert not live(refusing)


async def leave(here: World, stop: int | None = None) -> None:
    """A member asks to be emptied; the world stands still at a step of that, if told so."""
    going = here.keepers[1]
    here.joins()
    going.give_notice(NoticeKind.LEAVING, int(here.now()) + 90 * DAY)
    await look(here)
    here.steps.stop_at = None if stop is None else here.steps.count + stop
    task = asyncio.create_task(mover(here).round())
    reached = asyncio.create_task(here.steps.reached.wait())
    await asyncio.wait({task, reached}, return_when=asyncio.FIRST_COMPLETED)
    for each in (task, reached):
        each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await each


async def steps_of_leaving() -> int:
    async with world(4) as here:
        await stored(here, 1)
        before = here.steps.count
        await leave(here)
        return here.steps.count - before


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_step_loses_nothing_and_leaves_nothing_behind(after: bool) -> None:
    for stop in range(await steps_of_leaving()):
        async with world(4) as here:
            files = await stored(here, 1)
            here.steps.after = after
            await leave(here, stop)
            going = here.keepers[1]
            await here.crash()
            await look(here)
            await mover(here).round()
            assert in_layouts(here, going) == 0
            await here.store._burial.deliver()
            await here.store.chores.stocktaker.round()
            assert not live(going)
            assert await here.get("/0") == files["/0"]
            health, _ = await here.store.health("/0", ask=True)
            assert health.placed == health.code.m


def test_a_notice_counts_only_from_its_keeper_to_this_owner_until_its_time() -> None:
    member = replace(FakeKeeper(0, bytes(32), Steps(), lambda: 1).member, receipt_key=KEY.public)
    good = Notice(keeper=member.owner_id, owner=bytes(32), kind=NoticeKind.EVICT, until=100, time=1)
    signed = sign(good, KEY).to_bytes()
    assert notices.in_force(member, bytes(32), [signed], 99) == [good]
    assert notices.in_force(member, bytes(32), [signed], 100) == []
    assert notices.in_force(member, bytes([1] * 32), [signed], 1) == []
    wrong = [
        sign(good, SigningKey(bytes([9] * 32))).to_bytes(),
        sign(replace(good, keeper=bytes([2] * 32)), KEY).to_bytes(),
        b"",
        signed[:-1],
    ]
    assert notices.in_force(member, bytes(32), wrong, 1) == []


times = st.integers(0, 100 * DAY)


@given(st.integers(0, 1 << 45), times, st.integers(2, 100 * DAY), times, st.integers(1, 10 * DAY))
def test_all_is_moved_when_half_of_the_time_is_over(
    beyond: int, given_: int, length: int, now: int, interval: int
) -> None:
    notice = Notice(
        keeper=bytes(32), owner=bytes(32), kind=NoticeKind.EVICT, until=given_ + length, time=given_
    )
    amount = notices.due(beyond, notice, now, interval)
    assert 0 <= amount <= beyond
    if now + interval >= given_ + length / 2:
        assert amount == beyond
