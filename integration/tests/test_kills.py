"""kill -9 of any process at any moment: script/test circle --seed S --rounds R"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from integration.bad_days.upheavals import Upheavals
from integration.circle import circle
from integration.device import Cloud, Device

_ROUND_SECONDS = 400
_ROUNDS = 50  # at least
# what nobody waits for is always under way, so that it is cut off as often as anything else
_BUSY: Final = {"chores_seconds": 0.2, "quiet_seconds": 0.1, "compact_seconds": 0.0, "stock_seconds": 5.0}
_SEED = 11  # what every change must pass; other seeds are tried by hand (docs/reliability.md)


def _busy(box: Cloud | Device) -> None:
    """Only the first owner has files; the other vaults have nothing to do, however often they look."""
    if isinstance(box, Device) and box.name == "device-0":
        box.store = _BUSY


@pytest.mark.circle
async def test_nothing_acknowledged_is_ever_missing(
    tmp_path: Path, no_leaked_processes: None, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever dies and whenever: what was acknowledged is there, what was not is whole or absent."""
    seed, rounds = pytestconfig.getoption("--seed"), pytestconfig.getoption("--rounds")
    seed, rounds = _SEED if seed is None else seed, max(rounds, _ROUNDS)

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"seed {seed}, {line}", flush=True)  # noqa: T201 - of a long run one wants to see how far it is

    async with circle(tmp_path, 5, plug=_busy) as made:
        kills = Upheavals(made, seed, say)
        for number in range(rounds):
            async with asyncio.timeout(_ROUND_SECONDS):
                await kills.round(number)
        await kills.everything()
        assert await kills.healed() >= 1
        await kills.everything()
