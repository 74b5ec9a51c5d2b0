"""Figures: what took how long, here and elsewhere. Arithmetic and text only.

Rules:
* A figure compares samples that were taken in turn, round by round; what is told is their medians.
* `ratio` is other_seconds / ours_seconds: how many times as fast as the other we are. Below 1 we are slower.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One work, done by us and by another; seconds of each round.

    Attributes:
        work: what was done.
        other: who else did it.
        ours: our seconds, one a round.
        others: the other's, as many.
        size: bytes that were moved, to tell MB/s; 0 when that says nothing.
    """

    work: str
    other: str
    ours: tuple[float, ...]
    others: tuple[float, ...]
    size: int = 0

    def __post_init__(self) -> None:
        """Refuses samples that cannot be compared."""
        if not self.ours or len(self.ours) != len(self.others):
            raise ValueError(
                f"{self.work}: {len(self.ours)} rounds of ours, {len(self.others)} of {self.other}"
            )
        if min(*self.ours, *self.others) <= 0:
            raise ValueError(f"{self.work}: nothing is done in no time")

    @property
    def ours_seconds(self) -> float:
        """The median of our rounds."""
        return median(self.ours)

    @property
    def other_seconds(self) -> float:
        """The median of the other's rounds."""
        return median(self.others)

    @property
    def ratio(self) -> float:
        """How many times as fast as the other we are."""
        return self.other_seconds / self.ours_seconds

    def to_dict(self) -> dict[str, str | float | int]:
        """The figure as it is written."""
        return {
            "work": self.work,
            "ours_seconds": round(self.ours_seconds, 6),
            "other": self.other,
            "other_seconds": round(self.other_seconds, 6),
            "ratio": round(self.ratio, 3),
            "rounds": len(self.ours),
        }


def to_json(figures: Sequence[Figure]) -> str:
    """All figures, as a list."""
    return json.dumps([figure.to_dict() for figure in figures], indent=2) + "\n"


def table(figures: Sequence[Figure]) -> list[str]:
    """All figures for a reader."""
    rows: list[tuple[str, ...]] = [("work", "ours s", "MB/s", "other", "other s", "MB/s", "ratio", "spread")]
    rows += [_row(figure) for figure in figures]
    return columns(rows, right=(1, 2, 4, 5, 6, 7))


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows of text under each other, the columns `right` flush right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            text.rjust(width) if at in right else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.work,
        f"{figure.ours_seconds:.3f}",
        _rate(figure.size, figure.ours_seconds),
        figure.other,
        f"{figure.other_seconds:.3f}",
        _rate(figure.size, figure.other_seconds),
        f"{figure.ratio:.2f}",
        f"{_spread(figure.ours):.0%}/{_spread(figure.others):.0%}",
    )


def _rate(size: int, seconds: float) -> str:
    return f"{size / seconds / 1e6:.1f}" if size else ""


def _spread(samples: Sequence[float]) -> float:
    """How far the rounds lie apart, of their median: what a reader should think of the figure."""
    return (max(samples) - min(samples)) / median(samples)
