"""What is still to be done after words were exposed: the rule alone."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from piccolo_vault.core.storage.resealing import Course, Left, Step, is_leftover, is_suspected, sized

NAMES = st.lists(st.text("abc", min_size=1, max_size=4), max_size=6).map(tuple)
LEFT = st.builds(Left, *[st.integers(0, 10**6)] * 2, st.integers(0, 10**15))
COURSES = st.builds(
    Course,
    st.integers(0, 10**6),
    st.integers(0, 10**15),
    LEFT,
    st.integers(0, 9),
    NAMES,
    NAMES,
    st.integers(0, 10**13),
    st.integers(0, 3),
)
ORDER = list(Step)


@given(COURSES)
def test_it_is_over_exactly_when_nothing_is_left(course: Course) -> None:
    nothing = not (course.left.objects or course.left.versions or course.untold or course.unswept)
    assert (course.step is Step.OVER) == nothing


@given(COURSES)
def test_nobody_is_gone_through_before_everything_exposed_has_ended(course: Course) -> None:
    if course.step in (Step.SWEEP, Step.OVER):
        assert (course.left.objects, course.left.versions, course.untold) == (0, 0, ())
    if course.step is not Step.SEAL:
        assert course.left.versions == 0


@given(COURSES, st.sampled_from(["versions", "objects", "untold", "unswept"]))
def test_what_is_done_never_leads_back(course: Course, what: str) -> None:
    left = course.left
    after = {
        "versions": replace(course, left=replace(left, versions=0, bytes=0)),
        "objects": replace(course, left=replace(left, objects=0)),
        "untold": replace(course, untold=course.untold[1:]),
        "unswept": replace(course, unswept=course.unswept[1:]),
    }[what]
    assert ORDER.index(after.step) >= ORDER.index(course.step)
    assert after.versions >= course.versions
    assert after.bytes >= course.bytes


@given(COURSES)
def test_the_words_tell_of_what_is_waited_for_and_promise_no_end_too_early(course: Course) -> None:
    assert course.words.endswith(".")
    over = course.step is Step.OVER
    assert course.words.count("Nothing is left") == (over and not course.unopened)
    assert ("only the earlier words open" in course.words) == (over and course.unopened > 0)
    waits = {Step.END: course.untold, Step.SWEEP: course.unswept}.get(course.step, ())
    assert all(name in course.words for name in waits[:3])


@given(COURSES)
def test_the_estimate_is_the_allowance_and_never_negative(course: Course) -> None:
    assume(course.bytes_a_day)
    assert course.days >= 0
    assert abs(course.days * course.bytes_a_day - course.left.bytes) < 1 + course.left.bytes * 1e-9


@given(st.booleans(), st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans())
def test_what_a_file_needs_or_a_newer_device_wrote_is_no_leftover(
    whole: bool, generation: int, through: int, named: bool, unopened: bool
) -> None:
    found = is_leftover(whole=whole, generation=generation, through=through, named=named, unopened=unopened)
    assert found == (whole and not named and not unopened and generation <= through)


ORDERS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)


@given(ORDERS, st.integers(0, 9), st.randoms())
def test_one_version_of_exposed_words_makes_its_whole_object_suspected(
    orders: list[tuple[int, int]], through: int, chance: Random
) -> None:
    found = is_suspected(orders, through)
    assert found == (min(orders)[0] <= through)
    assert not is_suspected(orders, 0)
    chance.shuffle(orders)
    assert is_suspected(orders, through) == found
    assert not found or is_suspected([*orders, (9, 9)], through + 1)


def test_sizes_are_told_as_people_say_them() -> None:
    assert [sized(n) for n in (0, 999, 1_000, 80_400_000_000, 10**18)] == [
        "0 bytes",
        "999 bytes",
        "1.0 KB",
        "80.4 GB",
        "1000.0 PB",
    ]


@given(LEFT, LEFT)
def test_what_was_sealed_anew_is_left_no_more_and_never_less_than_nothing(left: Left, sealed: Left) -> None:
    after = left.without(sealed)
    assert after.objects == left.objects
    assert 0 <= after.versions <= left.versions
    assert 0 <= after.bytes <= left.bytes
    assert left.without(Left()) == left
