"""What grew while nothing happened. Arithmetic and text only.

Rules:
* The first look comes after a process has settled; what is told is how the last one differs from it.
* The slope is that of the straight line with the least squares through all looks, per hour: a number that
  comes and goes has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import linear_regression
from typing import Any

from integration.bench.figures import columns
from integration.bench.idle.looks import NAMES, Look

Looks = Sequence[tuple[float, Mapping[str, Look]]]
"""At which hour, what each process held."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How one number of one process went."""

    process: str
    what: str
    settled: float
    last: float
    highest: float
    per_hour: float


def growths(looks: Looks) -> list[Growth]:
    """Each number of each process that could be read every time. Raises ValueError below two looks."""
    if len(looks) < 2:
        raise ValueError("one look shows no growth")
    hours = [hour for hour, _ in looks]
    found = []
    for process in looks[0][1]:
        for what in NAMES:
            values = [getattr(each[process], what) for _, each in looks]
            if None not in values:
                slope = linear_regression(hours, values).slope
                found.append(Growth(process, what, values[0], values[-1], max(values), slope))
    return found


def table(found: Sequence[Growth]) -> list[str]:
    """A row a process: what it held when it had settled, and at the last look."""
    rows: dict[str, dict[str, str]] = {}
    for each in found:
        rows.setdefault(each.process, {})[each.what] = _both(each)
    heads = [name.removesuffix("_mib").removesuffix("_bytes") for name in NAMES]
    lines = [[process, *(row.get(name, "?") for name in NAMES)] for process, row in rows.items()]
    return columns([["settled -> last", *heads], *lines])


def verdict(found: Sequence[Growth]) -> list[str]:
    """What did not stay as it was, in a sentence a kind of number."""
    told = []
    for what in NAMES:
        of_it = [each for each in found if each.what == what]
        grown = [each for each in of_it if each.last > each.settled]
        if of_it:
            steepest = max(of_it, key=lambda each: each.per_hour)
            told.append(
                f"{what}: grew in {len(grown)} of {len(of_it)} processes;"
                f" steepest {steepest.per_hour:+,.3g} an hour ({steepest.process})"
            )
    return told


def to_json(hours: float, speed: float, looks: Looks) -> str:
    """All looks and what came of them."""
    told: dict[str, Any] = {
        "hours": hours,
        "speed": speed,
        "growth": [asdict(each) for each in growths(looks)],
        "looks": [
            {"hour": hour, "processes": {process: asdict(each) for process, each in seen.items()}}
            for hour, seen in looks
        ],
    }
    return json.dumps(told, indent=2) + "\n"


def _both(each: Growth) -> str:
    if each.what.endswith("_mib"):
        return f"{each.settled:.1f} -> {each.last:.1f}"
    if each.settled == each.last:
        return f"{each.last:,.0f}"
    return f"{each.settled:,.0f} -> {each.last:,.0f}"
