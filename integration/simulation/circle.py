"""One circle over years: members come, go, stay away and die, and what the vault's rules do about it.

Rules:
* Placement, promise, patience and what is rebuilt are the vault's own (`piccolo_vault.core.storage`); nothing
  of them is repeated here. Time is in seconds from the beginning.
* A member that dies looks like one that is away: nobody knows. A newcomer takes its place after a while.
* Two fragments at one member are looked at when a newcomer joins.
* A repair needs k members that are up, and is over at once: it is short beside what it waits for.
* A member that returns after its fragments were rebuilt elsewhere has nothing to bring.
* Of a large circle a vault of the simulation looks at some candidates only, so many as change nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Final

from piccolo_vault.core.storage import placement, promise, spreading, urgency
from piccolo_vault.core.storage.erasure import Code
from piccolo_vault.core.storage.placement import Candidate
from piccolo_vault.core.storage.promise import Promise
from piccolo_vault.core.storage.urgency import Damage

DAY: Final = 86_400.0
YEAR: Final = 365.0 * DAY
_SAMPLE: Final = 4  # times m: candidates that are looked at in a large circle
_PROMISE: Final = Promise(1)


@dataclass(frozen=True, slots=True)
class Churn:
    """How members behave.

    Attributes:
        death_rate: deaths of one member, a year.
        newcomer_days: until somebody takes a dead member's place.
        up_days, away_days: mean lengths of being there and of being away; 0 away: always there.
        long_share, long_days: the share of absences that are long, and their mean length.
    """

    death_rate: float = 0.1
    newcomer_days: float = 90.0
    up_days: float = 9.0
    away_days: float = 0.0
    long_share: float = 0.0
    long_days: float = 14.0


@dataclass(slots=True)
class Member:
    """A keeper: since when it is away, if it is, and which fragments it has."""

    owner_id: bytes
    away_since: float | None = None
    dead: bool = False
    keeps: dict[int, set[int]] = field(default_factory=dict)
    """Object number to the indexes of its fragments."""


@dataclass(slots=True)
class Thing:
    """An object: who keeps each fragment. `up`: fragments whose keepers are there."""

    object_id: bytes
    keepers: list[Member | None]
    up: int = 0
    lost: bool = False
    unreadable_since: float | None = None


@dataclass(slots=True)
class Told:
    """What happened. Traffic in multiples of the objects' own bytes; `unreadable` in object-seconds."""

    objects: int = 0
    lost: int = 0
    repairs: int = 0
    rebuilt: int = 0
    traffic: float = 0.0
    unreadable: float = 0.0
    least_margin: int = 1 << 30
    deaths: int = 0


class Circle:
    """A circle of `size` members that keeps `objects` objects, each of an owner drawn at random."""

    def __init__(self, size: int, objects: int, churn: Churn, chance: Random) -> None:
        self.code: Code = promise.code_for(size, at_risk_agreed=True)
        self.told = Told(objects=objects)
        self._churn, self._chance, self._now = churn, chance, 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._known: dict[bytes, Member] = {}
        self._doubled: set[int] = set()
        self._members = [self._newcomer() for _ in range(size)]
        self._things = [self._placed(number) for number in range(objects)]

    def run(self, years: float) -> Told:
        """Lets so many years pass; returns what happened."""
        end = years * YEAR
        while self._events and self._events[0][0] <= end:
            self._now, _, event = heapq.heappop(self._events)
            event()
        for thing in self._things:
            if thing.unreadable_since is not None:
                self.told.unreadable += end - thing.unreadable_since
        return self.told

    # --- members ---

    def _newcomer(self) -> Member:
        member = Member(self._chance.randbytes(32))
        if self._churn.death_rate:
            self._after(self._chance.expovariate(self._churn.death_rate) * YEAR, partial(self._dies, member))
        if self._churn.away_days:
            self._after(self._drawn(self._churn.up_days), partial(self._leaves, member))
        return member

    def _dies(self, member: Member) -> None:
        member.dead = True
        self.told.deaths += 1
        self._after(self._churn.newcomer_days * DAY, partial(self._replaced, member))
        for number in member.keeps:
            thing = self._things[number]
            alive = sum(keeper is not None and not keeper.dead for keeper in thing.keepers)
            if alive < self.code.k and not thing.lost:
                thing.lost = True
                self.told.lost += 1
        if member.away_since is None:
            self._gone(member)

    def _replaced(self, member: Member) -> None:
        self._members[self._members.index(member)] = self._newcomer()
        for number in list(member.keeps):
            self._look(number)
        for number in list(self._doubled):
            self._spread(number)

    def _leaves(self, member: Member) -> None:
        if member.dead:
            return
        self._gone(member)
        churn = self._churn
        days = churn.long_days if self._chance.random() < churn.long_share else churn.away_days
        self._after(self._drawn(days), partial(self._returns, member))

    def _gone(self, member: Member) -> None:
        member.away_since = self._now
        for number, indexes in list(member.keeps.items()):
            self._count(self._things[number], -len(indexes))
            if self._things[number].up - self.code.k <= urgency.URGENT_MARGIN:
                self._look(number)
        self._after(urgency.PATIENCE_SECONDS, partial(self._overdue, member, self._now))

    def _overdue(self, member: Member, since: float) -> None:
        if member.away_since == since:
            for number in list(member.keeps):
                self._look(number)

    def _returns(self, member: Member) -> None:
        if member.dead:
            return
        member.away_since = None
        for number, indexes in member.keeps.items():
            self._count(self._things[number], len(indexes))
        self._after(self._drawn(self._churn.up_days), partial(self._leaves, member))

    # --- objects ---

    def _placed(self, number: int) -> Thing:
        thing = Thing(self._chance.randbytes(16), [None] * self.code.m)
        placed = placement.place(thing.object_id, self._candidates(thing), self.code, _PROMISE)
        for index, owner in enumerate(placed):
            self._give(thing, number, index, owner)
        return thing

    def _give(self, thing: Thing, number: int, index: int, owner_id: bytes | None) -> None:
        before = thing.keepers[index]
        if before is not None:
            before.keeps[number].discard(index)
            if not before.keeps[number]:
                del before.keeps[number]
        keeper = self._known[owner_id] if owner_id else None
        thing.keepers[index] = keeper
        if keeper is not None:
            kept = keeper.keeps.setdefault(number, set())
            kept.add(index)
            self._count(thing, 1)
            if len(kept) > 1:
                self._doubled.add(number)

    def _count(self, thing: Thing, change: int) -> None:
        thing.up += change
        if thing.up < self.code.k:
            thing.unreadable_since = self._now if thing.unreadable_since is None else thing.unreadable_since
        elif thing.unreadable_since is not None:
            self.told.unreadable += self._now - thing.unreadable_since
            thing.unreadable_since = None

    def _look(self, number: int) -> None:
        """What the vault does about an object when it looks at it."""
        thing, code = self._things[number], self.code
        if thing.lost:
            return
        away = {
            index: keeper.away_since
            for index, keeper in enumerate(thing.keepers)
            if keeper is not None and keeper.away_since is not None
        }
        gone = frozenset(index for index, keeper in enumerate(thing.keepers) if keeper is None)
        good = [
            keeper.owner_id if keeper is not None and index not in away else None
            for index, keeper in enumerate(thing.keepers)
        ]
        damage = Damage(gone, away)
        margin = promise.survives(promise.count_by_device(good).values(), code.k)
        self.told.least_margin = min(self.told.least_margin, margin)
        needed = sorted(urgency.to_rebuild(damage, margin, self._now))
        if needed and margin < 0:
            self._after(urgency.retry_at(16, 0.0), partial(self._look, number))
        elif needed:
            self._rebuild(number, good, needed)

    def _rebuild(self, number: int, good: list[bytes | None], needed: list[int]) -> None:
        thing, code = self._things[number], self.code
        filled = placement.fill(thing.object_id, self._candidates(thing), code, _PROMISE, good, needed)
        targets = {index: owner for index in needed if (owner := filled[index]) is not None}
        for index, owner in targets.items():
            self._give(thing, number, index, owner)
        if targets:
            self.told.repairs += 1
            self.told.rebuilt += len(targets)
            self.told.traffic += 1 + len(targets) / code.k

    def _spread(self, number: int) -> None:
        """Two fragments at one member move apart as soon as another member can take one."""
        thing = self._things[number]
        while not thing.lost:
            candidates = {each.owner_id: each for each in self._candidates(thing)}
            held = [
                keeper.owner_id if keeper is not None and keeper.away_since is None else None
                for keeper in thing.keepers
            ]
            move = spreading.next_move(thing.object_id, self.code, held, candidates, candidates)
            if move is None or not move.urgent:
                break
            self._give(thing, number, move.index, move.target)
            self.told.traffic += 2 / self.code.k
        if all(len(keeper.keeps[number]) == 1 for keeper in thing.keepers if keeper is not None):
            self._doubled.discard(number)

    def _candidates(self, thing: Thing) -> list[Candidate]:
        """Members that are there: those that keep the object already, and others drawn at random."""
        wanted = _SAMPLE * self.code.m
        members = self._members[1:]  # the first is the owner
        chosen = members if len(members) <= wanted else self._chance.sample(members, wanted)
        holders = {id(keeper): keeper for keeper in thing.keepers if keeper is not None}
        there = {id(member): member for member in chosen} | holders
        self._known = {member.owner_id: member for member in there.values()}
        return [Candidate(each.owner_id, 1 << 40, 0.9) for each in there.values() if each.away_since is None]

    # --- time ---

    def _after(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._order), event))

    def _drawn(self, mean_days: float) -> float:
        return self._chance.expovariate(1 / (mean_days * DAY))


def circles(count_: int, size: int, churn: Churn, seed: int, years: float = 1.0) -> Iterator[Told]:
    """Many circles of one object each, one after the other."""
    for number in range(count_):
        yield Circle(size, 1, churn, Random(f"{seed}/{size}/{number}")).run(years)
