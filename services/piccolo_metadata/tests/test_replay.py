"""A snapshot and the changesets after it lead to the same database, whatever was done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.adapters.changesets import Tables, apply_entry
from piccolo_metadata.adapters.snapshots import number_of, open_snapshot, write_snapshot
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import (
    audit,
    files,
    history,
    numbers,
    outbox,
    state,
    trash,
)
from piccolo_metadata.engine import settings as owner_settings
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import OutboxEntry
from piccolo_metadata.tests.builders import Bench, a_file, content_of

NAMES = st.sampled_from(["a", "b", "ä"])
WHERE = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
STEP = st.one_of(
    st.tuples(st.just("publish"), WHERE, st.integers(0, 10**6)),
    st.tuples(st.just("directory"), WHERE),
    st.tuples(st.just("move"), WHERE, WHERE),
    st.tuples(st.just("copy"), WHERE, WHERE),
    st.tuples(st.just("remove"), WHERE, st.booleans()),
    st.tuples(st.just("take apart")),
    st.tuples(st.just("restore"), st.integers(0, 3)),
    st.tuples(st.just("version"), WHERE),
    st.tuples(st.just("state"), NAMES, st.binary(max_size=9)),
    st.tuples(st.just("setting"), st.integers(1, 99)),
    st.tuples(st.just("audit"), NAMES),
    st.tuples(st.just("reserve"), st.integers(1, 9)),
    st.tuples(st.just("local")),
)


def act(bench: Bench, step: tuple[Any, ...]) -> None:
    """Does a step, whatever comes of it."""
    kind, *args = step
    where = [Path(arg) for arg in args if isinstance(arg, tuple)]
    actions: dict[str, Callable[[], object]] = {
        "publish": lambda: bench.publish(a_file(str(where[0]), args[1])),
        "directory": lambda: bench.do(files.make_directory, where[0]),
        "move": lambda: bench.do(files.move, *where, overwrite=True, expected=None),
        "copy": lambda: bench.do(files.copy_file, *where, overwrite=True),
        "remove": lambda: bench.do(files.remove, where[0], recursive=True, expected=None, doomed=args[1]),
        "take apart": lambda: bench.do(trash.take_apart_some),
        "restore": lambda: bench.do(
            trash.restore, bench.now(trash.listing, None, 9).items[args[0]].trash_id, None
        ),
        "version": lambda: bench.do(
            history.restore, where[0], bench.now(history.versions, where[0], None, 9).items[-1].version_id
        ),
        "state": lambda: bench.do(state.put, "n", [StateValue(args[0], args[1], 0)], [], check=False),
        "setting": lambda: bench.do(owner_settings.set_some, {"trash.days": str(args[0])}),
        "audit": lambda: bench.do(audit.append, args[0], "b", "", "ok", ""),
        "reserve": lambda: bench.do(numbers.reserve, args[0]),
        "local": lambda: bench.do(outbox.set_local, {"k": b"v"}),
    }
    try:
        actions[kind]()
    except (PiccoloError, IndexError, AssertionError):
        return


def pending(bench: Bench) -> list[OutboxEntry]:
    return bench.now(outbox.pending, 0, 1 << 40)


@given(st.lists(STEP, max_size=25), st.integers(0, 25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_and_the_changesets_after_it_are_the_database(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]], at: int
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    bench = Bench(folder / "metadata.db")
    for step in steps[:at]:
        act(bench, step)
    snapshot = write_snapshot(folder / "metadata.db", folder / "snapshot.db")
    for step in steps[at:]:
        act(bench, step)
    restored = open_snapshot(folder / "snapshot.db")
    tables = Tables(restored)
    assert number_of(restored) == snapshot.number
    for entry in pending(bench)[snapshot.number :]:
        apply_entry(restored, tables, entry)
    assert content_of(restored, tables.names) == content_of(bench.connection, tables.names)
    assert restored.execute("PRAGMA foreign_key_check").fetchall() == []
    restored.close()
    bench.close()
    shutil.rmtree(folder)
