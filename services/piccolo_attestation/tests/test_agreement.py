"""Admins' devices never choose two rosters for one epoch, whatever is lost, repeated, reordered or
restarted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_attestation.core.agreement import LAST_BALLOT, Accepted, Acceptor, choose, next_ballot
from piccolo_attestation.core.succession import majority

BASE = bytes(32)


@dataclass
class Leader:
    """A device that leads ballots for its own value; forgets everything when it restarts."""

    number: int
    ballot: int = 0
    promises: dict[int, Accepted] = field(default_factory=dict)
    value: bytes = b""


@dataclass
class World:
    """Acceptors with durable state, and every message that was ever sent: it may arrive late, or twice."""

    count: int
    acceptors: list[Acceptor] = field(default_factory=list)
    leaders: list[Leader] = field(default_factory=list)
    sent: list[tuple[str, int, int, int, bytes]] = field(default_factory=list)
    accepted: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    chosen: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.acceptors = [Acceptor(BASE) for _ in range(self.count)]
        self.leaders = [Leader(number) for number in range(self.count)]

    def start(self, number: int) -> None:
        highest = max(self.leaders[number].ballot, self.acceptors[number].promised)
        self.leaders[number] = Leader(number, next_ballot(highest, number))
        for to in range(self.count):
            self.sent.append(("prepare", number, to, self.leaders[number].ballot, b""))

    def deliver(self, message: tuple[str, int, int, int, bytes]) -> None:
        kind, leader, to, ballot, value = message
        acceptor = self.acceptors[to]
        if kind == "prepare":
            if after := acceptor.prepare(ballot):
                self.acceptors[to] = after
                self.promised(leader, to, ballot, Accepted(acceptor.ballot, acceptor.value))
        elif after := acceptor.accept(ballot, value):
            if after != acceptor:  # a repeated message is not a second vote
                self.accepted[ballot, value] += 1
            self.acceptors[to] = after
            if self.accepted[ballot, value] >= majority(self.count):
                self.chosen.add(value)

    def promised(self, number: int, by: int, ballot: int, promise: Accepted) -> None:
        leader = self.leaders[number]
        if leader.ballot != ballot or leader.value:
            return
        leader.promises[by] = promise
        if len(leader.promises) >= majority(self.count):
            leader.value = choose(leader.promises.values(), own=b"proposal of %d" % number)
            for to in range(self.count):
                self.sent.append(("accept", number, to, ballot, leader.value))


@dataclass(frozen=True)
class Round:
    """A leader's attempt: whom each of its two steps reaches, and what is delivered late before it."""

    leader: int
    promise: frozenset[int]
    accept: frozenset[int]
    late: tuple[int, ...]


def rounds(count: int) -> st.SearchStrategy[list[Round]]:
    some = st.frozensets(st.integers(0, count - 1), min_size=majority(count) - 1)
    one = st.builds(
        Round, st.integers(0, count - 1), some, some, st.lists(st.integers(0, 999), max_size=3).map(tuple)
    )
    return st.lists(one, min_size=2, max_size=8)


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 5).flatmap(lambda count: st.tuples(st.just(count), rounds(count))))
def test_at_most_one_roster_is_chosen(case: tuple[int, list[Round]]) -> None:
    count, attempts = case
    world = World(count)
    for attempt in attempts:
        for late in attempt.late:
            if world.sent:
                world.deliver(world.sent[late % len(world.sent)])
        first = len(world.sent)
        world.start(attempt.leader)
        for message in world.sent[first:]:
            if message[2] in attempt.promise:
                world.deliver(message)
        for message in world.sent[first + count :]:
            if message[2] in attempt.accept:
                world.deliver(message)
        assert len(world.chosen) <= 1


@given(st.integers(2, 5))
def test_an_undisturbed_ballot_chooses_even_after_split_votes(count: int) -> None:
    world = World(count)
    for number in range(count):  # everybody accepts its own proposal and then falls silent
        world.acceptors[number] = Acceptor(
            BASE, next_ballot(0, number), next_ballot(0, number), b"%d" % number
        )
    world.leaders[0].ballot = next_ballot(0, count)
    world.start(0)
    for message in world.sent:  # grows while it is walked
        world.deliver(message)
    assert len(world.chosen) == 1


def test_ballots_end() -> None:
    with pytest.raises(PiccoloError, match="used up"):
        next_ballot(LAST_BALLOT, 0)


@given(st.integers(0, 2**63), st.integers(0, 2**32 - 1))
def test_ballots_grow_and_are_never_shared(highest: int, number: int) -> None:
    ballot = next_ballot(highest, number)
    assert ballot > highest
    assert ballot % 2**32 == number


def test_an_acceptor_answers_no_ballot_below_its_promise() -> None:
    promised = Acceptor(BASE).prepare(7)
    assert promised == Acceptor(BASE, 7)
    assert promised.prepare(7) is None
    assert promised.prepare(6) is None
    assert promised.accept(6, b"late") is None
    assert promised.accept(7, b"x") == Acceptor(BASE, 7, 7, b"x")


def test_a_leader_is_bound_to_the_highest_ballot_that_accepted() -> None:
    assert choose([Accepted(3, b"a"), Accepted(9, b"b"), Accepted(0, b"")], b"own") == b"b"
    assert choose([Accepted(0, b""), Accepted(0, b"")], b"own") == b"own"
