"""What a circle does right after one of its devices came back, or came back as another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from integration.circle import circle
from integration.client import ApiError, Client
from integration.device import Device

_SECONDS = 60.0
_SIZES = (10, 300_000, 6_000_000)


async def _restart_without(device: Device, service: str, file: str) -> None:
    """One of its files is lost while a service is stopped."""
    await device.stop([service])
    (device.state(service) / file).unlink()
    await device.run({service: device.settings(service)})


async def _taken(api: Client, path: str, data: bytes) -> None:
    """Writes until it is taken."""
    async with asyncio.timeout(_SECONDS):
        while await _refusal(api, path, data) is not None:  # noqa: ASYNC110 - it lives in other processes
            await asyncio.sleep(0.2)


async def _refusal(api: Client, path: str, data: bytes) -> str | None:
    try:
        await api.put(path, data)
    except ApiError as refused:
        if refused.reason != "PROMISE_OUT_OF_REACH":
            raise
        return refused.reason
    return None


@pytest.mark.circle
async def test_a_write_right_after_a_member_is_back_is_taken(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """However often it was tried in vain while the member was down; without it nothing could be written."""
    async with circle(tmp_path, 3) as made:
        api, peer, chance = made.owners[0].api, made.owners[1].device, Random(1)
        for size in _SIZES:
            data = chance.randbytes(size)
            await peer.stop(["fragment-store"])
            with pytest.raises(ApiError) as refused:
                await api.put(f"/{size}", data)
            assert refused.value.reason == "PROMISE_OUT_OF_REACH"
            await peer.run({"fragment-store": peer.settings("fragment-store")})
            await api.put(f"/{size}", data)
            assert await api.get(f"/{size}") == data


@pytest.mark.circle
async def test_two_devices_that_lose_a_key_at_once_find_each_other_again(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Each takes a new generation, for which it needs the other's promise, and has told nobody of it yet."""
    async with circle(tmp_path, 3) as made:
        api, (first, second) = made.owners[0].api, (made.owners[0].device, made.owners[1].device)
        await api.put("/before", b"before")
        await api.backed_up()
        async with asyncio.TaskGroup() as at_once:
            at_once.create_task(_restart_without(first, "metadata", "backup/key"))
            at_once.create_task(_restart_without(second, "fragment-store", "keys/signing.key"))
        await _taken(api, "/after", b"after")
        assert (await api.get("/before"), await api.get("/after")) == (b"before", b"after")
        await api.backed_up()
