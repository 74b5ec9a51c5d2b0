"""A member that lies, with its own real keys: its receipts, its blocks, its old commit records."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Final

import pytest

from integration.bad_days.liar import Lie, lying
from integration.bad_days.owed import Owed
from integration.circle import circle

_SEED: Final = 71
_SIZES: Final = (5_000, 700_000, 6_000_000)


@pytest.mark.circle
async def test_no_lie_is_counted_and_none_is_read(tmp_path: Path, no_leaked_processes: None) -> None:
    """A forged receipt costs the liar its fragment; bytes that are not the root's are read around."""
    async with circle(tmp_path, 4) as made:
        owner, liar = made.owners[0], made.owners[1]
        owed, chance = Owed(owner.api), Random(_SEED)
        member, mine = await liar.api.owner_id(), await owner.api.owner_id()
        await owed.api.reaches_all()
        for lie in (Lie.OTHER_KEY, Lie.OTHER_ROOT):
            async with lying(liar.device, lie, member, mine) as there:
                await owed.api.reaches_all()
                for size in _SIZES:
                    path = f"/{lie.name}/{size}"
                    assert (await owed.put(path, chance.randbytes(size))).health.survives == 1
                    assert liar.device.name not in await _keepers(owed, path), "the liar is not counted"
                assert there.kept, "it was given something to lie about"
                assert (await owed.api.health()).repairs > 0
                await owed.look()
            await owed.api.reaches_all()
            await owed.api.repair()
        async with lying(liar.device, Lie.BYTES, member, mine) as there:
            await owed.api.reaches_all()
            for size in _SIZES:
                await owed.put(f"/changed/{size}", chance.randbytes(size))
                await owed.api.backed_up()
                await owed.put(f"/changed/{size}", chance.randbytes(size))
            await owed.look()
            found = json.loads((await owed.api.check(percent=100))["result"])
            assert found["blocks_wrong"] >= len(_SIZES)
            assert there.asked, "it was asked for bytes"
            await owner.burn()
            await owner.start()
            await owner.api.recover()
            await owed.look()
        await owed.api.reaches_all()
        await owed.api.check()
        await owed.heals(2)  # and what it never had was made anew
        await owed.look()


async def _keepers(owed: Owed, path: str) -> set[str]:
    """Who is believed to have a fragment of a file."""
    async with owed.api.http.get(f"/api/v1/health{path}") as response:
        told = await response.json()
    return {each["keeper_name"] for each in told["fragments"] if each["state"] == "placed"}
