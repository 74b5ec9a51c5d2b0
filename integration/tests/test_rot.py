"""A flipped bit in any file of any service: script/test circle --seed S --rounds R -- -k rot

R kinds of files are taken at random, one flip in each; more than there are kinds, and each is taken again.
"""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from integration.bad_days.promises import Promises, content_of
from integration.bad_days.rot import KINDS, Rot
from integration.circle import circle

_SIZES = (10, 3_000, 300_000, 1_500_000, 5_000_000)


@pytest.mark.circle
async def test_a_flipped_bit_heals_or_is_told(
    tmp_path: Path, no_leaked_processes: None, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody ever reads a wrong byte, no service dies without a word, and all goes on."""
    seed, rounds = pytestconfig.getoption("--seed"), pytestconfig.getoption("--rounds")
    seed = random.randrange(1 << 32) if seed is None else seed

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"seed {seed}, {line}", flush=True)  # noqa: T201 - of a long run one wants to see how far it is

    async with circle(tmp_path, 3) as made:
        rot, chance, api = Rot(made, Promises(), say), random.Random(seed), made.owners[0].api
        for number, size in enumerate(_SIZES):
            await rot.put(f"/{number}", chance.randbytes(size))
        await api.ask("PUT", "/circle/name", {"device_name": "attic"})
        await api.put("/gone", b"")
        await api.delete("/gone")
        await api.backed_up()
        kinds = (kind for _ in range(-(-rounds // len(KINDS))) for kind in chance.sample(KINDS, len(KINDS)))
        for kind in islice(kinds, rounds):
            await rot.strike(kind, chance)
        await rot.put("/after", b"it goes on")
        assert content_of(await api.get("/after")) == content_of(b"it goes on")
