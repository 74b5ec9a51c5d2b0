"""What must not grow with the number of entries."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import files, history, objects, outbox, search, tree
from piccolo_metadata.engine.tree import Current
from piccolo_metadata.ports import Transaction
from piccolo_metadata.tests.builders import Bench, an_id, an_object

COUNT = 100_000


def fill(tx: Transaction, first: int, count: int) -> None:
    """Makes files /large/<group>/<number>, all of one content."""
    for number in range(first, first + count):
        if number % 1_000 == 0:
            above = tree.make_directories(tx, Path(("large", f"{number // 1_000:03}")))
        node = tree.insert(tx, above, f"Größe {number:06}.txt", Current(an_id(1), 100, 7, ""))
        history.add_first(tx, node)


def add_content(tx: Transaction) -> None:
    objects.insert(tx, an_object("one"))
    values = (an_id(1), an_id("one"), b"", b"", b"", 0, 148, 100, 7, "")
    tx.run("INSERT INTO content VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1)", *values)


@pytest.fixture(scope="module")
def large() -> Bench:
    bench = Bench()
    bench.do(add_content)
    for first in range(0, COUNT, 10_000):
        bench.do(fill, first, 10_000)
        bench.do(outbox.acknowledge, 1 << 60, {})
    return bench


def test_renaming_a_large_directory_changes_one_row(large: Bench) -> None:
    before = large.connection.total_changes()
    large.do(files.move, Path(("large",)), Path(("renamed",)), overwrite=False, expected=None)
    assert (
        large.connection.total_changes() - before < 20
    )  # the row, the counters, the search index, the outbox
    (entry,) = large.now(outbox.pending, 0, 1 << 40)
    assert len(entry.changeset) < 500
    large.do(files.move, Path(("renamed",)), Path(("large",)), overwrite=False, expected=None)


def test_pages_of_a_large_tree_take_little_memory(large: Bench) -> None:
    tracemalloc.start()
    try:
        after: tuple[str, ...] = ()
        for _ in range(5):
            page = large.now(files.listing_below, Path(), after, 1_000)
            assert (len(page.items), page.more) == (1_000, True)
            after = page.items[-1].path.parts
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_all_pages_together_are_everything(large: Bench) -> None:
    seen, after, more = 0, "", True
    while more:
        page = large.now(files.listing, Path(("large", "007")), after, 300)
        seen += len(page.items)
        after, more = page.items[-1].path.name, page.more
    assert seen == 1_000


@pytest.mark.parametrize(
    ("query", "found"),
    [("größe", 100), ("GRÖSSE 0999", 100), ("099999", 1), ("9999", 19), ("§", 0), ("nothing", 0), ("9", 100)],
)
def test_a_search_in_a_large_tree_looks_at_few_names(large: Bench, query: str, found: int) -> None:
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 1
        return False

    large.connection.set_progress_handler(count, 1_000)
    try:
        page = large.now(search.search, query, Path(), None, 100)
    finally:
        large.connection.set_progress_handler(None)
    assert len(page.items) == found
    assert all("größe" in entry.path.name.casefold() or "ö" in entry.path.name for entry in page.items)
    assert steps < 300  # a walk through all of it takes some 3,000


def test_totals_and_removal_of_a_large_directory_are_right(large: Bench) -> None:
    totals = large.now(files.totals, Path())
    assert (totals.files, totals.directories, totals.size) == (COUNT, COUNT // 1_000 + 1, COUNT * 100)
    began = time.monotonic()
    count, _ = large.do(files.remove, Path(("large",)), recursive=True, expected=None, doomed=False)
    assert count == COUNT
    assert time.monotonic() - began < 20
    (entry,) = large.now(outbox.pending, 0, 1 << 40)[-1:]
    assert len(entry.changeset) < 1_000
