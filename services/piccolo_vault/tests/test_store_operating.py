"""Operations come to an end that is told, whatever dies."""

from __future__ import annotations

import asyncio

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.engine.storage.operating import Operating
from piccolo_vault.ports.objects import Progress
from piccolo_vault.testing import FakeOperations
from piccolo_vault.tests.world import MIB, World, world


class Away(FakeOperations):
    """Metadata that is away for the first calls."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def running(self, kinds: object) -> list[str]:
        self._fail()
        return await super().running(("check", "repair"))

    async def advance(self, operation_id: str, progress: Progress) -> bool:
        self._fail()
        return await super().advance(operation_id, progress)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise PiccoloError(Kind.UNAVAILABLE, "UNAVAILABLE", "Metadata is away.")


def operating(here: World, operations: FakeOperations) -> Operating:
    here.context.operations = operations
    return Operating(here.context)


@pytest.mark.parametrize("failures", [0, 2])
async def test_what_an_earlier_process_left_running_was_interrupted(failures: int) -> None:
    async with world(2) as here:
        operations = Away(failures)
        left = await operations.start("check", "", "objects")
        others = await operations.start("restore", "", "files")
        await operating(here, operations).run()
        assert (await operations.ended(left)).error_reason == "INTERRUPTED"
        assert not operations.progress[others]


async def test_an_operation_of_this_process_is_left_alone_and_its_end_insisted_on() -> None:
    async with world(2) as here:
        operations, go_on = Away(0), asyncio.Event()
        mine = operating(here, operations)

        async def work(_: str) -> None:
            await go_on.wait()
            operations.failures = 2
            raise PiccoloError(Kind.FULL, "NO_ROOM", "There is no room.")

        running = await mine.begin("repair", "", "objects", work)
        await mine.run()
        assert not operations.progress[running]
        go_on.set()
        assert (await operations.ended(running)).error_reason == "NO_ROOM"


async def test_a_check_that_a_crash_cut_off_is_told_after_the_start() -> None:
    async with world(2) as here:
        await here.put("/f", bytes(2 * MIB))
        for keeper in here.keepers:
            keeper.hangs = True
        cut_off = await here.store.check("", 100)
        await here.crash()
        here.store.start()
        assert (await here.operations.ended(cut_off)).error_reason == "INTERRUPTED"
