"""Who holds the places for connections, and whose goes when all are taken.

Rules:
* A newcomer is not refused while any place can be had: whoever came last may be the owner.
* The place is taken from the network that holds most, the newcomer counted, so that no crowd, however large,
  pushes out who came with few; of that network's, from the one where for longest nothing began or ended.
* A place that is kept (a request is under way, of somebody who was let in) is never taken. Only where all are
  kept the newcomer goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Place:
    network: str
    since: float
    kept: bool = False


@dataclass(slots=True)
class Places(Generic[K]):
    """So many places; times are of a clock that nobody sets.

    Attributes:
        most: how many there are.
    """

    most: int
    _held: dict[K, _Place] = field(default_factory=dict)
    _networks: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, who: K) -> bool:
        return who in self._held

    def enter(self, who: K, network: str, clock: float) -> K | None:
        """Gives a place; tells who goes for it, which may be the newcomer."""
        self._held[who] = _Place(network, clock)
        self._networks[network] += 1
        if len(self._held) <= self.most:
            return None
        gone = self.give_way(but=who)
        return self._leaving(who) if gone is None else gone

    def leave(self, who: K) -> None:
        """Gives a place back; nothing happens where it was taken before."""
        place = self._held.pop(who, None)
        if place is not None:
            self._networks[place.network] -= 1
            if not self._networks[place.network]:
                del self._networks[place.network]

    def moved(self, who: K, clock: float, *, kept: bool = False) -> None:
        """Something began or ended in a place; whether it is kept from now on."""
        if who in self._held:
            self._held[who].since, self._held[who].kept = clock, kept

    def give_way(self, but: K | None = None) -> K | None:
        """Takes the place that is to be had first, never that of `but`; tells whose it was."""
        ready = [who for who, place in self._held.items() if not place.kept and who != but]
        return self._leaving(min(ready, key=self._rank)) if ready else None

    def _rank(self, who: K) -> tuple[int, float]:
        place = self._held[who]
        return -self._networks[place.network], place.since

    def _leaving(self, who: K) -> K:
        self.leave(who)
        return who
