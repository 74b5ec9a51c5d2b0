"""Keepers that fail in every way while files are written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.circle import Standing
from piccolo_vault.engine.storage.files import WriteStart
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.world import MIB, QUICK, World, world

SIZES = [1_000, 300_000, 9 * MIB + 3]


async def code_of_new(here: World, size: int) -> tuple[int, int]:
    """The (k, m) of a file that is stored now."""
    data = random_bytes(size)
    written = await here.put("/f", data)
    assert written is not None
    assert await here.get("/f") == data
    return written.health.code.k, written.health.code.m


Fault = Callable[[FakeKeeper], None]


def _set(**values: object) -> Fault:
    def apply(keeper: FakeKeeper) -> None:
        for name, value in values.items():
            assert hasattr(keeper, name)
            setattr(keeper, name, value)

    return apply


FAULTS: dict[str, Fault] = {
    "down": _set(down=True),
    "hangs": _set(hangs=True),
    "full": _set(full=True),
    "lies in receipts": _set(lies_on_receipt=True),
    "trickles": _set(seconds_per_message=1.0),
    "dies in the middle": _set(dies_after_blocks=3),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("size", SIZES)
async def test_three_bad_keepers_of_nine_do_not_stop_a_write(fault: Fault, size: int) -> None:
    data = random_bytes(size)
    async with world() as here:
        for keeper in here.keepers[:3]:
            fault(keeper)
        written = await here.put("/f", data)
        assert written is not None
        assert written.health.survives >= 1
        for keeper in here.keepers[:3]:
            keeper.down, keeper.hangs = True, False
        assert await here.get("/f") == data


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *[(name, size) for name in ("down", "hangs", "full", "lies in receipts") for size in SIZES],
        ("dies in the middle", SIZES[-1]),  # the others have no middle
    ],
)
async def test_too_few_good_keepers_fail_the_write_in_words_and_name_nothing(name: str, size: int) -> None:
    async with world() as here:
        for keeper in here.keepers[:7]:
            FAULTS[name](keeper)
        with pytest.raises(PiccoloError) as refused:
            await here.put("/f", random_bytes(size))
        assert refused.value.reason in ("PROMISE_OUT_OF_REACH", "NO_ROOM")
        assert refused.value.kind in (Kind.UNAVAILABLE, Kind.FULL)
        assert not here.named()
        assert not here.objects.intents


@pytest.mark.parametrize("size", SIZES)
async def test_a_member_that_was_silent_a_moment_ago_is_asked_before_a_write_is_refused(size: int) -> None:
    async with world(2, settings=replace(QUICK, return_seconds=20.0)) as here:
        silent = here.keepers[1]
        silent.down = True
        await here.peers.look(silent.member.owner_id, 1.0)
        assert here.peers.is_away(silent.member.owner_id)
        here.steps.names.clear()
        writing = [asyncio.ensure_future(here.put(f"/{n}", random_bytes(size))) for n in range(3)]
        while f"{silent.member.name}.room" not in here.steps.names:
            await here.steps.next()
        silent.down = False
        assert all(await asyncio.gather(*writing))


@pytest.mark.parametrize("size", SIZES)
async def test_a_member_that_was_long_away_and_is_back_is_asked_before_a_write_is_refused(size: int) -> None:
    async with world(2) as here:
        away = here.keepers[1]
        away.down = True
        await here.peers.look(away.member.owner_id, 1.0)
        here.clock_offset += 86_400.0
        for _ in range(2):
            with pytest.raises(PiccoloError) as refused:
                await here.put("/f", random_bytes(size))
            assert refused.value.reason == "PROMISE_OUT_OF_REACH"
        away.down = False
        assert await here.put("/f", random_bytes(size))


async def test_many_writes_that_wait_for_one_member_ask_it_together() -> None:
    async with world(2) as here:
        here.keepers[1].down = True
        await here.peers.look(here.keepers[1].member.owner_id, 1.0)
        here.clock_offset += 86_400.0
        here.steps.names.clear()
        here.keepers[1].down, here.keepers[1].hangs = False, True  # so that all come while it is asked
        writes = [here.put(f"/{number}", random_bytes(300_000)) for number in range(20)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert all(isinstance(each, PiccoloError) for each in results)
        assert here.steps.names.count(f"{here.keepers[1].member.name}.room") < 10


@pytest.mark.parametrize("size", SIZES)
async def test_a_member_far_from_well_is_doubled_for_only_when_the_promise_needs_it(size: int) -> None:
    async with world(4) as here:
        here.keepers[0].down = here.keepers[1].down = True
        written = await here.put("/f", random_bytes(size))
        assert written is not None
        assert written.health.devices == 2
        assert written.health.placed == 4
        assert written.health.survives == 1
    async with world(9) as here:
        here.keepers[0].down = True
        await here.store.maintenance.look_at_all()
        written = await here.put("/f", random_bytes(size))
        assert written is not None
        assert (written.health.placed, written.health.devices) == (8, 8)


async def test_what_was_not_placed_is_queued_and_repaired_when_the_member_is_back() -> None:
    data = random_bytes(6 * MIB)
    async with world() as here:
        here.keepers[0].down = here.keepers[1].down = True
        await here.put("/f", data)
        assert len(here.objects.repairs) == 1
        here.keepers[0].down = here.keepers[1].down = False
        await here.store.maintenance.look_at_all()
        await here.store.maintenance.repair_due(impatient=False)
        health, _ = await here.store.health("/f", ask=True)
        assert (health.placed, health.devices, health.survives) == (9, 9, 4)
        assert not here.objects.repairs


async def test_a_slow_keeper_is_dropped_and_the_upload_goes_at_the_others_pace() -> None:
    settings = replace(QUICK, window=8 * MIB, stall_seconds=30.0, tail_seconds=0.2)
    async with world(9, settings) as here:
        here.keepers[4].seconds_per_message = 0.4
        began = asyncio.get_running_loop().time()
        written = await here.put("/f", random_bytes(48 * MIB))
        assert written is not None
        assert asyncio.get_running_loop().time() - began < 5.0
        assert written.health.survives >= 3
        assert written.health.placed == 8
        assert len(here.objects.repairs) == 1


async def test_all_keepers_equally_slow_are_waited_for() -> None:
    settings = replace(QUICK, window=8 * MIB, hold_seconds=0.05, stall_seconds=5.0, tail_seconds=5.0)
    async with world(4, settings) as here:
        for keeper in here.keepers:
            keeper.seconds_per_message = 0.03
        written = await here.put("/f", random_bytes(24 * MIB))
        assert written is not None
        assert written.health.placed == 4


async def test_a_hanging_keeper_does_not_hold_up_a_small_write() -> None:
    async with world(9, replace(QUICK, stall_seconds=30.0)) as here:
        here.keepers[2].hangs = True
        began = asyncio.get_running_loop().time()
        await here.put("/f", random_bytes(4_096))
        assert asyncio.get_running_loop().time() - began < 1.0


async def test_no_member_no_file() -> None:
    async with world(0) as here:
        with pytest.raises(PiccoloError, match="invite one member first"):
            await here.put("/f", b"x")


async def test_two_devices_keep_files_only_by_agreement() -> None:
    async with world(1) as here:
        with pytest.raises(PiccoloError) as refused:
            await here.put("/f", b"x")
        assert refused.value.reason == "TWO_DEVICES"
    async with world(1, at_risk=True) as here:
        for size in SIZES:
            data = random_bytes(size)
            written = await here.put("/f", data)
            assert written is not None
            assert written.health.at_risk
            assert await here.get("/f") == data


@pytest.mark.parametrize("size", SIZES)
async def test_what_the_owner_set_wins_over_the_configuration(size: int) -> None:
    async with world(9, replace(QUICK, k=4, m=6)) as here:
        assert await code_of_new(here, size) == (4, 6)
        for wanted, expected in [((3, 9), (3, 9)), ((0, 5), (2, 5)), ((7, 0), (7, 9)), ((0, 0), (4, 6))]:
            here.objects.wanted = wanted
            assert await code_of_new(here, size) == expected


@pytest.mark.parametrize("size", SIZES)
async def test_more_fragments_than_members_are_refused_until_the_owner_sets_others(size: int) -> None:
    async with world(4) as here:
        await here.put("/before", b"before")
        here.objects.wanted = (3, 9)
        with pytest.raises(PiccoloError, match="at most 4 fragments") as refused:
            await code_of_new(here, size)
        assert (refused.value.kind, refused.value.reason) == (Kind.PRECONDITION, "REDUNDANCY")
        assert here.named() == {"/before"}
        here.objects.wanted = (1, 3)
        assert await code_of_new(here, size) == (1, 3)


async def test_what_the_owner_set_holds_for_a_moment_and_is_asked_for_again_before_a_no() -> None:
    async with world(4, replace(QUICK, heard_seconds=60.0)) as here:
        here.objects.wanted = (3, 9)
        with pytest.raises(PiccoloError, match="at most 4 fragments"):
            await code_of_new(here, 1000)
        here.objects.wanted = (1, 3)
        assert await code_of_new(here, 1000) == (1, 3)
        here.objects.wanted = (2, 4)
        assert await code_of_new(here, 1000) == (1, 3)


async def test_an_upload_that_goes_on_keeps_the_code_it_began_with() -> None:
    name, data = "an-upload-that-waits", random_bytes(9 * MIB + 3)
    async with world(9) as here:
        pieces = (data[at : at + MIB] for at in range(0, 8 * MIB, MIB))
        assert await here.put_pieces(WriteStart("/f", upload_id=name), pieces, None) is None
        offset = (await here.store.upload(name)).offset
        here.objects.wanted = (1, 2)
        written = await here.put_rest("/f", data, offset, name)
        assert written is not None
        assert (written.health.code.k, written.health.code.m) == (5, 9)
        assert await here.get("/f") == data


async def test_less_than_the_promise_is_accepted_by_who_asks_for_it() -> None:
    async with world(4) as here:
        for keeper in here.keepers[1:]:
            keeper.down = True
        with pytest.raises(PiccoloError):
            await here.put("/f", b"x" * 1000)
        written = await here.put("/f", b"x" * 1000, at_risk=True)
        assert written is not None
        assert written.health.survives == 0
        assert "no loss is survived" in written.health.words


async def test_a_leaving_member_gets_nothing_new_and_gives_back_what_it_has() -> None:
    data = random_bytes(200_000)
    async with world(5) as here:
        await here.put("/old", data)
        members = list(here.circle.circle.members)
        members[0] = replace(members[0], standing=Standing.LEAVING)
        here.circle.replace(members)
        held = len(here.keepers[0].fragments)
        await here.put("/new", data)
        assert len(here.keepers[0].fragments) == held
        for keeper in here.keepers[1:4]:
            keeper.down = True
        assert await here.get("/old") == data


async def test_a_compromised_member_is_never_dialled() -> None:
    async with world(5) as here:
        members = list(here.circle.circle.members)
        members[0] = replace(members[0], standing=Standing.COMPROMISED)
        here.circle.replace(members)
        await here.put("/f", random_bytes(6 * MIB))
        await here.get("/f")
        await here.store.maintenance.look_at_all()
        assert not any(name.startswith("member-0.") for name in here.steps.names)


async def test_memory_that_does_not_answer_fails_the_write_and_nothing_is_named() -> None:
    async with world(4) as here:
        here.objects.down = True
        with pytest.raises(PiccoloError) as refused:
            await here.put("/f", b"x")
        assert refused.value.kind is Kind.UNAVAILABLE
        here.objects.down = False
        assert not here.named()
        await here.put("/f", b"y")
        assert await here.get("/f") == b"y"


async def test_a_wrong_size_at_the_end_stores_nothing() -> None:
    async with world(4) as here:
        for size in SIZES:
            with pytest.raises(PiccoloError) as refused:
                await here.put_pieces(WriteStart("/f"), [random_bytes(size)], size + 1)
            assert refused.value.reason == "SIZE_MISMATCH"
        assert not here.named()


async def test_a_locked_vault_takes_and_gives_nothing() -> None:
    async with world(4) as here:
        await here.put("/f", b"x")
        here.keyring.locked = True
        for work in (here.put("/g", b"y"), here.get("/f")):
            with pytest.raises(PiccoloError) as refused:
                await work
            assert refused.value.kind is Kind.LOCKED


async def test_after_a_restore_nothing_is_placed_before_the_members_were_heard() -> None:
    async with world(4) as here:
        await here.put("/f", b"x")
        here.circle.circle = replace(here.circle.circle, unheard=2)
        for size in SIZES:
            with pytest.raises(PiccoloError) as refused:
                await here.put("/g", random_bytes(size))
            assert refused.value.reason == "MEMBERS_UNHEARD"
        here.keepers[0].fragments.clear()
        await here.store.health("/f", ask=True)
        await here.store.maintenance.repair_due(impatient=True)
        assert not here.keepers[0].fragments
        assert await here.get("/f") == b"x"


async def test_after_a_restore_a_write_waits_for_the_members_that_are_heard_just_then() -> None:
    async with world(4, replace(QUICK, return_seconds=20.0)) as here:
        here.circle.circle = replace(here.circle.circle, unheard=2)
        writing = asyncio.ensure_future(here.put("/f", b"x"))
        await asyncio.wait({writing}, timeout=0.05)
        assert not writing.done()
        here.circle.circle = replace(here.circle.circle, unheard=0)
        here.circle.event.set()
        await writing
        assert await here.get("/f") == b"x"


@pytest.mark.parametrize("size", SIZES)
async def test_who_forged_a_receipt_is_not_believed_by_its_word_either(size: int) -> None:
    """It says that it has the fragment, which it may; what counts is what it shows."""
    data = random_bytes(size)
    async with world(4) as here:
        liar = here.keepers[0]
        liar.lies_on_receipt = True
        await here.put("/f", data)
        await here.store.maintenance.repair_due(impatient=True)
        health, _ = await here.store.health("/f", ask=True)
        assert health.placed == 3
        liar.lies_on_receipt = False
        here.clock_offset += 7 * 24 * 3600.0
        await here.store.maintenance.repair_due(impatient=True)
        health, _ = await here.store.health("/f", ask=True)
        assert health.placed == 4
