"""The machine's figures."""

from __future__ import annotations

from pathlib import Path

from piccolo_gateway.adapters.own_machine import OwnMachine
from piccolo_gateway.tests.conftest import World


def test_a_machine_has_something_and_uses_some_of_it(tmp_path: Path) -> None:
    first, second = OwnMachine(tmp_path).look(), OwnMachine(tmp_path).look()
    assert 0 < first.memory_free_bytes < first.memory_bytes
    assert 0 < first.disk_free_bytes < first.disk_bytes
    assert second.time > first.time
    assert second.busy_seconds >= first.busy_seconds > 0


async def test_its_owner_sees_it_and_a_stranger_does_not(world: World) -> None:
    status, body = await world.json("GET", "/machine")
    assert (status, body["cores"] >= 1) == (200, True)
    async with world.stranger() as stranger:
        assert (await stranger.json("GET", "/machine"))[0] == 401
