"""Running time, lifetimes, checkpoints: nothing ends too early, whatever the clocks say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piccolo_fragment_store.core import lifetimes
from piccolo_fragment_store.core.checkpoints import Checkpoints
from piccolo_fragment_store.core.running import DAY, Instant, RunningTime

BOOT = "boot-1"
steps = st.lists(st.tuples(st.integers(-DAY * 400, DAY * 400), st.integers(0, DAY)), max_size=20)


def at(wall: int, monotonic: int, boot: str = BOOT) -> Instant:
    return Instant(wall, monotonic, boot)


@given(steps)
def test_no_more_time_passes_than_either_clock_says(moves: list[tuple[int, int]]) -> None:
    wall, monotonic = 10**9, 0
    time = RunningTime.begin(None, at(wall, monotonic))
    passed = 0
    for by_wall, by_monotonic in moves:
        wall, monotonic = wall + by_wall, monotonic + by_monotonic
        time = time.advanced(at(wall, monotonic))
        passed += max(0, min(by_wall, by_monotonic))
    assert time.seconds == passed <= monotonic


@given(steps)
def test_it_is_unsettled_for_a_day_after_every_clock_step(moves: list[tuple[int, int]]) -> None:
    wall, monotonic = 10**9, 0
    time = RunningTime.begin(None, at(wall, monotonic))
    last_step = 0
    for by_wall, by_monotonic in moves:
        wall, monotonic = wall + by_wall, monotonic + by_monotonic
        time = time.advanced(at(wall, monotonic))
        if abs(by_wall - by_monotonic) > 3600:
            last_step = time.seconds
        assert time.settled == (time.seconds - last_step >= DAY)


def test_what_lay_between_two_starts_is_no_time() -> None:
    time = RunningTime.begin(None, at(1000, 10)).advanced(at(1060, 70))
    again = RunningTime.begin(time, at(900_000, 899_010))
    assert again.seconds == 60


def test_a_boot_unsettles_and_a_restart_does_not() -> None:
    settled = RunningTime(5 * DAY, 0, at(1000, 10))
    assert RunningTime.begin(settled, at(1500, 510)).settled
    assert not RunningTime.begin(settled, at(1500, 5, "boot-2")).settled


def test_a_step_while_the_service_was_down_unsettles() -> None:
    settled = RunningTime(5 * DAY, 0, at(1000, 10))
    assert not RunningTime.begin(settled, at(9_999_999, 510)).settled


def test_a_fresh_device_is_not_settled() -> None:
    assert not RunningTime.begin(None, at(1000, 10)).settled


@given(st.integers(0, 100 * DAY), st.integers(0, 100 * DAY))
def test_trash_stays_for_45_days_at_least(buried: int, later: int) -> None:
    now = buried + later
    if lifetimes.trash_ends(buried // DAY, now):
        assert later >= 45 * DAY
    elif later >= 46 * DAY:
        raise AssertionError("the trash is never emptied")


@given(st.integers(0, 90 * DAY), st.none() | st.integers(0, 90 * DAY), st.integers(0, 200 * DAY))
def test_provisional_needs_thirty_days_and_an_inventory_after_them(
    since: int, inventory: int | None, now: int
) -> None:
    ends = lifetimes.provisional_ends(since, inventory, now)
    if ends:
        assert inventory is not None
        assert inventory >= since + 30 * DAY
        assert now >= inventory + DAY
    if inventory is None:
        assert not ends


def test_only_a_recovered_device_waits_before_it_may_purge() -> None:
    assert lifetimes.may_purge(lifetimes.known_since(1000, first=True), 1000)
    since = lifetimes.known_since(1000, first=False)
    assert not lifetimes.may_purge(since, 1000 + 45 * DAY - 1)
    assert lifetimes.may_purge(since, 1000 + 45 * DAY)


def test_a_checkpoint_is_due_by_bytes() -> None:
    policy = Checkpoints(limit=100, seconds=10)
    assert not policy.due(0)
    policy.wrote(60, now=1)
    assert not policy.due(1)
    policy.wrote(40, now=1)
    assert policy.due(1)
    policy.covered()
    assert not policy.due(1)


def test_a_checkpoint_is_due_by_time_since_the_oldest_byte() -> None:
    policy = Checkpoints(limit=100, seconds=1)
    assert policy.wait(5) is None
    policy.wrote(1, now=5)
    policy.wrote(1, now=5.9)
    assert policy.wait(5.5) == 0.5
    assert policy.due(6)
    policy.covered()
    assert policy.wait(7) is None
