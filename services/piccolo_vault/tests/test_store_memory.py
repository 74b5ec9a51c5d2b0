"""A large file never needs more memory than the window, the pipeline and the read-ahead."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from piccolo_vault.engine.files import WriteStart
from piccolo_vault.engine.read import ReadHead
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, world


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
