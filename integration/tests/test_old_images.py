"""A member that comes back with the disk of an earlier day, and one whose disk was tampered with."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from piccolo_formats.fragment_file import HEADER_SIZE

from integration.bad_days.clocks import WallClock, needs_faketime
from integration.bad_days.owed import Owed
from integration.circle import circle
from integration.device import Cloud, Device

_SEED = 41


@asynccontextmanager
async def _disk_of(keeper: Device) -> AsyncIterator[Path]:
    """A keeper's fragments, while it is down."""
    await keeper.stop(["fragment-store"])
    yield keeper.state("fragment-store")
    await keeper.run({"fragment-store": keeper.settings("fragment-store")})


@pytest.mark.circle
async def test_a_member_that_comes_back_with_an_old_disk_raises_nothing_and_buries_nothing(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """What it lost is repaired, what it should not have any more does no harm, also not in a recovery."""
    async with circle(tmp_path / "c", 4) as made:
        owner, keeper = made.owners[0], made.owners[1].device
        owed, chance = Owed(owner.api), Random(_SEED)
        for name in ("kept", "removed", "changed"):
            await owed.put(f"/{name}", chance.randbytes(600_000))
        async with _disk_of(keeper) as disk:
            await asyncio.to_thread(shutil.copytree, disk, tmp_path / "image")
        await owed.api.reaches_all()
        await owed.remove("/removed")
        for name in ("changed", "new"):
            await owed.put(f"/{name}", chance.randbytes(600_000))
        await owed.api.backed_up()
        async with _disk_of(keeper) as disk:
            await asyncio.to_thread(shutil.rmtree, disk)
            await asyncio.to_thread(shutil.copytree, tmp_path / "image", disk)
        await owed.api.reaches_all()
        await owed.api.check()
        await owed.heals(2)  # what the old disk lacks was made anew
        await owed.look()
        await owner.burn()
        await owner.start()
        await owner.api.recover()
        await owed.look()
        there = {entry["path"] async for entry in owed.api.list() if entry["version_id"]}
        assert there - {"/lost+found/removed"} == set(owed.promises.there())


@needs_faketime
@pytest.mark.circle
async def test_a_member_that_comes_back_after_a_week_hears_what_was_buried(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Meanwhile what it kept was rebuilt elsewhere; it gives up what was deleted, and helps again."""
    clocks: list[WallClock] = []

    def plug(box: Cloud | Device) -> None:
        clocks.append(WallClock.of(box))

    async with circle(tmp_path, 5, store={"look_seconds": 1.0, "chores_seconds": 1.0}, plug=plug) as made:
        owner, keeper = made.owners[0], made.owners[4].device
        owed, chance = Owed(owner.api), Random(_SEED)
        for number in range(3):
            await owed.put(f"/removed/{number}", chance.randbytes(600_000))
        await owed.heals(2)
        stale = _live(keeper)
        for name in ("kept", "changed"):
            await owed.put(f"/{name}", chance.randbytes(600_000))
        await keeper.kill()
        for number in range(3):
            await owed.remove(f"/removed/{number}")
        for name in ("changed", "new"):
            await owed.put(f"/{name}", chance.randbytes(600_000))
        await owed.api.backed_up()
        for clock in clocks:
            clock.set(7)
        await owed.api.log_in()
        await owed.look()
        await keeper.start()
        async with asyncio.timeout(120):
            while stale & _live(keeper):  # noqa: ASYNC110 - other processes tell it
                await asyncio.sleep(0.2)
        await owed.look()
        await owner.burn()
        await owner.start()
        await owner.api.recover()
        await owed.look()
        there = {entry["path"] async for entry in owed.api.list() if entry["version_id"]}
        assert there == set(owed.promises.there())


def _live(keeper: Device) -> set[str]:
    """The fragments that it holds as alive."""
    return {path.name for path in keeper.state("fragment-store").glob("live/*/*/*")}


@pytest.mark.circle
async def test_a_member_whose_disk_was_tampered_with_never_makes_a_wrong_byte(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Wrong bytes, a fragment in another's place, a cut and an empty one: read around, found and repaired."""
    async with circle(tmp_path, 4) as made:
        owed, chance = Owed(made.owners[0].api), Random(_SEED)
        for number in range(5):
            await owed.put(f"/{number}", chance.randbytes(600_000))
        await owed.heals(2)  # yes is said before the last member has its fragment
        for other in made.owners[1:3]:
            async with _disk_of(other.device) as disk:
                _tamper(disk, chance)
        await owed.api.reaches_all()
        await owed.look()
        found = json.loads((await owed.api.check(percent=100))["result"])
        assert found["damaged"] >= 5
        await owed.heals(2)
        await owed.api.check(percent=100)
        await owed.heals(2)  # the check found nothing more
        await owed.look()


def _tamper(disk: Path, chance: Random) -> None:
    """Harms every fragment in another way; the index is left believing in all."""
    fragments = sorted(path for path in disk.glob("live/*/*/*") if path.suffix != ".record")
    assert len(fragments) >= 5
    first = fragments[0].read_bytes()
    fragments[1].write_bytes(first)
    fragments[2].write_bytes(fragments[2].read_bytes()[: len(first) // 2])
    fragments[3].write_bytes(b"")
    for path in (fragments[0], *fragments[4:]):
        content = bytearray(path.read_bytes())
        content[HEADER_SIZE + chance.randrange(600_000)] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
