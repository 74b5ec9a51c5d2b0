"""Power cuts of whole devices at any moment: script/test circle --seed S --rounds R -- -k cuts

A round takes twice as long as one of `test_kills`, because whole devices start again: R is halved.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from integration.bad_days.cuts import Cuts, fragile_circle
from integration.bad_days.power.disk import NoPowerError

_ROUND_SECONDS = 400


@pytest.mark.circle
async def test_nothing_acknowledged_is_lost_with_the_power(
    tmp_path: Path, no_leaked_processes: None, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever had not been synced may be gone; what was acknowledged is there all the same."""
    seed, rounds = pytestconfig.getoption("--seed"), pytestconfig.getoption("--rounds")
    seed, rounds = random.randrange(1 << 32) if seed is None else seed, -(-rounds // 2)

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"seed {seed}, {line}", flush=True)  # noqa: T201 - of a long run one wants to see how far it is

    try:
        async with fragile_circle(tmp_path, 5) as (made, disks):
            cuts = Cuts(made, seed, say, disks=disks)
            for number in range(rounds):
                async with asyncio.timeout(_ROUND_SECONDS):
                    await cuts.round(number)
            await cuts.everything()
            assert await cuts.healed() >= 1
            await cuts.everything()
    except NoPowerError as refused:
        pytest.skip(f"no file system in user space here: {refused}")
