"""Who goes when all places are taken, and how seldom that is told: the rules without a wire."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from piccolo_gateway.core.places import Places
from piccolo_gateway.core.seldom import Seldom

MOST: Final = 6
NETWORKS: Final = st.sampled_from("abcd")
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), NETWORKS),
        st.tuples(st.sampled_from(["keep", "end", "leave"]), st.integers(0, MOST - 1)),
    ),
    max_size=60,
)


@dataclass
class Model:
    """What is believed of the places: who holds one, of which network, since when, and whether it is kept."""

    places: Places[int] = field(default_factory=lambda: Places(MOST))
    held: dict[int, tuple[str, float, bool]] = field(default_factory=dict)
    clock: int = 0

    def crowd(self) -> Counter[str]:
        """How many each network holds."""
        return Counter(network for network, _, _ in self.held.values())

    def step(self, what: str, which: str | int) -> None:
        """One thing that happens."""
        self.clock += 1
        if isinstance(which, str):
            self.enter(which)
        elif which < len(self.held):
            who = list(self.held)[which]
            if what == "leave":
                self.places.leave(who)
                del self.held[who]
            else:
                self.places.moved(who, self.clock, kept=what == "keep")
                self.held[who] = (self.held[who][0], self.clock, what == "keep")

    def enter(self, network: str) -> None:
        """Somebody comes; whoever goes for it must be the right one."""
        before, new = dict(self.held), self.clock
        self.held[new] = (network, self.clock, False)
        crowd = self.crowd()
        gone = self.places.enter(new, network, self.clock)
        if len(before) < MOST:
            assert gone is None
            return
        ready = {who: place for who, place in before.items() if not place[2]}
        assert gone is not None
        if gone == new:
            assert not ready
        else:
            (where, since, kept) = before[gone]
            assert not kept
            assert crowd[where] == max(crowd[place[0]] for place in ready.values())
            assert since == min(place[1] for place in ready.values() if crowd[place[0]] == crowd[where])
        del self.held[gone]


@given(STEPS)
def test_the_longest_idle_of_the_largest_crowd_goes_and_never_one_that_is_kept(
    steps: list[tuple[str, str | int]],
) -> None:
    model = Model()
    for what, which in steps:
        model.step(what, which)
        assert len(model.places) == len(model.held) <= MOST
        assert all(who in model.places for who in model.held)


@given(st.lists(st.integers(0, 1), max_size=300), st.integers(1, 2))
def test_no_crowd_pushes_out_who_came_with_few(crowd: list[int], few: int) -> None:
    """The owner came first and is idle for longest; strangers of two networks come and come."""
    places: Places[tuple[str, int]] = Places(MOST)
    for number in range(few):
        places.enter(("owner", number), "owner", number)
    for number in range(few + 1):
        places.enter(("most", number), "stranger 0", 10 + number)
    for number, network in enumerate(crowd):
        places.enter(("stranger", number), f"stranger {network}", 100 + number)
        assert len(places) <= MOST
    assert all(("owner", number) in places for number in range(few))


@given(st.lists(NETWORKS, min_size=MOST, max_size=MOST), NETWORKS)
def test_where_all_are_kept_the_newcomer_goes(held: list[str], newcomer: str) -> None:
    places: Places[int] = Places(MOST)
    for who, network in enumerate(held):
        assert places.enter(who, network, who) is None
        places.moved(who, who, kept=True)
    assert places.enter(99, newcomer, 99) == 99
    assert places.give_way() is None
    assert [who in places for who in range(MOST)] == [True] * MOST


def test_what_left_may_leave_again() -> None:
    places: Places[str] = Places(1)
    places.enter("a", "x", 1)
    assert places.enter("b", "y", 2) == "a"
    places.leave("a")
    places.moved("a", 3, kept=True)
    assert len(places) == 1
    assert places.give_way() == "b"
    assert len(places) == 0


@given(st.lists(st.integers(0, 20), max_size=100))
def test_a_flood_is_told_seldom_and_counted_whole(pauses: list[int]) -> None:
    seldom, clock, told, lines = Seldom(10.0), 0, 0, 0
    for pause in pauses:
        clock += pause
        count = seldom.happened("flood", clock)
        told, lines = told + count, lines + (count > 0)
    assert lines <= 1 + clock / 10
    assert told <= len(pauses)
    if pauses:
        assert told + seldom.happened("flood", clock + 10) == len(pauses) + 1
