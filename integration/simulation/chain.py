"""The chance to lose a file in a year, by a Markov chain: what storage-rules.md's table was computed with.

Rules:
* A file has m fragments on as many keepers, each of which dies at a constant rate; each lost fragment is
  replaced at a constant rate by itself. Below k the file is lost for good.
* It begins whole: the chain is followed through time, not taken at its steady state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_STEPS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Events a year, of one keeper: deaths, and replacements of one that died."""

    deaths: float = 0.1
    replacements: float = 365.0 / 90.0


def loss(k: int, m: int, rates: Rates, years: float = 1.0) -> float:
    """Returns the probability that a k-of-m file is lost within so many years.

    The chain's equations are integrated by the classical Runge-Kutta method of fourth order.
    """
    spare = m - k
    chances = [1.0, *[0.0] * spare, 0.0]  # by how many fragments are gone; the last is lost, and stays so
    step = years / _STEPS
    for _ in range(_STEPS):
        first = _flow(chances, m, rates)
        second = _flow(_moved(chances, first, step / 2), m, rates)
        third = _flow(_moved(chances, second, step / 2), m, rates)
        fourth = _flow(_moved(chances, third, step), m, rates)
        mean = [(a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(first, second, third, fourth, strict=True)]
        chances = _moved(chances, mean, step)
    return chances[-1]


def _flow(chances: list[float], m: int, rates: Rates) -> list[float]:
    """How the chances change, a year."""
    flow = [0.0] * len(chances)
    for gone, chance in enumerate(chances[:-1]):
        dying, healing = chance * (m - gone) * rates.deaths, chance * gone * rates.replacements
        flow[gone] -= dying + healing
        flow[gone + 1] += dying
        if gone:
            flow[gone - 1] += healing
    return flow


def _moved(chances: list[float], flow: list[float], step: float) -> list[float]:
    return [chance + change * step for chance, change in zip(chances, flow, strict=True)]
