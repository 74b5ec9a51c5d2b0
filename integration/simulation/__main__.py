"""What the rules buy over a year, event by event, beside what storage-rules.md's chain says.

    script/bench simulation [--members 10000] [--objects 500] [--years 1] [--seed 1] [--json FILE]

Judges nothing; the same seed tells the same figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from piccolo_chassis.state import write_durably
from piccolo_vault.core.storage import promise

from integration.screen import Screen
from integration.simulation.chain import Rates, loss
from integration.simulation.circle import YEAR, Churn, Circle, Told, circles

_SMALL: Final = {2: 2_000, 3: 20_000, 5: 50_000}
_LIVES: Final = {
    "nobody is ever away": Churn(newcomer_days=7.0),
    "away one day in ten": Churn(newcomer_days=7.0, away_days=1.0),
    "and one absence in fifty is a holiday": Churn(newcomer_days=7.0, away_days=1.0, long_share=0.02),
}


@dataclass(frozen=True, slots=True)
class Small:
    """Many small circles for a year; a dead member is replaced after 90 days."""

    members: int
    code: str
    circles: int
    lost: float
    chain: float


def small_circles(seed: int) -> Iterator[Small]:
    """Circles small enough to lose files before one's eyes."""
    for members, wanted in _SMALL.items():
        code = promise.code_for(members, at_risk_agreed=True)
        lost = sum(told.lost for told in circles(wanted, members, Churn(), seed))
        yield Small(members, str(code), wanted, lost / wanted, loss(code.k, code.m, Rates()))


def large_circle(options: argparse.Namespace) -> Iterator[tuple[str, Told]]:
    """One large circle, by how its members live."""
    for name, churn in _LIVES.items():
        made = Circle(options.members, options.objects, churn, Random(options.seed))
        yield name, made.run(options.years)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench simulation", description=__doc__.splitlines()[0])
    for name, default in (("--members", 10_000), ("--objects", 500), ("--seed", 1)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--years", type=float, default=1.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args(argv)
    if options.members < 3 or options.objects < 1 or options.years <= 0:
        parser.error("a circle has three members, an object and some time at least")
    return options


def main(argv: list[str] | None = None) -> int:
    """Runs the simulation."""
    options, screen = parse(argv), Screen(sys.stdout)
    found: dict[str, Any] = {"small": [], "large": {}}
    screen.say("a year of many small circles; 10 % of members die a year, a newcomer comes after 90 days")
    for small in small_circles(options.seed):
        found["small"].append(asdict(small))
        screen.say(
            f"{small.members} members, {small.code}: {small.lost:.1e} of {small.circles:,} files lost; "
            f"the chain without doubling says {small.chain:.1e}"
        )
    screen.say(f"{options.years:g} years of {options.members:,} members and {options.objects:,} objects")
    for name, told in large_circle(options):
        found["large"][name] = asdict(told)
        screen.say(f"{name}: {_words(told, options.years)}")
    if options.json:
        write_durably(options.json, (json.dumps(found, indent=2) + "\n").encode())
    return 0


def _words(told: Told, years: float) -> str:
    object_years = told.objects * years
    return (
        f"{told.lost} lost, never less than {told.least_margin} more losses survived, unreadable "
        f"{told.unreadable / (object_years * YEAR):.1e} of the time; a year and object "
        f"{told.repairs / object_years:.1f} repairs of {told.rebuilt / max(1, told.repairs):.1f} fragments, "
        f"{told.traffic / object_years:.1f} times its bytes moved"
    )


if __name__ == "__main__":
    sys.exit(main())
