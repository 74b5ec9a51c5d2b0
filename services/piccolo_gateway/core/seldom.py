"""How often something is told that strangers can make happen as often as they like."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Seldom:
    """Things that happen, each told once in so many seconds at most, with how often it happened meanwhile."""

    seconds: float
    _untold: dict[str, int] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)

    def happened(self, what: str, clock: float) -> int:
        """How many are to be told now; 0 when it is too early. `what` is one of few."""
        count = self._untold.get(what, 0) + 1
        early = what in self._told and clock - self._told[what] < self.seconds
        self._untold[what] = count if early else 0
        if early:
            return 0
        self._told[what] = clock
        return count
