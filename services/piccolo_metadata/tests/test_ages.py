from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piccolo_metadata.core.ages import DAY, STEP, Age

STEPS = st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 10**6)), max_size=30)


@given(STEPS)
def test_age_grows_by_no_more_than_either_clock(steps: list[tuple[int, int]]) -> None:
    age = Age(5, 0, 0)
    for by_wall, by_monotonic in steps:
        later = age.look(age.wall + by_wall, age.monotonic + by_monotonic)
        grown = later.seconds - age.seconds
        assert 0 <= grown <= max(0, min(by_wall, by_monotonic))
        age = later


def test_a_clock_set_ahead_by_years_ages_nothing_and_stops_giving_up_for_a_day() -> None:
    age = Age(0, 0, 10 * DAY).look(60, 10 * DAY + 60)
    assert age.may_give_up
    wrong = age.look(3_650 * DAY, 10 * DAY + 120)
    assert wrong.seconds == 120
    assert not wrong.may_give_up
    later = wrong.look(wrong.wall + DAY, wrong.monotonic + DAY)
    assert later.may_give_up


def test_a_clock_set_back_ages_nothing_either() -> None:
    age = Age(100, 1_000_000, 10 * DAY).look(0, 10 * DAY + 60)
    assert age.seconds == 100
    assert not age.may_give_up


def test_small_corrections_are_no_step() -> None:
    age = Age(0, 0, 10 * DAY).look(STEP + 60, 10 * DAY + 60)
    assert age.may_give_up


def test_nothing_is_given_up_on_the_first_day_after_a_boot() -> None:
    assert not Age(10**9, 0, DAY - 1).may_give_up
    assert Age(10**9, 0, DAY).may_give_up
