"""How often something is told that strangers can make happen as often as they like."""

from __future__ import annotations

from collections import OrderedDict
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


@dataclass(slots=True)
class Rate:
    """So many at once, and one more in so many seconds; each key has its own. Keys are of few."""

    most: int
    seconds: float
    _free_at: dict[str, float] = field(default_factory=dict)

    def spend(self, key: str, clock: float) -> float:
        """Takes one; seconds to wait for it when there is none now."""
        self._free_at = {one: at for one, at in self._free_at.items() if at > clock}
        free_at = max(self._free_at.get(key, clock), clock)
        if (wait := free_at - clock - (self.most - 1) * self.seconds) > 0:
            return wait
        self._free_at[key] = free_at + self.seconds
        return 0.0


@dataclass(slots=True)
class Firsts:
    """What comes for the first time; what was longest ago is forgotten."""

    most: int
    _known: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def first(self, what: str) -> bool:
        """Whether this is new."""
        new = what not in self._known
        self._known[what] = None
        self._known.move_to_end(what)
        if len(self._known) > self.most:
            self._known.popitem(last=False)
        return new
