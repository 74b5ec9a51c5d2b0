"""Clocks half a month off, in both directions, and jumping: nothing is lost and nothing is purged by them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.testing import Service

from integration.bad_days.clocks import DAY, WallClock, needs_faketime
from integration.bad_days.owed import Owed
from integration.circle import Circle, circle
from integration.client import ApiError
from integration.device import Cloud, Device
from integration.owner import Owner

_OFF = {"device-0": 0, "device-1": 15, "device-2": -15}


@needs_faketime
@pytest.mark.circle
async def test_a_circle_whose_clocks_disagree_by_a_month_and_jump(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """They join, store, back up, invite and delete as others do."""
    clocks: dict[str, WallClock] = {}

    def plug(box: Cloud | Device) -> None:
        if box.name in _OFF:
            clocks[box.name] = WallClock.of(box, _OFF[box.name])

    async with circle(tmp_path, 4, plug=plug) as made:
        all_owed = [Owed(owner.api) for owner in made.owners]
        for number, owed in enumerate(all_owed):
            await owed.api.reaches_all()
            assert (await owed.put(f"/{number}", bytes([number]) * 600_000)).health.survives >= 1
            await owed.api.backed_up()
        await _trash_is_kept(made, all_owed[3], clocks)
        await _jumps(made.owners[0], all_owed[0], clocks["device-0"])
        await _invitation_ends_by_the_inviters_clock(made, clocks["device-0"])
        for owed in all_owed:
            await owed.api.log_in()
            await owed.look()


async def _trash_is_kept(made: Circle, owed: Owed, clocks: dict[str, WallClock]) -> None:
    """A keeper's clock jumps over the trash's 45 days, back and forth: nothing in it is purged."""
    await owed.put("/buried", bytes(600_000))
    await owed.remove("/buried")
    await owed.look()
    keepers = [made.owners[number].device for number in (1, 2)]
    for keeper in keepers:
        await _until(lambda: _trash(keeper))  # noqa: B023 - it is awaited here
    before = {keeper.name: _trash(keeper) for keeper in keepers}
    for days in (75, -75, 0):
        for keeper in keepers:
            clocks[keeper.name].set(days)
            await keeper.stop(["fragment-store"])
            told = _told(keeper)
            await keeper.run({"fragment-store": keeper.settings("fragment-store")})
            after = _told(keeper)
            assert _trash(keeper) == before[keeper.name]
            assert after["seconds"] < DAY, "no time has passed"
            assert after["quiet_from"] >= told["seconds"], "and a clock that jumped is not believed for a day"


async def _jumps(owner: Owner, owed: Owed, clock: WallClock) -> None:
    """The owner's own clock jumps under running processes; sessions may end, files and backups go on."""
    points = [await _newest_backup(owed)]
    for number, days in enumerate((15, -15, 0)):
        clock.set(days)
        await _until_the_clock_is_seen(owner, days)
        await owed.api.log_in()
        assert (await owed.put(f"/jumped/{number}", bytes(3_000))).health.survives >= 1
        await owed.api.backed_up()
        points.append(await _newest_backup(owed))
        await owed.look()
    assert points == sorted(set(points)), "backups are in the order in which they were made"


async def _invitation_ends_by_the_inviters_clock(made: Circle, clock: WallClock) -> None:
    inviter, newcomer = made.owners[0], Owner.of(made.new_device(4), made.passphrase)
    made.owners.append(newcomer)
    old = await inviter.api.invite()
    clock.set(1.1)
    await _until_the_clock_is_seen(inviter, 1.1)
    await inviter.api.log_in()
    await newcomer.start()
    await newcomer.api.set_up()
    with pytest.raises(ApiError) as refused:
        await newcomer.api.join(old)
    assert refused.value.reason == "INVITATION_EXPIRED"
    await newcomer.api.join(await inviter.api.invite())
    clock.set(0)
    await newcomer.api.knows_members(5)


async def _newest_backup(owed: Owed) -> int:
    return int((await owed.api.backup())["seq"])


def _trash(keeper: Device) -> set[str]:
    state = keeper.state("fragment-store")
    return {str(path.relative_to(state)) for path in state.glob("trash/*/*/*")}


def _told(keeper: Device) -> dict[str, Any]:
    """What the keeper has written down of the time."""
    return dict(json.loads((keeper.state("fragment-store") / "clock").read_bytes()))


async def _until(seen: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not seen():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.1)


async def _until_the_clock_is_seen(owner: Owner, days: float) -> None:
    """Returns when all that answers for the device dates its log by the moved clock."""
    async with asyncio.timeout(60):
        while not all(_dated(service, days) for service in owner.device.services.values()):
            await owner.api.status()
            await owner.api.health()
            await owner.api.members()


def _dated(service: Service, days: float) -> bool:
    if service.name == "fragment-store":
        return True  # nobody asked it anything
    told = datetime.fromisoformat(service.log()[-1]["time"])
    return abs((told - datetime.now(UTC)).total_seconds() - days * DAY) < DAY / 24
