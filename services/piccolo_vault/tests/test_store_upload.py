"""Uploads that are interrupted and go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.engine.storage.files import Finish, Step, WriteStart
from piccolo_vault.engine.storage.uploads import Parked
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, World, world

NAME = "upload-with-a-long-name"


class Slow:
    """A client that sends some pieces and then waits to be told to go on."""

    def __init__(self, pieces: list[bytes], size: int | None = None) -> None:
        self.sent, self.go = asyncio.Event(), asyncio.Event()
        self._pieces, self._size = pieces, size

    async def steps(self) -> AsyncIterator[Step]:
        for piece in self._pieces:
            yield piece
        self.sent.set()
        await self.go.wait()
        if self._size is not None:
            yield Finish(self._size)


async def nothing(durable: int) -> None:
    return


async def test_an_upload_goes_on_after_the_device_took_a_new_generation() -> None:
    """By new words, for one: what members have of it began under the generation before."""
    data = random_bytes(8 * MIB + 3)
    async with world(4) as here:
        await here.put("/f", data[: 6 * MIB], finish=False, upload_id=NAME)
        here.keyring.number = here.objects.generation = 2
        await here.put_rest("/f", data, (await here.store.upload(NAME)).offset, NAME)
        assert await here.get("/f") == data
        kept = [each for keeper in here.keepers for each in keeper.fragments.values()]
        assert {each.head.generation for each in kept} == {2}


@pytest.mark.parametrize("sent", [0, 1, 3_000, MIB, 4 * MIB, 4 * MIB + 1, 6 * MIB, 6 * MIB + 17])
async def test_a_client_that_goes_away_comes_back_where_it_was(sent: int) -> None:
    data = random_bytes(8 * MIB + 3)
    async with world(4) as here:
        assert await here.put("/f", data[:sent], finish=False, upload_id=NAME) is None
        if sent:
            assert (await here.store.upload(NAME)).offset == sent
        here.durable.clear()
        await here.put_rest("/f", data, sent, NAME)
        assert here.durable[0] == sent
        assert await here.get("/f") == data
        with pytest.raises(PiccoloError) as gone:
            await here.store.upload(NAME)
        assert gone.value.reason == "NO_UPLOAD"
        assert not here.objects.uploads


async def test_a_small_upload_in_many_streams_ends_as_a_small_file() -> None:
    async with world(4) as here:
        await here.put("/f", b"one ", finish=False, upload_id=NAME)
        await here.put("/f", b"two ", finish=False, upload_id=NAME)
        await here.put_pieces(WriteStart("/f", upload_id=NAME), [b"three"], 13)
        assert await here.get("/f") == b"one two three"


async def test_what_is_told_durable_is_what_a_crash_leaves() -> None:
    data = random_bytes(40 * MIB)
    async with world(4) as here:
        client = Slow([data[at : at + MIB] for at in range(0, 36 * MIB, MIB)])
        start = WriteStart("/f", upload_id=NAME)
        told: list[int] = []

        async def report(durable: int) -> None:
            told.append(durable)

        writing = asyncio.ensure_future(here.store.write(start, client.steps(), report))
        await client.sent.wait()

        async def anything_durable() -> bool:
            return told[-1] > 0

        await here.until(anything_durable)
        here.steps.stop_at = here.steps.count  # the vault goes at its next word
        writing.cancel()
        await here.steps.reached.wait()
        await here.crash()
        await asyncio.gather(writing, return_exceptions=True)
        assert (await here.store.upload(NAME)).offset >= told[-1] >= MIB
        await here.put_rest("/f", data, (await here.store.upload(NAME)).offset, NAME)
        assert await here.get("/f") == data


async def test_stopping_tells_how_far_it_is_durable_and_keeps_the_upload() -> None:
    data = random_bytes(9 * MIB)
    async with world(4) as here:
        client = Slow([data[at : at + MIB] for at in range(0, 7 * MIB, MIB)])
        writing = asyncio.ensure_future(
            here.store.write(WriteStart("/f", upload_id=NAME), client.steps(), nothing)
        )
        await client.sent.wait()
        here.store.interrupt(PiccoloError(Kind.UNAVAILABLE, "STOPPING", "The vault is stopping."))
        with pytest.raises(PiccoloError) as ended:
            await writing
        assert ended.value.reason == "STOPPING"
        assert int(ended.value.details["durable_bytes"]) == 6 * MIB
        await here.crash()
        assert (await here.store.upload(NAME)).offset == 6 * MIB
        await here.put_rest("/f", data, 6 * MIB, NAME)
        assert await here.get("/f") == data


async def test_locking_ends_uploads_and_forgets_their_plaintext() -> None:
    data = random_bytes(9 * MIB)
    async with world(4) as here:
        await here.put("/small", b"secret", finish=False, upload_id="a-small-upload-parked")
        client = Slow([data[: 5 * MIB + 5]])
        writing = asyncio.ensure_future(
            here.store.write(WriteStart("/f", upload_id=NAME), client.steps(), nothing)
        )
        await client.sent.wait()
        here.store.forget()
        with pytest.raises(PiccoloError) as ended:
            await writing
        assert ended.value.kind is Kind.LOCKED
        assert not here.store._uploads._parked
        assert (await here.store.upload(NAME)).offset == 5 * MIB
        await here.put_rest("/f", data, 5 * MIB, NAME)
        assert await here.get("/f") == data


@pytest.mark.parametrize("sent", [5, 3 * MIB, 5 * MIB + 5])
async def test_nothing_in_clear_outlives_a_lock_whatever_ended_the_stream_before(sent: int) -> None:
    async with world(4) as here:
        client = Slow([random_bytes(sent)])
        writing = asyncio.ensure_future(
            here.store.write(WriteStart("/f", upload_id=NAME), client.steps(), nothing)
        )
        await client.sent.wait()
        here.store.interrupt(PiccoloError(Kind.UNAVAILABLE, "STOPPING", "The vault is stopping."))
        here.store.forget()
        with pytest.raises(PiccoloError) as ended:
            await writing
        assert ended.value.reason == "STOPPING"
        assert not here.store._uploads._parked


async def test_a_newer_stream_takes_an_upload_over() -> None:
    data = random_bytes(9 * MIB)
    async with world(4) as here:
        client = Slow([data[: 6 * MIB + 1]])
        first = asyncio.ensure_future(
            here.store.write(WriteStart("/f", upload_id=NAME), client.steps(), nothing)
        )
        await client.sent.wait()
        await here.put_rest("/f", data, 6 * MIB + 1, NAME)
        with pytest.raises(PiccoloError) as ended:
            await first
        assert ended.value.reason == "SUPERSEDED"
        assert await here.get("/f") == data


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_keeper_that_lost_its_part_is_left_out_when_an_upload_goes_on(lost: int) -> None:
    data = random_bytes(12 * MIB)
    async with world(9) as here:
        await here.put("/f", data[: 9 * MIB], finish=False, upload_id=NAME)
        for keeper in here.keepers[:lost]:
            keeper.fragments.clear()
        written = await here.put_rest("/f", data, 9 * MIB, NAME)
        assert written is not None
        assert written.health.placed == 9 - lost
        assert await here.get("/f") == data
        await here.store.maintenance.repair_due(impatient=True)
        assert (await here.store.health("/f", ask=True))[0].placed == 9


async def test_a_keeper_with_other_blocks_is_left_out_when_an_upload_goes_on() -> None:
    data = random_bytes(12 * MIB)
    async with world(9) as here:
        await here.put("/f", data[: 9 * MIB], finish=False, upload_id=NAME)
        (kept,) = here.keepers[0].fragments.values()
        kept.leaves[0] = bytes(32)
        written = await here.put_rest("/f", data, 9 * MIB, NAME)
        assert written is not None
        assert written.health.placed == 8
        assert await here.get("/f") == data


async def test_too_many_lost_keepers_leave_the_upload_open_for_their_return() -> None:
    data = random_bytes(12 * MIB)
    async with world(4) as here:
        await here.put("/f", data[: 9 * MIB], finish=False, upload_id=NAME)
        for keeper in here.keepers[:3]:
            keeper.down = True
        with pytest.raises(PiccoloError) as refused:
            await here.put_rest("/f", data, 9 * MIB, NAME)
        assert refused.value.reason == "PROMISE_OUT_OF_REACH"
        for keeper in here.keepers:
            keeper.down = False
        offset = (await here.store.upload(NAME)).offset
        assert offset >= 8 * MIB
        await here.put_rest("/f", data, offset, NAME)
        assert await here.get("/f") == data


async def test_tails_in_memory_are_bounded_by_count_and_time() -> None:
    async with world(4, replace(QUICK, parked_uploads=3, parked_seconds=100.0)) as here:
        names = [f"upload-number-{number:04}" for number in range(5)]
        for name in names:
            await here.put("/f", b"tail", finish=False, upload_id=name)
        kept = [name for name in names if name in here.store._uploads._parked]
        assert kept == names[2:]
        here.clock_offset += 101
        with pytest.raises(PiccoloError):
            await here.store.upload(names[4])
        assert not here.store._uploads._parked


async def test_an_abandoned_upload_is_gone() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(6 * MIB), finish=False, upload_id=NAME)
        await here.store.abandon_upload(NAME)
        assert not here.objects.uploads
        for work in (here.store.upload(NAME), here.store.abandon_upload(NAME)):
            with pytest.raises(PiccoloError) as gone:
                await work
            assert gone.value.kind is Kind.NOT_FOUND


async def test_an_upload_belongs_to_one_name() -> None:
    async with world(4) as here:
        await here.put("/f", b"x" * 100, finish=False, upload_id=NAME)
        with pytest.raises(PiccoloError) as refused:
            await here.put("/g", b"y", upload_id=NAME)
        assert refused.value.reason == "UPLOAD_PATH"


async def test_a_note_of_another_device_is_refused_in_words() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(6 * MIB), finish=False, upload_id=NAME)
        here.keyring._local = bytes(32)
        with pytest.raises(PiccoloError) as refused:
            await here.put_rest("/f", b"", 0, NAME)
        assert refused.value.reason == "NOTE_FOREIGN"


async def test_an_upload_that_began_large_and_is_small_after_all() -> None:
    async with world(4) as here:
        written = await here.put_pieces(WriteStart("/f", size=9 * MIB), [b"small"], 5)
        assert written is not None
        assert await here.get("/f") == b"small"
        written = await here.put_pieces(
            WriteStart("/g", size=9 * MIB, upload_id=NAME), [bytes(2 * MIB)], 2 * MIB
        )
        assert written is not None
        assert await here.get("/g") == bytes(2 * MIB)


async def test_a_client_that_sends_nothing_is_ended() -> None:
    async with world(4, replace(QUICK, idle_seconds=0.1)) as here:
        client = Slow([b"x"], 1)
        with pytest.raises(PiccoloError) as ended:
            await here.store.write(WriteStart("/f"), client.steps(), nothing)
        assert ended.value.reason == "CLIENT_IDLE"


async def test_an_announced_size_without_room_is_refused_at_once() -> None:
    async with world(4) as here:
        await look_with_room(here, 3 * MIB)
        with pytest.raises(PiccoloError) as refused:
            await here.put_pieces(WriteStart("/f", size=100 * MIB), [], None)
        assert (refused.value.kind, refused.value.reason) == (Kind.FULL, "NO_ROOM")
        assert not any(keeper.puts for keeper in here.keepers)


async def look_with_room(here: World, free: int) -> None:
    for keeper in here.keepers:
        here.peers.sight(keeper.member.owner_id).free_bytes = free


def test_a_parked_tail_is_not_shown() -> None:
    parked = Parked(WriteStart("/f"), b"very secret plaintext", 0, 0.0)
    assert b"secret".decode() not in repr(parked)


@pytest.mark.parametrize("size", [1_000, 700_000, 9 * MIB])
async def test_a_device_that_was_replaced_says_so_and_not_that_members_are_away(size: int) -> None:
    async with world(4) as here:
        here.keyring.fenced = True
        for keeper in here.keepers:
            keeper.down = True  # they let its certificate in no more
        with pytest.raises(PiccoloError) as refused:
            await here.put("/f", random_bytes(size))
        assert refused.value.reason == "FENCED"
        assert not here.objects.intents


@pytest.mark.parametrize("size", [1_000, 700_000, 9 * MIB])
async def test_members_that_were_slow_a_moment_ago_take_a_file_that_nobody_else_can(size: int) -> None:
    async with world(4) as here:
        late = PiccoloError(Kind.TIMEOUT, "KEEPER_SLOW", "It was slow.")
        for keeper in here.keepers[1:]:
            here.peers.failed(keeper.member.owner_id, late)
        written = await here.put("/f", random_bytes(size))
        assert written is not None
        assert written.health.survives >= 1


async def test_a_member_that_was_slow_a_moment_ago_makes_up_for_one_that_breaks_off() -> None:
    data = random_bytes(9 * MIB)
    async with world(4) as here:
        late = PiccoloError(Kind.TIMEOUT, "KEEPER_SLOW", "It was slow.")
        here.peers.failed(here.keepers[0].member.owner_id, late)
        here.keepers[1].dies_after_blocks = 2
        written = await here.put("/f", data)
        assert written is not None
        assert written.health.survives >= 1
        assert await here.get("/f") == data
