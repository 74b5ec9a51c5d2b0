"""Which versions of a file may go.

Rules:
* The current version never goes.
* The newest `keep` versions stay, the current one included.
* A version stays while fewer than `min_age` seconds have passed since another replaced it: many quick
  writes cannot push out what was good an hour ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept version: its number, higher is newer, and the age at which it was replaced (None: current)."""

    number: int
    replaced: int | None


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
