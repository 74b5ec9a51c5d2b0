"""In which order a file's versions are, and which may go.

Rules:
* A version's order is the (generation, seq) of the layout under which it was first published. Whatever
  happens to its object later gives it no other one.
* A new version goes directly above the newest that is of no higher order. What is written now is of the
  highest, and becomes the current version. After a recovery old versions turn up in any order: each finds its
  place.
* What finds its place in the history has been replaced already: its age as an old version starts then.
* The current version never goes.
* The newest `keep` versions stay, the current one included.
* A version stays while fewer than `min_age` seconds have passed since another replaced it: many quick
  writes cannot push out what was good an hour ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Order: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept version: its number, higher is newer, and the age at which it was replaced (None: current)."""

    number: int
    replaced: int | None


def place(newest_first: Iterable[tuple[int, Order]], order: Order) -> int:
    """The number of a new version; those that have it or a higher one make room.

    Args:
        newest_first: numbers and orders of the versions there are, the highest number first; read as far as
            is needed.
        order: the new one's.
    """
    return next((number + 1 for number, other in newest_first if other <= order), 1)


def prunable(versions: Sequence[Kept], *, keep: int, min_age: int, age: int) -> list[int]:
    """The numbers of the versions that may go, oldest first.

    Args:
        versions: all of a file's versions, in any order.
        keep: how many stay in any case, at least 1.
        min_age: seconds.
        age: the memory's present age, in the measure of `Kept.replaced`.
    """
    newest_first = sorted(versions, key=lambda version: version.number, reverse=True)
    beyond = newest_first[max(1, keep) :]
    old = [v.number for v in beyond if v.replaced is not None and age - v.replaced >= min_age]
    return sorted(old)
