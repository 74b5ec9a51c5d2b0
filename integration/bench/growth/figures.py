"""What each size cost in each circle. Arithmetic and text only.

Rules:
* Every file is kept as the circle's own rule says; a point names that k and m.
* Seconds are medians. Files below 16 MiB are told in milliseconds, larger ones in MB/s: what a wait and what
  a flow is to its owner.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from integration.bench.figures import columns

SIZES: Final = {
    "4KiB": 4 << 10,
    "64KiB": 64 << 10,
    "1MiB": 1 << 20,
    "16MiB": 16 << 20,
    "128MiB": 128 << 20,
    "1GiB": 1 << 30,
}
_A_FLOW: Final = 16 << 20
_ONCE: Final = 256 << 20
_A_ROUND: Final = 64 << 20
_MOST_REPEATS: Final = 9


@dataclass(frozen=True, slots=True)
class Point:
    """Files of one size in a circle of so many members, kept as k of m; seconds of each file in and out."""

    members: int
    k: int
    m: int
    size: int
    put: tuple[float, ...]
    get: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuses what was never done, or done in no time."""
        if not self.put or len(self.put) != len(self.get) or min(*self.put, *self.get) <= 0:
            raise ValueError(f"{self.size} bytes with {self.members} members: no such seconds")

    @property
    def put_seconds(self) -> float:
        """The median of the ways in."""
        return median(self.put)

    @property
    def get_seconds(self) -> float:
        """The median of the ways out."""
        return median(self.get)

    def to_dict(self) -> dict[str, int | float]:
        """The point as it is written."""
        return {
            "members": self.members,
            "k": self.k,
            "m": self.m,
            "size": self.size,
            "put_seconds": round(self.put_seconds, 6),
            "get_seconds": round(self.get_seconds, 6),
            "files": len(self.put),
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """A circle that stands: how long it took to start, and how many cores it keeps busy doing nothing."""

    members: int
    start_seconds: float
    idle_cores: float


def repeats(size: int, rounds: int) -> int:
    """How many files of that size are measured: a large one once, small ones often enough for a median."""
    return 1 if size >= _ONCE else rounds * max(1, min(_MOST_REPEATS, _A_ROUND // size))


def total(sizes: Sequence[int], rounds: int) -> int:
    """Bytes of plaintext that a circle is given in all."""
    return sum(size * repeats(size, rounds) for size in sizes)


def to_json(points: Sequence[Point]) -> str:
    """All points, as a list."""
    return json.dumps([point.to_dict() for point in points], indent=2) + "\n"


def table(points: Sequence[Point]) -> list[str]:
    """All points for a reader: two rows for each circle, a column for each size."""
    sizes = sorted({point.size for point in points})
    rows = [("members", "k of m", "", *(f"{named(size)} {_unit(size)}" for size in sizes))]
    for members in sorted({point.members for point in points}):
        of = {point.size: point for point in points if point.members == members}
        code = next(f"{point.k} of {point.m}" for point in of.values())
        for way in ("put", "get"):
            cells = (_cell(of[size], way) if size in of else "" for size in sizes)
            rows.append((str(members), code, way, *cells))
    return columns(rows, right=(0, *range(3, 3 + len(sizes))))


def standing_table(circles: Sequence[Standing]) -> list[str]:
    """What the circles themselves cost the machine."""
    rows = [("members", "started in s", "idle, cores")]
    rows += [(str(one.members), f"{one.start_seconds:.0f}", f"{one.idle_cores:.2f}") for one in circles]
    return columns(rows, right=(0, 1, 2))


def named(size: int) -> str:
    """A size as people write it."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size}B"


def _unit(size: int) -> str:
    return "MB/s" if size >= _A_FLOW else "ms"


def _cell(point: Point, way: str) -> str:
    seconds = point.put_seconds if way == "put" else point.get_seconds
    return f"{point.size / seconds / 1e6:.1f}" if point.size >= _A_FLOW else f"{1e3 * seconds:.0f}"
