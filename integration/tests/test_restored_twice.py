"""The same words on several devices at once: one is the owner's, the others stop and say so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from integration.bad_days.owed import Owed
from integration.circle import Circle, circle
from integration.client import ApiError, OperationFailedError
from integration.owner import Owner

_SEED = 31
_SECONDS = 120


@pytest.mark.circle
async def test_of_two_devices_restored_at_once_and_the_old_one_exactly_one_goes_on(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Whoever wins has everything; the others are told by whom and since when, and write nothing."""
    async with circle(tmp_path, 4) as made:
        old, chance = made.owners[0], Random(_SEED)
        owed = Owed(old.api)
        for number in range(3):
            await owed.put(f"/{number}", chance.randbytes(300_000))
        await owed.api.backed_up()
        twins = [await _blank(made, number, old) for number in (10, 11)]
        ended = await asyncio.gather(*(_recover(twin) for twin in twins))
        assert any(ended), "one of them has the words' files"
        async with asyncio.timeout(_SECONDS):
            while len(going := await _going(old, *twins)) > 1:  # noqa: ASYNC110 - other processes decide
                await asyncio.sleep(0.2)
        (winner,) = going
        assert winner is not old
        await _others_write_nothing(made, [each for each in (old, *twins) if each is not winner])
        for device in (old, winner):  # the one that was replaced reads on
            owed.api = device.api
            await owed.look()
        await owed.put("/the winner's", chance.randbytes(300_000))
        await owed.api.backed_up()
        await owed.look()


async def _blank(made: Circle, number: int, old: Owner) -> Owner:
    """A new box, and the words of an owner whose old one still runs."""
    twin = Owner.of(made.new_device(number), made.passphrase)
    made.owners.append(twin)
    twin.api.words = old.api.words
    await twin.start()
    return twin


async def _recover(twin: Owner) -> bool:
    """Whether it had the owner's files at the end; the other twin may have taken over before that."""
    try:
        await twin.api.recover(_SECONDS)
    except (ApiError, OperationFailedError):
        if (await twin.api.status())["keys"] == "unlocked":
            await twin.api.log_in()
        return False
    return True


async def _going(*devices: Owner) -> list[Owner]:
    return [each for each in devices if not await _stopped(each)]


async def _stopped(owner: Owner) -> bool:
    """Whether this device knows that it is not, or not any more, the owner's."""
    if (await owner.api.status())["keys"] != "unlocked":
        return True
    return bool((await owner.api.circle())["fenced"])


async def _others_write_nothing(made: Circle, losers: list[Owner]) -> None:
    before = _kept(made)
    for loser in losers:
        with pytest.raises(ApiError) as refused:
            await loser.api.put("/the loser's", bytes(300_000))
        if (await loser.api.status())["keys"] == "unlocked":
            assert refused.value.reason == "FENCED"
            assert "generation" in (await loser.api.circle())["fenced"]
            async with asyncio.timeout(_SECONDS):
                while not (await loser.api.backup())["fenced"]:  # noqa: ASYNC110 - it hears at its next entry
                    await asyncio.sleep(0.2)
    assert _kept(made) == before


def _kept(made: Circle) -> set[str]:
    """All fragments at all members."""
    stores = [owner.device.state("fragment-store") for owner in made.owners]
    return {str(path) for store in stores for path in store.rglob("live/*/*/*")}
