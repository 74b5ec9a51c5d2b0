"""What is remembered of a member over time: how often it answers, and what audits found.

Rules:
* Availability is the share of the looks that it answered, over the last 30 days on which anybody looked.
* Figures are a few numbers a member, so that keeping them costs nothing worth backing up carefully: what
  cannot be read begins anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAYS = 30


@dataclass(slots=True)
class Figures:
    """One member's. Times are seconds since 1970, 0 for never.

    Attributes:
        audited: blocks read by audits.
        failed: blocks of them that were not there, or not as they were written.
        last_audit: when the last one was read.
        last_failure: when the last one failed.
        days: looks and answers by day since 1970.
        heard: when its keeper told the bytes below.
        offer_bytes: what it gives to the circle.
        used_bytes: how much of that is taken.
        owner_bytes: what this owner has there.
        share_bytes: what this owner is sure of there.
    """

    audited: int = 0
    failed: int = 0
    last_audit: int = 0
    last_failure: int = 0
    days: dict[int, tuple[int, int]] = field(default_factory=dict)
    heard: int = 0
    offer_bytes: int = 0
    used_bytes: int = 0
    owner_bytes: int = 0
    share_bytes: int = 0

    @property
    def availability(self) -> float | None:
        """The share of the looks that it answered, 0 to 1; None before the first."""
        looks = sum(each for each, _ in self.days.values())
        return sum(answers for _, answers in self.days.values()) / looks if looks else None

    def looked(self, day: int, looks: int, answers: int) -> None:
        """Counts looks, and forgets the oldest days."""
        before = self.days.get(day, (0, 0))
        self.days[day] = (before[0] + looks, before[1] + answers)
        for old in sorted(self.days)[:-_DAYS]:
            del self.days[old]

    def read(self, at: int, *, good: bool) -> None:
        """Counts a block that an audit read."""
        self.audited, self.last_audit = self.audited + 1, at
        if not good:
            self.failed, self.last_failure = self.failed + 1, at


def to_json(figures: Mapping[bytes, Figures]) -> bytes:
    """All members' figures as they are kept."""
    return json.dumps({owner.hex(): asdict(each) for owner, each in sorted(figures.items())}).encode()


def from_json(data: bytes | None) -> dict[bytes, Figures]:
    """All members' figures as they were kept; those that cannot be read begin anew."""
    try:
        found = json.loads(data or b"{}")
        return {bytes.fromhex(owner): _figures(each) for owner, each in found.items()}
    except (ValueError, TypeError, AttributeError, KeyError):
        return {}


def _figures(found: dict[str, Any]) -> Figures:
    days = {int(day): (int(looks), int(answers)) for day, (looks, answers) in found.pop("days").items()}
    return Figures(days=days, **{name: int(value) for name, value in found.items()})
