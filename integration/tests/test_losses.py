"""More losses than promised, a member removed under a reader, and uploads that are cut and taken up again."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
import pytest

from integration.bad_days.owed import Owed
from integration.circle import Circle, circle
from integration.client import ApiError
from integration.device import SERVICES

_SEED = 53
_SEGMENT: Final = 1_048_576
_TUS: Final = {"Tus-Resumable": "1.0.0"}


@pytest.mark.circle
async def test_what_is_lost_is_told_and_heals_and_nothing_is_read_wrong(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """One circle of five: uploads cut at every border, a removal under a reader, then one loss too many."""
    async with circle(tmp_path, 5) as made:
        owed = Owed(made.owners[0].api)
        await owed.api.reaches_all()
        await _cut_at_every_border(owed)
        await _one_loss_too_many(made, owed)
        await _removed_under_a_reader(made, owed)
        await owed.look()


async def _cut_at_every_border(owed: Owed) -> None:
    """Resumed with other content, what comes out is what was durable, and then the other: never a mixture."""
    chance, count = Random(_SEED), 5
    first, other = (chance.randbytes(count * _SEGMENT + 7) for _ in range(2))
    borders = [number * _SEGMENT + off for number in range(count + 1) for off in (-1, 0, 1)]
    borders = [border for border in borders if 0 < border < len(first)]
    for border in borders:
        await _cut_and_resumed(owed, border, first, other)


async def _cut_and_resumed(owed: Owed, border: int, first: bytes, other: bytes) -> None:
    path = f"/cut/{border}"
    where = await _begin(owed, path, len(first))
    await _patch_and_vanish(owed, where, first[:border])
    with pytest.raises(ApiError):
        await owed.api.get(path)
    while not await _resumed(owed, where, durable := await _offset(owed, where), other):
        pass  # what had come of the old request was still being taken in
    assert durable <= border
    assert await owed.api.get(path) == first[:durable] + other[durable:]


async def _begin(owed: Owed, path: str, size: int) -> str:
    name = base64.b64encode(path.encode()).decode()
    headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": f"path {name}"}
    async with owed.api.http.post("/api/v1/uploads", headers=headers) as response:
        assert response.status == 201, await response.text()
        return str(response.headers["Location"])


async def _patch_and_vanish(owed: Owed, where: str, data: bytes) -> None:
    """Sends so much of what was announced as more, and is gone."""
    sent = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield data
        sent.set()
        await asyncio.Event().wait()

    headers = {**_TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    patching = asyncio.ensure_future(owed.api.http.patch(where, data=body(), headers=headers).__aenter__())
    await sent.wait()
    patching.cancel()
    await asyncio.gather(patching, return_exceptions=True)


async def _resumed(owed: Owed, where: str, durable: int, other: bytes) -> bool:
    """Sends the rest; returns whether the upload was where it was said to be."""
    headers = {**_TUS, "Upload-Offset": str(durable), "Content-Type": "application/offset+octet-stream"}
    body = io.BytesIO(other[durable:])
    async with owed.api.http.patch(where, data=body, headers=headers) as response:
        assert response.status in (204, 409), await response.text()
        return response.status == 204


async def _offset(owed: Owed, where: str) -> int:
    """How far the device has it, once it has noticed that the client is gone."""
    async with asyncio.timeout(60):
        while True:
            async with owed.api.http.head(where, headers=_TUS) as response:
                if response.status == 200:
                    return int(response.headers["Upload-Offset"])
            await asyncio.sleep(0.1)


async def _one_loss_too_many(made: Circle, owed: Owed) -> None:
    """Two of four may go; with three gone it is said which file, and who must come back.

    With the first that is back it can be read; what then lies with two devices is doubled there at once.
    """
    await owed.put("/needed", Random(_SEED).randbytes(5_000_000))
    await owed.api.heals(2, "/needed")
    lost = made.owners[1:4]
    for owner in lost:
        await owner.device.kill(SERVICES)
    with pytest.raises((ApiError, aiohttp.ClientError)) as refused:
        await owed.api.get("/needed")
    if isinstance(refused.value, ApiError):
        assert refused.value.reason == "FRAGMENTS_AWAY"
        assert any(owner.device.name in str(refused.value) for owner in lost)
    health = await owed.api.health("/needed")
    assert health.survives == -1
    assert health.words == "cannot be read now: 1 more fragment must come back"
    async with asyncio.timeout(30):
        while not (total := await owed.api.health()).unreadable:  # noqa: ASYNC110 - it is looked at
            await asyncio.sleep(0.2)  # what is told of everything may be ten seconds old
    assert set(total.away) == {owner.device.name for owner in lost}
    assert (await owed.refused("/while they are away", bytes(600_000))).reason in _NOBODY
    for number, owner in enumerate(lost):
        await owner.device.start()
        await owner.api.log_in()
        async with asyncio.timeout(90):
            while (await owed.api.health("/needed")).survives < min(number, 1):  # noqa: ASYNC110 - it is looked at
                await asyncio.sleep(0.2)
        await owed.look("/needed")
    await owed.api.reaches_all()


_NOBODY: Final = ("PROMISE_OUT_OF_REACH", "NO_KEEPERS", "TWO_DEVICES")


async def _removed_under_a_reader(made: Circle, owed: Owed) -> None:
    """The owner's admins remove a member as compromised while a file is read that lies with it."""
    data = Random(_SEED + 1).randbytes(40_000_000)
    await owed.put("/read", data)
    goner = await made.owners[4].api.owner_id()
    got, reading = bytearray(), owed.api.read("/read")
    got += await anext(reading)
    proposal = await owed.api.propose_removal(goner, "compromised")
    for admin in made.owners[:2]:
        await admin.api.approve(proposal)
    async with asyncio.timeout(60):
        while not await _is_removed(owed, goner):  # noqa: ASYNC110 - other processes agree on it
            await asyncio.sleep(0.1)
    async for piece in reading:
        got += piece
    assert bytes(got) == data


async def _is_removed(owed: Owed, owner_id: str) -> bool:
    return any(
        member["owner_id"] == owner_id and member["state"] == "compromised"
        for member in await owed.api.members()
    )
