"""The vault's process goes between any two of its calls to the outside.

What was acknowledged is whole, what was not is whole or absent, and nothing old comes back over what was
written
since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import MIB, QUICK, World, world

# small enough that the many lives of a file are short ones
SWIFT = replace(QUICK, open_seconds=0.1, store_limit=MIB)
Action = Callable[[World], Awaitable[object]]


async def steps_of(action: Action, before: Action | None) -> int:
    async with world(4, SWIFT) as whole:
        if before:
            await before(whole)
        first = whole.steps.count
        await action(whole)
        return whole.steps.count - first


async def crash_at(here: World, step: int, after: bool, action: Action) -> bool:
    """Runs the action until that step; returns whether it ended before."""
    here.steps.stop_at, here.steps.after = here.steps.count + step, after
    running = asyncio.ensure_future(action(here))
    reached = asyncio.ensure_future(here.steps.reached.wait())
    await asyncio.wait({running, reached}, return_when=asyncio.FIRST_COMPLETED)
    ended = running.done() and not here.steps.reached.is_set()
    running.cancel()
    reached.cancel()
    outcome = (await asyncio.gather(running, reached, return_exceptions=True))[0]
    if isinstance(outcome, Exception) and not isinstance(outcome, PiccoloError):
        raise outcome
    await here.crash()
    return ended


async def content(here: World, path: str) -> bytes | None:
    try:
        return await here.get(path)
    except PiccoloError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        return None


async def offset_of(here: World, upload_id: str) -> int:
    try:
        return (await here.store.upload(upload_id)).offset
    except PiccoloError as error:
        if error.reason != "NO_UPLOAD":
            raise
        return 0


@pytest.mark.parametrize("size", [3_000, 400_000, 2 * MIB + 17], ids=["packed", "in one message", "streamed"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("locked", [False, True], ids=["unlocked", "locked"])
async def test_a_write_that_a_crash_cuts_off_leaves_all_or_nothing(
    size: int, after: bool, locked: bool
) -> None:
    old, new, newest = (random_bytes(size) for _ in range(3))

    async def before(here: World) -> None:
        await here.put("/f", old)

    async def action(here: World) -> None:
        await here.put("/f", new)

    for step in range(await steps_of(action, before)):
        async with world(4, SWIFT) as here:
            await before(here)
            acknowledged = await crash_at(here, step, after, action)
            here.keyring.locked = locked
            await here.store.maintenance._intents.settle(final=False)
            here.keyring.locked = False
            found = await content(here, "/f")
            assert found == new if acknowledged else found in (old, new), here.steps.names[-30:]
            await here.put("/f", newest)
            await here.store.maintenance._intents.settle(final=True)
            assert await content(here, "/f") == newest
            assert not here.objects.intents


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("other", [False, True], ids=["same content", "other content"])
async def test_a_named_upload_goes_on_after_a_crash_at_any_step(after: bool, other: bool) -> None:
    data = random_bytes(3 * MIB + 5)
    again = random_bytes(len(data)) if other else data
    name = "an-upload-that-goes-on"

    async def action(here: World) -> None:
        await here.put("/f", data, upload_id=name)

    for step in range(await steps_of(action, None)):
        async with world(4, SWIFT) as here:
            acknowledged = await crash_at(here, step, after, action)
            await here.store.maintenance._intents.settle(final=False)
            if acknowledged or "/f" in here.named():
                assert await content(here, "/f") == data
                continue
            offset = await offset_of(here, name)
            here.durable.clear()
            await here.put_rest("/f", again, offset, name)
            assert here.durable[0] == offset
            assert await content(here, "/f") == data[:offset] + again[offset:]


async def test_a_crash_with_keepers_away_is_settled_by_the_next_write_and_never_undone() -> None:
    first, second = random_bytes(2_000), random_bytes(2_000)
    async with world(4, SWIFT) as here:
        await here.put("/other", b"x")
        names: list[str] = []

        async def action(at: World) -> None:
            await at.put("/f", first)

        # the intent is journalled, and two keepers have committed
        names = here.steps.names
        before = len(names)
        await crash_at(here, 4, True, action)
        assert any("store" in each for each in names[before:]), names[before:]
        for keeper in here.keepers[:3]:
            keeper.down = True
        await here.store.maintenance._intents.settle(final=False)
        assert "/f" not in here.named()
        for keeper in here.keepers[:3]:
            keeper.down = False
        for keeper in here.keepers[3:]:
            keeper.down = True
        await here.put("/f", second)
        for keeper in here.keepers:
            keeper.down = False
        await here.store.maintenance._intents.settle(final=True)
        assert await here.get("/f") == second


async def test_a_repair_that_a_crash_cuts_off_is_done_by_the_next_one() -> None:
    data = random_bytes(2 * MIB + 1)

    async def before(here: World) -> None:
        await here.put("/f", data)
        lost = here.keepers[1]
        lost.fragments.clear()
        await here.store.health("/f", ask=True)

    async def action(here: World) -> None:
        await here.store.maintenance.repair_due(impatient=True)

    for after in (False, True):
        for step in range(await steps_of(action, before)):
            async with world(4, SWIFT) as here:
                await before(here)
                await crash_at(here, step, after, action)
                await here.store.maintenance.repair_due(impatient=True)
                health, _ = await here.store.health("/f", ask=True)
                assert health.placed == 4, (step, after)
                assert await here.get("/f") == data


async def test_a_deletion_that_a_crash_cuts_off_ends_buried_everywhere() -> None:
    async def before(here: World) -> None:
        await here.put("/f", b"x" * 1000)
        await here.put("/kept", b"y" * 1000)

    async def action(here: World) -> None:
        await here.store.delete("/f", recursive=False, expected_revision=None)

    for after in (False, True):
        for step in range(await steps_of(action, before)):
            async with world(4, SWIFT) as here:
                await before(here)
                await crash_at(here, step, after, action)
                if "/f" in here.named():
                    await action(here)
                await here.store.maintenance._reclaim()
                await here.store.maintenance._burial.deliver()
                assert here.holders() == 4
                assert await here.get("/kept") == b"y" * 1000
