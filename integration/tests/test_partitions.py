"""A circle that falls into two, one way and both ways, and grows together again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Final

import pytest

from integration.bad_days.owed import Owed
from integration.bad_days.wire import Way, Wires, only_root
from integration.bad_days.wired import wired
from integration.circle import Circle
from integration.client import Client

_SEED: Final = 61
_PROMISED_SECONDS: Final = 30.0
_IN_WORDS: Final = ("PROMISE_OUT_OF_REACH", "NO_KEEPERS", "TWO_DEVICES")


@only_root
@pytest.mark.circle
async def test_a_partition_refuses_in_words_what_it_cannot_keep_and_forks_nothing(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Writes are kept or refused; of two rosters that are asked for, the one with a majority comes to be."""
    async with wired(tmp_path, 4) as (made, wires):
        all_owed = [Owed(owner.api) for owner in made.owners]
        for owed in all_owed:
            await owed.api.reaches_all()
            await owed.put("/before", Random(_SEED).randbytes(700_000))
        await _one_way(made, wires, all_owed[0])
        await _in_two(made, wires, all_owed)
        await _grown_together(made)
        for owed in all_owed:
            await owed.look()
        await all_owed[0].put("/after", Random(_SEED).randbytes(700_000))
        await all_owed[0].look()


async def _one_way(made: Circle, wires: Wires, owed: Owed) -> None:
    """The owner hears two members and is not heard by them; then the other way round."""
    here, _, *others = (owner.device for owner in made.owners)
    for deaf in (True, False):
        for other in others:
            wires.set(*((here, other) if deaf else (other, here)), Way.silent())
        await _refused(owed, f"/one way {deaf}")
        await owed.look("/before")
        wires.heal()
        await owed.api.reaches_all()


async def _in_two(made: Circle, wires: Wires, all_owed: list[Owed]) -> None:
    """Two of three admins are on one side, one on the other; each side wants somebody of the other gone."""
    boxes = [owner.device for owner in made.owners]
    ids = [await owner.api.owner_id() for owner in made.owners]
    wires.between(boxes[:2], boxes[2:], Way.silent())
    await _refused(all_owed[0], "/in two")
    await _refused(all_owed[2], "/in two")
    minority = made.owners[2].api
    await minority.approve(await minority.propose_removal(ids[1], "leaving"))
    proposal = await made.owners[0].api.propose_removal(ids[3], "leaving")
    for admin in made.owners[:2]:
        await admin.api.approve(proposal)
    await _is_leaving(made, (0, 1), ids[3])
    for owed in all_owed:
        await owed.look("/before")
    wires.heal()
    await _is_leaving(made, range(4), ids[3])
    for owner in made.owners:
        assert (await _states(owner.api))[ids[1]] == "active", "the smaller side's wish did not come to be"


async def _grown_together(made: Circle) -> None:
    rosters = set()
    for owner in made.owners:
        told = await owner.api.circle()
        assert told["alarms"] == []
        rosters.add((told["epoch"], told["roster_hash"]))
    assert len(rosters) == 1
    for owner in made.owners:
        await owner.api.reaches_all()


async def _is_leaving(made: Circle, numbers: Iterable[int], owner_id: str) -> None:
    """Returns when these devices know that the member leaves."""
    for number in numbers:
        async with asyncio.timeout(60):
            while (await _states(made.owners[number].api))[owner_id] != "leaving":  # noqa: ASYNC110 - gossip
                await asyncio.sleep(0.2)


async def _states(api: Client) -> dict[str, str]:
    return {member["owner_id"]: member["state"] for member in await api.members()}


async def _refused(owed: Owed, path: str) -> None:
    async with asyncio.timeout(_PROMISED_SECONDS):
        refused = await owed.refused(path, Random(_SEED).randbytes(700_000))
    assert refused.reason in _IN_WORDS
    assert refused.problem["detail"]
