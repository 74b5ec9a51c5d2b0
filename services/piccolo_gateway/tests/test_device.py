"""What anybody may know of the device is asked for once for many who ask, and never old after a change."""

from __future__ import annotations

import asyncio

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.circle import Circle
from piccolo_gateway.engine.device import Device
from piccolo_gateway.ports.keys import Keys, KeyStatus
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.tests.conftest import World


class Asked:
    """Keys and circle that count; a test holds their answers back."""

    def __init__(self) -> None:
        self.state, self.asked, self.seconds = "locked", 0, 0.0
        self.flow, self.entered, self.away = asyncio.Event(), asyncio.Event(), False
        self.flow.set()

    async def status(self) -> KeyStatus:
        self.asked += 1
        self.entered.set()
        state = self.state
        await self.flow.wait()
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "AWAY", "It is away.")
        return KeyStatus(state, 0.0, (), recovering=False, fenced="")  # type: ignore[arg-type]

    async def get(self) -> Circle | None:
        return None


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def device(asked: Asked) -> Device:
    keys: Keys = asked  # type: ignore[assignment]
    return Device(keys, asked, Clock(lambda: 0, lambda: asked.seconds))  # type: ignore[arg-type]


async def test_many_at_once_are_one_question(asked: Asked, device: Device) -> None:
    asked.flow.clear()
    many = [asyncio.ensure_future(device.status("lan")) for _ in range(50)]
    await asyncio.sleep(0)
    many[0].cancel()
    asked.flow.set()
    told = await asyncio.gather(*many, return_exceptions=True)
    assert asked.asked == 1
    assert [one.keys for one in told[1:] if not isinstance(one, BaseException)] == ["locked"] * 49


async def test_after_a_change_or_a_while_it_is_asked_anew(asked: Asked, device: Device) -> None:
    await device.status("lan")
    asked.state = "unlocked"
    assert (await device.status("lan")).keys == "locked"
    device.stale()
    assert (await device.status("lan")).keys == "unlocked"
    asked.state = "locked"
    asked.seconds += 0.2
    assert (await device.status("lan")).keys == "locked"
    assert asked.asked == 3


async def test_a_question_from_before_a_change_does_not_answer_one_after_it(
    asked: Asked, device: Device
) -> None:
    asked.flow.clear()
    early = asyncio.ensure_future(device.status("lan"))
    await asked.entered.wait()
    asked.entered.clear()
    asked.state = "unlocked"
    device.stale()
    late = asyncio.ensure_future(device.status("lan"))
    await asked.entered.wait()
    asked.flow.set()
    assert ((await early).keys, (await late).keys) == ("locked", "unlocked")


async def test_a_failure_is_told_to_those_who_asked_and_not_kept(asked: Asked, device: Device) -> None:
    asked.away = True
    with pytest.raises(PiccoloError):
        await device.status("lan")
    asked.away = False
    assert (await device.status("lan")).keys == "locked"


async def test_a_call_that_locks_is_seen_at_once(world: World) -> None:
    assert (await world.client.status())["keys"] == "unlocked"
    await world.client.lock()
    assert (await world.client.status())["keys"] == "locked"
    await world.client.unlock()
    assert (await world.client.status())["keys"] == "unlocked"
