"""When a damaged object is repaired.

Rules:
* A keeper that is away gets 7 days to come back, because most do; what it keeps is rebuilt elsewhere at once
  when only one more loss, or none, would be survived.
* What is gone for certain (a keeper said so, or showed wrong bytes) does not wait.
* A repair that failed is tried again later and later, up to six hours.
"""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE_SECONDS = 7 * 24 * 3600
URGENT_MARGIN = 1
_FIRST_RETRY = 30
_LAST_RETRY = 6 * 3600


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with an object's fragments at present."""

    gone: frozenset[int]
    away: dict[int, float]
    """Index to the time (seconds since 1970) since when its keeper has not answered."""

    def __bool__(self) -> bool:
        return bool(self.gone or self.away)


def to_rebuild(damage: Damage, margin: int, now: float, *, impatient: bool = False) -> frozenset[int]:
    """Returns the indexes that are to be rebuilt now.

    Args:
        damage: what is wrong.
        margin: how many devices may still be lost, those away counted as lost.
        now: seconds since 1970.
        impatient: somebody asked not to wait for those away.
    """
    if impatient or margin <= URGENT_MARGIN:
        return damage.gone | frozenset(damage.away)
    overdue = {index for index, since in damage.away.items() if now - since >= PATIENCE_SECONDS}
    return damage.gone | overdue


def not_before(damage: Damage, margin: int, now: float) -> float:
    """Returns when the repair is due, seconds since 1970."""
    if damage.gone or margin <= URGENT_MARGIN or not damage.away:
        return now
    return max(now, min(damage.away.values()) + PATIENCE_SECONDS)


def retry_at(tries: int, now: float) -> float:
    """Returns when a repair that failed so often is tried again."""
    return now + min(_FIRST_RETRY << min(tries, 16), _LAST_RETRY)
