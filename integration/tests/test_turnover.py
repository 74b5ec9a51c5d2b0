"""Power cuts in joins and removals: script/test circle --seed S --rounds R -- -k turnover

A round is a join or a removal, with restarts of whole devices: R is divided by five.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from integration.bad_days.cuts import fragile_circle
from integration.bad_days.power.disk import NoPowerError
from integration.bad_days.turnover import Turnover

_ROUND_SECONDS: Final = 400
_SEED: Final = 1  # what every change must pass; other seeds are tried by hand (docs/reliability.md)


@pytest.mark.circle
async def test_a_power_cut_leaves_nobody_half_in(
    tmp_path: Path, no_leaked_processes: None, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever joins or goes while the power goes is in or out afterwards, by one roster."""
    seed, rounds = pytestconfig.getoption("--seed"), -(-pytestconfig.getoption("--rounds") // 5)
    seed = _SEED if seed is None else seed

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"seed {seed}, {line}", flush=True)  # noqa: T201 - of a long run one wants to see how far it is

    try:
        async with fragile_circle(tmp_path, 4, later=-(-rounds // 2)) as (made, disks):
            turnover = Turnover(made, seed, say, disks=disks)
            await turnover.store("/before", bytes(range(256)) * 3_000)
            for number in range(rounds):
                async with asyncio.timeout(_ROUND_SECONDS):
                    await turnover.round(number)
            await turnover.everything()
    except NoPowerError as refused:
        pytest.skip(f"no file system in user space here: {refused}")
