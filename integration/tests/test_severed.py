"""Boxes cut off or frozen in a recovery: script/test circle --seed S --rounds R -- -k severed

A round takes a few times as long as one of `test_kills`: R is divided by four.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from integration.bad_days.severed import Severed
from integration.bad_days.wire import only_root
from integration.bad_days.wired import wired

_ROUND_SECONDS: Final = 400
_SEED: Final = 3  # what every change must pass; other seeds are tried by hand (docs/reliability.md)


@only_root
@pytest.mark.circle
async def test_a_recovery_that_is_severed_and_healed_ends_with_everything(
    tmp_path: Path, no_leaked_processes: None, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """By itself, or when the same words are given again; and the owner writes on."""
    seed, rounds = pytestconfig.getoption("--seed"), -(-pytestconfig.getoption("--rounds") // 4)
    seed = _SEED if seed is None else seed

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"seed {seed}, {line}", flush=True)  # noqa: T201 - of a long run one wants to see how far it is

    async with wired(tmp_path, 5) as (made, wires):
        severed = Severed(made, seed, say, wires=wires)
        for number in range(rounds):
            async with asyncio.timeout(_ROUND_SECONDS):
                await severed.round(number)
        assert severed.fell
        await severed.everything()
        assert await severed.healed() >= 1
