from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piccolo_fragment_store.core.order import NEVER, Marks, Order

orders = st.builds(Order, st.integers(1, 3), st.integers(1, 9))
statements = st.lists(st.tuples(st.sampled_from(["bury", "purge", "raise"]), orders), max_size=12)


def marks_of(said: list[tuple[str, Order]]) -> Marks:
    marks = Marks()
    for kind, order in said:
        if kind == "raise":
            marks = marks.with_undelete(order)
        else:
            marks = marks.with_tombstone(order, purge=kind == "purge")
    return marks


@given(statements, st.randoms(use_true_random=False))
def test_late_repeated_and_reordered_statements_lead_to_the_same(
    said: list[tuple[str, Order]], chance: object
) -> None:
    shuffled = [*said, *said[: len(said) // 2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert marks_of(shuffled) == marks_of(said)


@given(statements, orders)
def test_buried_is_who_was_buried_last(said: list[tuple[str, Order]], alive: Order) -> None:
    marks = marks_of(said)
    dead = max((order for kind, order in said if kind != "raise"), default=NEVER)
    raised = max((order for kind, order in said if kind == "raise"), default=NEVER)
    assert marks.bury(alive) == (dead > alive and dead > raised)


@given(statements, orders)
def test_what_is_purged_is_buried_too(said: list[tuple[str, Order]], alive: Order) -> None:
    marks = marks_of(said)
    assert marks.bury(alive) or not marks.purge(alive)


def test_generation_counts_before_seq() -> None:
    assert Order(2, 1) > Order(1, 99)
    assert str(Order(2, 1)) == "2.1"


def test_an_undelete_of_the_same_number_does_not_lose() -> None:
    marks = Marks().with_tombstone(Order(1, 5), purge=True).with_undelete(Order(1, 5))
    assert not marks.bury(NEVER)
    assert not marks.purge(NEVER)
