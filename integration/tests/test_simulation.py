"""The chain says what storage-rules.md's table says, and the circles live by the vault's rules."""

from __future__ import annotations

from random import Random

import pytest
from piccolo_vault.core.storage import promise

from integration.simulation.chain import Rates, loss
from integration.simulation.circle import DAY, YEAR, Churn, Circle, circles

QUIET = Churn(death_rate=0.0)


@pytest.mark.parametrize(
    ("members", "code", "chance"),
    [
        (2, "1 of 1", 9.5e-2),
        (3, "1 of 2", 3.5e-3),
        (5, "2 of 4", 4.2e-4),
        (10, "5 of 9", 9.5e-6),
        (31, "20 of 30", 8e-10),
    ],
)
def test_the_chain_is_the_one_behind_the_table(members: int, code: str, chance: float) -> None:
    cut = promise.code_for(members, at_risk_agreed=True)
    assert str(cut) == code
    assert loss(cut.k, cut.m, Rates()) == pytest.approx(chance, rel=0.03)


def test_where_nobody_dies_or_leaves_nothing_happens() -> None:
    told = Circle(40, 20, QUIET, Random(1)).run(2.0)
    assert (told.deaths, told.repairs, told.lost, told.traffic, told.unreadable) == (0, 0, 0, 0.0, 0.0)


def test_a_seed_tells_the_same_story() -> None:
    churn = Churn(death_rate=0.5, newcomer_days=7.0, away_days=1.0)
    first, second = (Circle(60, 30, churn, Random(7)).run(1.0) for _ in range(2))
    assert first == second
    assert first.deaths > 10
    assert first.repairs > 10


def test_a_dead_member_is_mourned_for_a_week_and_replaced_fragment_by_fragment() -> None:
    churn = Churn(death_rate=0.2, newcomer_days=1e6)
    told = Circle(200, 100, churn, Random(3)).run(7 / 365)
    assert told.deaths > 0
    assert told.rebuilt == 0
    told = Circle(200, 100, churn, Random(3)).run(1.0)
    assert told.rebuilt > 100
    assert told.lost == 0


def test_two_members_lose_what_one_death_takes() -> None:
    lost = sum(told.lost for told in circles(2_000, 2, Churn(), seed=1))
    assert lost / 2_000 == pytest.approx(loss(1, 1, Rates()), abs=0.02)


def test_what_cannot_be_read_is_counted_by_how_long() -> None:
    churn = Churn(death_rate=0.0, up_days=9.0, away_days=1.0)
    told = Circle(2, 1, churn, Random(5)).run(20.0)
    assert told.unreadable / (20.0 * YEAR) == pytest.approx(0.1, abs=0.03)
    assert told.unreadable > 100 * DAY
