"""A large file never needs more memory than the window, the pipeline and the read-ahead."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from piccolo_vault.engine.storage.files import WriteStart
from piccolo_vault.engine.storage.read import ReadHead
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, world


@contextmanager
def growth(limit: int) -> Iterator[None]:
    """Fails when more than `limit` bytes are held at any time, beyond what was held before."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak / MIB:.0f} MiB at the peak"


async def test_half_a_gibibyte_goes_in_through_a_small_window() -> None:
    piece = random_bytes(MIB)
    async with world(9) as here:
        for keeper in here.keepers:
            keeper.forgetful = True
        await here.put("/warm", bytes(6 * MIB))
        with growth(96 * MIB):
            written = await here.put_pieces(
                WriteStart("/f", upload_id="a-very-large-upload"), (piece for _ in range(512)), 512 * MIB
            )
        assert written is not None
        assert written.size == 512 * MIB


async def test_a_slow_keeper_does_not_fill_the_memory() -> None:
    piece = random_bytes(MIB)
    async with world(9) as here:
        for keeper in here.keepers:
            keeper.forgetful = True
        await here.put("/warm", bytes(6 * MIB))
        here.keepers[3].seconds_per_message = 0.1
        with growth(96 * MIB):
            await here.put_pieces(WriteStart("/f"), (piece for _ in range(160)), 160 * MIB)


async def test_reading_ahead_is_bounded() -> None:
    class Counting:
        taken = 0

        async def head(self, head: ReadHead) -> None:
            return

        async def data(self, data: bytes | memoryview) -> None:
            self.taken += len(data)

    async with world(4) as here:
        await here.put("/f", random_bytes(128 * MIB))
        sink = Counting()
        with growth(80 * MIB):
            await here.store.read("/f", sink)
        assert sink.taken == 128 * MIB


async def test_many_writers_at_once_hold_bounded_plaintext() -> None:
    settings = replace(QUICK, larger_at_once=4, uploads_at_once=2, window=8 * MIB, idle_seconds=30.0)
    async with world(4, settings) as here:
        for keeper in here.keepers:
            keeper.forgetful = True
        await here.put("/warm", bytes(6 * MIB))
        piece = random_bytes(MIB)
        with growth(128 * MIB):
            writes = [
                here.put_pieces(WriteStart(f"/{number}"), (piece for _ in range(6)), 6 * MIB)
                for number in range(60)
            ]
            results = await asyncio.gather(*writes)
        assert all(results)


async def test_many_slow_readers_hold_bounded_plaintext() -> None:
    class Stuck:
        def __init__(self) -> None:
            self.reached = asyncio.Event()

        async def head(self, head: ReadHead) -> None:
            return

        async def data(self, data: bytes | memoryview) -> None:
            self.reached.set()
            await asyncio.Event().wait()

    readers, batches = 60, QUICK.batches_at_once * QUICK.batch
    async with world(4) as here:
        await here.put("/f", random_bytes(48 * MIB))
        # a segment for each reader; what is fetched, and the same again while it is opened; room for the rest
        with growth(readers * MIB + 2 * batches + 48 * MIB):
            sinks = [Stuck() for _ in range(readers)]
            reads = [asyncio.ensure_future(here.store.read("/f", sink)) for sink in sinks]
            await asyncio.gather(*(sink.reached.wait() for sink in sinks))
            for read in reads:
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
