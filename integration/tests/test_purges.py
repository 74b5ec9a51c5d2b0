"""Processes are killed while they purge: the owner's trash after 30 days, the keepers' after 45."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

from integration.bad_days.clocks import LeapingClocks, needs_faketime
from integration.bad_days.kills import NO_ANSWER
from integration.bad_days.owed import Owed
from integration.bad_days.promises import NOTHING
from integration.circle import Circle, circle
from integration.device import Device
from integration.owner import Owner

_SEED: Final = 31
_GONE: Final = 80
_KEPT: Final = 8
_LARGE: Final = 300_000  # in no pack: each has a fragment at each keeper
_SECONDS: Final = 120.0
_NAME_SIGNS: Final = 32
_PACKS: Final = 10  # so many more or fewer, as packs are written anew
BRISK: Final = {"look_seconds": 1.0, "chores_seconds": 1.0}


@needs_faketime
@pytest.mark.circle
async def test_what_is_purged_is_gone_in_the_end_and_nothing_else(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """The memory and the vault die while the trash is taken apart, then a keeper in the middle of its own."""
    clocks, chance = LeapingClocks.at(tmp_path / "clocks"), Random(_SEED)
    async with circle(tmp_path, 3, store=BRISK, plug=clocks.give) as made:
        owner = made.owners[0]
        owed = Owed(owner.api)
        await owed.api.reaches_all()
        await _written(owed, chance)
        keepers = [each.device for each in made.owners[1:]]
        live = {keeper.name: len(_kept(keeper, "live")) for keeper in keepers}
        await _into_the_trash(owed)

        await _owner_purges(owner, clocks, chance)
        async with asyncio.timeout(_SECONDS):
            while not all(len(_kept(each, "trash")) >= _GONE for each in keepers):  # noqa: ASYNC110 - other processes'
                await asyncio.sleep(0.2)
        await owed.look()

        cut_off = await _keepers_purge(made, keepers, clocks)
        assert cut_off, "a keeper died in the middle of its purge"
        await _unlocked(owner)
        await owed.look()
        for keeper in keepers:
            assert _KEPT < len(_kept(keeper, "live")) <= live[keeper.name] - _GONE + _PACKS
        await owed.put("/afterwards", b"as ever")
        await owed.heals(1)
        await owed.api.check(percent=100)
        await owed.look()


async def _written(owed: Owed, chance: Random) -> None:
    """What is to stay, and what is to go; small files of both lie in the same packs."""
    files = {f"/gone/{number}": chance.randbytes(_LARGE) for number in range(_GONE)}
    files |= {f"/kept/{number}": chance.randbytes(_LARGE) for number in range(_KEPT)}
    for number in range(20):
        files |= {f"/{where}/small {number}": chance.randbytes(900) for where in ("gone", "kept")}
    paths = sorted(files)
    for first in range(0, len(paths), 20):
        await asyncio.gather(*(owed.put(path, files[path]) for path in paths[first : first + 20]))


async def _into_the_trash(owed: Owed) -> None:
    gone = [path for path in owed.promises.paths() if path.startswith("/gone/")]
    for path in gone:
        owed.promises.asked(path, NOTHING)
    await owed.api.delete("/gone", recursive=True)
    for path in gone:
        owed.promises.acknowledged(path, NOTHING)


async def _owner_purges(owner: Owner, clocks: LeapingClocks, chance: Random) -> None:
    """Thirty-one days pass, and who purges dies soon after, again and again."""
    clocks.leap(31)
    for names in (["metadata"], ["vault"], ["metadata", "vault"]):
        await asyncio.sleep(chance.uniform(1.0, 3.0))  # the moment is what is at random
        await owner.device.kill(names)
        await owner.device.run({name: owner.device.settings(name) for name in names})
        await _unlocked(owner)
    async with asyncio.timeout(_SECONDS):
        while (await owner.api.ask("GET", "/trash"))["removed"]:
            clocks.leap(31)  # what passed and was not written down has not passed
            await asyncio.sleep(5.0)
            await _unlocked(owner)


async def _keepers_purge(made: Circle, keepers: list[Device], clocks: LeapingClocks) -> bool:
    """Forty-seven days pass; returns whether the first keeper died when some fragments were gone, not all."""
    victim, full = keepers[0], len(_kept(keepers[0], "trash"))
    watching = asyncio.create_task(asyncio.to_thread(_kill_in_the_middle, victim, full))
    clocks.leap(47)
    left = await watching
    await victim.kill(["fragment-store"])
    await victim.run({"fragment-store": victim.settings("fragment-store")})
    async with asyncio.timeout(_SECONDS):
        while any(_kept(keeper, "trash") for keeper in keepers):
            clocks.leap(47)
            await asyncio.sleep(5.0)
            for owner in made.owners:
                await _unlocked(owner)
    return 0 < left < full


def _kill_in_the_middle(keeper: Device, full: int) -> int:
    """Kills it as soon as some of its trash is gone, or nothing was for long; returns how much was left."""
    until = time.monotonic() + _SECONDS
    while len(_kept(keeper, "trash")) == full and time.monotonic() < until:
        pass
    os.killpg(keeper.services["fragment-store"].pid, signal.SIGKILL)
    return len(_kept(keeper, "trash"))


def _kept(keeper: Device, state: str) -> list[Path]:
    """The fragments there, without what lies beside them."""
    found = (keeper.state("fragment-store") / state).rglob("*")
    return [path for path in found if len(path.name) == _NAME_SIGNS and path.suffix == ""]


async def _unlocked(owner: Owner) -> None:
    """Logs in again, as people do after a month."""
    async with asyncio.timeout(_SECONDS):
        while True:
            try:
                await owner.api.log_in()
                return
            except NO_ANSWER:
                await asyncio.sleep(0.2)
