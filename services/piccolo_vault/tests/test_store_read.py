"""A file's way out: sizes, ranges, keepers that lie, are slow or gone."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.manifest import Layout

from piccolo_vault.core.storage.manifests import read_layout
from piccolo_vault.engine.storage.fetch import Source
from piccolo_vault.engine.storage.stripe_cache import StripeCache
from piccolo_vault.engine.storage.uploads import Interrupt
from piccolo_vault.testing import FakeKeeper, random_bytes
from piccolo_vault.tests.world import MIB, Bytes, World, world

SIZES = [0, 1, 262_144, 262_145, MIB - 1, MIB, MIB + 1, 4 * MIB, 4 * MIB + 1, 7 * MIB, 7 * MIB + 5]


def keepers_by_index(here: World, path: str) -> list[FakeKeeper]:
    """The keepers of a file's fragments, in the order of the fragments."""
    entry = here.objects.entries[path]
    stored = here.objects.objects[here.objects.versions[entry.version_id].object_id]
    by_owner = {keeper.member.owner_id: keeper for keeper in here.keepers}
    return [by_owner[owner] for owner in read_layout(stored.layout).keepers if owner]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lost", [0, 4])
async def test_what_was_written_is_read(size: int, lost: int) -> None:
    data = random_bytes(size)
    async with world() as here:
        written = await here.put("/f", data, media="text/plain", modified=12)
        assert written is not None
        assert written.size == size
        assert written.health.words == "survives the loss of any 4 of 9 devices"
        for keeper in keepers_by_index(here, "/f")[:lost]:
            keeper.down = True
        sink = Bytes()
        await here.store.read("/f", sink)
        assert bytes(sink.content) == data
        assert sink.told is not None
        assert (sink.told.size, sink.told.entry.media, sink.told.entry.modified) == (size, "text/plain", 12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 9 * MIB), st.integers(0, 9 * MIB), st.sampled_from([100_000, 3 * MIB + 7, 9 * MIB]))
def test_any_range_is_that_range(offset: int, length: int, size: int) -> None:
    async def body() -> None:
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        async with world(4) as here:
            await here.put("/f", data)
            if offset > size:
                with pytest.raises(PiccoloError) as refused:
                    await here.get("/f", offset, length)
                assert refused.value.kind is Kind.OUT_OF_RANGE
            else:
                assert await here.get("/f", offset, length) == data[offset : offset + length]
                assert await here.get("/f", offset) == data[offset:]

    asyncio.run(body())


async def test_a_range_asks_for_its_own_blocks_only() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(40 * MIB))
        for keeper in here.keepers:
            keeper.gets = 0
        await here.get("/f", 17 * MIB + 3, 100)
        assert sum(keeper.gets for keeper in here.keepers) <= 3


@pytest.mark.parametrize("size", [5_000, 900_000, 6 * MIB])
async def test_lying_keepers_are_found_out_left_out_and_repaired(size: int) -> None:
    data = random_bytes(size)
    async with world() as here:
        await here.put("/f", data)
        liars = keepers_by_index(here, "/f")[:3]
        for keeper in liars:
            keeper.lies_on_get = True
        assert await here.get("/f") == data
        assert len(here.objects.repairs) == 1
        for keeper in liars:
            keeper.gets = 0
        assert await here.get("/f") == data
        assert not any(keeper.gets for keeper in liars)
        for keeper in liars:
            keeper.lies_on_get = False
            keeper.fragments.clear()
        await here.store.maintenance.repair_due(impatient=False)
        assert (await here.store.health("/f", ask=True))[0].placed == 9


async def test_the_files_of_a_pack_are_fetched_together_and_only_once() -> None:
    async with world() as here:
        files = {f"/{number}": random_bytes(3_000) for number in range(200)}
        await asyncio.gather(*(here.put(path, data) for path, data in files.items()))
        for keeper in here.keepers:
            keeper.asked.clear()
        assert (
            dict(zip(files, await asyncio.gather(*(here.get(path) for path in files)), strict=True)) == files
        )
        for path, data in files.items():
            assert await here.get(path) == data
        stripes = sum(read_layout(stored.layout).plan().count for stored in here.objects.objects.values())
        asked = sum((keeper.asked for keeper in here.keepers), Counter[tuple[bytes, int]]())
        assert 5 * stripes <= asked.total() <= 9 * stripes  # a slow machine makes a hedge of any of them
        assert set(asked.values()) == {1}


async def test_kept_stripes_are_bounded_and_a_failed_fetch_is_tried_by_the_next() -> None:
    asked: list[range] = []
    layout = await layout_of_a_pack()
    source = Source(layout, frozenset())

    async def bring(_: Source, stripes: range) -> list[bytes]:
        asked.append(stripes)
        await asyncio.sleep(0)
        if len(asked) == 1:
            raise PiccoloError(Kind.UNAVAILABLE, "FRAGMENTS_AWAY", "Away.")
        return [bytes([stripe]) * 100 for stripe in stripes]

    cache = StripeCache(bring, 350)
    both = await asyncio.gather(
        cache.get(source, range(2)), cache.get(source, range(2)), return_exceptions=True
    )
    assert isinstance(both[0], PiccoloError)
    assert both[1] == bytes(100) + b"\x01" * 100
    assert await cache.get(source, range(1, 4)) == b"\x01" * 100 + b"\x02" * 100 + b"\x03" * 100
    assert asked == [range(2), range(2), range(2, 4)]
    assert await cache.get(source, range(1)) == bytes(100)
    assert asked[-1] == range(1)


async def layout_of_a_pack() -> Layout:
    async with world(4) as here:
        await here.put("/f", b"x")
        (stored,) = here.objects.objects.values()
        return read_layout(stored.layout)


async def test_more_liars_than_can_be_borne_is_loss_and_says_so() -> None:
    async with world() as here:
        await here.put("/f", random_bytes(300_000))
        for keeper in here.keepers[:5]:
            keeper.lies_on_get = True
        with pytest.raises(PiccoloError) as refused:
            await here.get("/f")
        assert refused.value.kind is Kind.DATA_LOSS


async def test_too_many_away_names_them_and_says_how_many_must_return() -> None:
    async with world() as here:
        await here.put("/f", random_bytes(300_000))
        for keeper in here.keepers[:6]:
            keeper.down = True
        with pytest.raises(PiccoloError, match="2 of these members must come back") as refused:
            await here.get("/f")
        assert refused.value.kind is Kind.UNAVAILABLE
        assert "member-0" in refused.value.message
        for keeper in here.keepers[:2]:
            keeper.down = False
        assert len(await here.get("/f")) == 300_000


async def test_a_hanging_keeper_is_hedged_and_then_avoided() -> None:
    data = random_bytes(16 * MIB)
    async with world() as here:
        await here.put("/f", data)
        keepers_by_index(here, "/f")[0].hangs = True
        began = asyncio.get_running_loop().time()
        assert await here.get("/f") == data
        assert await here.get("/f") == data
        assert asyncio.get_running_loop().time() - began < 3.0


async def test_a_keeper_that_lost_its_fragments_is_replaced_at_once() -> None:
    data = random_bytes(6 * MIB)
    async with world() as here:
        await here.put("/f", data)
        for keeper in keepers_by_index(here, "/f")[:4]:
            keeper.fragments.clear()
        assert await here.get("/f") == data


async def test_doubled_fragments_are_both_used_when_others_are_gone() -> None:
    data = random_bytes(6 * MIB)
    async with world(4) as here:
        here.keepers[0].down = here.keepers[1].down = True
        await here.put("/f", data)
        here.keepers[2].down = True
        assert await here.get("/f") == data


async def test_a_read_that_is_ended_from_outside_says_why() -> None:
    async with world() as here:
        await here.put("/f", random_bytes(24 * MIB))

        class Ending(Bytes):
            async def data(self, data: bytes | memoryview) -> None:
                here.store.forget()

        with pytest.raises(PiccoloError) as ended:
            await here.store.read("/f", Ending())
        assert ended.value.kind is Kind.LOCKED


async def test_a_client_that_stops_taking_holds_a_bounded_read_ahead() -> None:
    async with world() as here:
        await here.put("/f", random_bytes(64 * MIB))
        for keeper in here.keepers:
            keeper.gets = 0
        full = asyncio.Event()

        class Stuck(Bytes):
            async def data(self, data: bytes | memoryview) -> None:
                full.set()
                await asyncio.Event().wait()

        reading = asyncio.ensure_future(here.store.read("/f", Stuck()))
        await full.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        batches = sum(keeper.gets for keeper in here.keepers) / 5
        assert batches <= 6


async def test_swapped_or_altered_content_is_never_handed_out() -> None:
    from dataclasses import replace

    async with world(4) as here:
        await here.put("/a", random_bytes(900_000))
        await here.put("/b", random_bytes(900_000))
        versions = {p: here.objects.versions[e.version_id] for p, e in here.objects.entries.items()}
        versions["/a"].file = replace(versions["/a"].file, content=versions["/b"].file.content)
        sink = Bytes()
        with pytest.raises(PiccoloError) as refused:
            await here.store.read("/a", sink)
        assert refused.value.kind is Kind.DATA_LOSS
        assert not sink.content


def test_an_interrupt_keeps_its_first_reason() -> None:
    interrupt = Interrupt()
    interrupt.check()
    first = PiccoloError(Kind.LOCKED, "LOCKED", "first")
    interrupt.set(first)
    interrupt.set(PiccoloError(Kind.UNAVAILABLE, "STOPPING", "second"))
    with pytest.raises(PiccoloError, match="first"):
        interrupt.check()
