"""A file's versions are in the order in which they were first published, however they turn up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_metadata.core.ages import DAY
from piccolo_metadata.core.objects import ObjectKind
from piccolo_metadata.core.paths import Path
from piccolo_metadata.core.versions import Order, place
from piccolo_metadata.engine import files, history, objects, publishing
from piccolo_metadata.tests.builders import Bench, a_file, an_id, an_intent

ORDERS = st.tuples(st.integers(1, 3), st.integers(1, 2**40))
A = Path.parse("/a")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def kept(bench: Bench, path: Path = A) -> list[bytes]:
    """A file's versions, newest first; the first is the current one."""
    found = bench.now(history.versions, path, None, 100).items
    assert [one.current for one in found] == [True] + [False] * (len(found) - 1)
    entry = bench.now(files.stat, path)
    assert (entry.version_id, entry.versions) == (found[0].version_id, len(found))
    return [one.version_id for one in found]


@given(st.lists(ORDERS, unique=True))
def test_every_version_finds_its_place(orders: list[Order]) -> None:
    versions: list[Order] = []  # oldest first
    for order in orders:
        numbered = list(enumerate(versions, 1))
        versions.insert(place(reversed(numbered), order) - 1, order)
    assert versions == sorted(orders)


@given(st.lists(ORDERS, min_size=1, max_size=8, unique=True))
def test_whatever_the_order_of_publishing_the_highest_is_current_and_the_history_is_sorted(
    orders: list[Order],
) -> None:
    bench = Bench()
    try:
        for at, order in enumerate(orders):
            bench.clock.pass_days(1)
            (answer,) = bench.publish(a_file("/a", order, order=order, size=at))
            assert answer.entry is not None
            assert (answer.entry.version_id, answer.entry.size) == (an_id(order), at)
            assert answer.entry.versions == at + 1
        assert kept(bench) == [an_id(order) for order in sorted(orders, reverse=True)]
        assert bench.now(files.stat, A).size == orders.index(max(orders))
    finally:
        bench.close()


def test_what_goes_into_the_history_lets_whoever_saw_the_current_version_go_on(bench: Bench) -> None:
    bench.publish(a_file("/a", "new", order=(1, 9)))
    seen = bench.now(files.stat, A)
    (answer,) = bench.publish(a_file("/a", "old", order=(1, 5)))
    assert answer.entry is not None
    assert (answer.entry.version_id, answer.entry.revision) == (an_id("old"), seen.revision)
    assert bench.now(files.stat, A) == replace(seen, versions=2)
    bench.publish(a_file("/a", "newest", order=(2, 1), expected=seen.revision))
    assert kept(bench) == [an_id("newest"), an_id("new"), an_id("old")]


def test_its_age_as_an_old_version_starts_when_it_is_found(bench: Bench) -> None:
    bench.publish(a_file("/a", "new", order=(1, 9)))
    bench.clock.pass_days(40)
    bench.publish(a_file("/a", "old", order=(1, 5)))
    entry = bench.rows("SELECT id FROM entry WHERE name = 'a'")[0][0]
    assert bench.do(history.prune, entry, keep=1, min_age=30 * DAY) == 0
    bench.clock.pass_days(30)
    assert bench.do(history.prune, entry, keep=1, min_age=30 * DAY) == 1
    assert kept(bench) == [an_id("new")]


def test_a_pack_that_crosses_another_changes_only_what_it_has_newer(bench: Bench) -> None:
    def crossed(suffix: str, p: int, q: int) -> None:
        made = [a_file("/p", f"p{suffix}", order=(1, p)), a_file("/q", f"q{suffix}", order=(1, q))]
        bench.publish(*made, kind=ObjectKind.PACK)

    crossed("A", 3, 8)
    crossed("B", 7, 4)
    assert kept(bench, Path.parse("/p")) == [an_id("pB"), an_id("pA")]
    assert kept(bench, Path.parse("/q")) == [an_id("qA"), an_id("qB")]


def test_a_found_version_is_refused_like_any_other_when_its_name_is_not_as_expected(bench: Bench) -> None:
    bench.publish(a_file("/a", "new", order=(1, 9)))
    revision = bench.now(files.stat, A).revision
    for expected, reason in ((0, "ENTRY_EXISTS"), (revision + 1, "REVISION_CONFLICT")):
        intent = an_intent(a_file("/a", "old", order=(1, 5), expected=expected))
        assert [one.reason for one in bench.do(publishing.prepare, intent)] == [reason]
    assert kept(bench) == [an_id("new")]


def test_an_older_version_that_the_owner_took_up_again_gives_way_to_the_next_write_only(bench: Bench) -> None:
    bench.publish(a_file("/a", 1, order=(1, 1)))
    bench.publish(a_file("/a", 2, order=(1, 2)))
    bench.do(history.restore, A, an_id(1))
    assert kept(bench) == [an_id(1), an_id(2)]
    bench.publish(a_file("/a", 3, order=(1, 3)))
    assert kept(bench) == [an_id(3), an_id(1), an_id(2)]


def test_an_objects_files_tell_their_order_and_where_they_are_current_first(bench: Bench) -> None:
    bench.publish(a_file("/b", 1, order=(2, 5)))
    bench.do(files.copy_file, Path.parse("/b"), Path.parse("/c"), overwrite=False)
    bench.do(files.copy_file, Path.parse("/b"), Path.parse("/a"), overwrite=False)
    object_id = bench.now(objects.manifest, A, b"").object.object_id
    bench.publish(a_file("/a", 2, order=(2, 6)))
    found = [(file.path, file.order) for file in bench.now(objects.files_of, object_id)]
    assert found == [("/b", (2, 5)), ("/c", (2, 5)), ("/a", (2, 5))]
