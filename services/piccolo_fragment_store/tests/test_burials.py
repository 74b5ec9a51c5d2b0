"""Tombstones and undeletes: whatever order they come in, and however often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_fragment_store.core.fragment import Kept, Place, State
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.core.running import DAY
from piccolo_fragment_store.engine import burials
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.membership import note_devices
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import (
    HandClock,
    close_index,
    commit,
    open_holdings,
    put,
    read_all,
    sample,
    store,
)
from piccolo_fragment_store.testing.people import Person, circle_of
from piccolo_fragment_store.tests.model import timeless

PERSON = Person()
PIECE = sample(PERSON.id, 1)
IDS = [PIECE.key.fragment]
Act = Callable[[Holdings], None]


@pytest.fixture
def holdings(tmp_path: Path) -> Iterator[Holdings]:
    made = open_holdings(SimulatedDisk(), tmp_path / "index", HandClock(3 * DAY))
    note_devices(made, circle_of(PERSON))
    yield made
    close_index(made)


def bury(holdings: Holdings, seq: int, *, purge: bool = False, ids: list[bytes] = IDS) -> int:
    tombstone = PERSON.tombstone_record(ids, 1, seq, purge=purge)
    return burials.bury(holdings, tombstone, PERSON.tombstone(ids, 1, seq, purge=purge), by=PERSON.caller)


def unbury(holdings: Holdings, seq: int) -> burials.Unburied:
    return burials.unbury(holdings, PERSON.undelete_record(IDS, 1, seq), PERSON.undelete(IDS, 1, seq))


def kept(holdings: Holdings) -> Kept:
    return holdings.index.kept(PIECE.key)


def state(holdings: Holdings) -> State | None:
    whole = kept(holdings).whole
    return whole.state if whole else None


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Statements about one stored fragment; and the same ones repeated and in another order."""
    kinds = draw(st.lists(st.sampled_from(["bury", "unbury"]), min_size=1, max_size=5))
    said = [(kind, 10 + number) for number, kind in enumerate(kinds)]
    repeated = said + draw(st.lists(st.sampled_from(said), max_size=3))
    return said, draw(st.permutations(repeated))


@given(stories())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_late_repeated_and_reordered_statements_end_alike(
    tmp_path: Path, story: tuple[list[tuple[str, int]], list[tuple[str, int]]]
) -> None:
    ends = []
    for said in story:
        holdings = open_holdings(SimulatedDisk(), Path(":memory:"))
        store(holdings, PERSON, PIECE, 1)
        for kind, seq in said:
            (bury if kind == "bury" else unbury)(holdings, seq)
        assert read_all(holdings, PIECE.key) == PIECE.data
        ends.append(timeless(kept(holdings)))
        close_index(holdings)
    assert ends[0] == ends[1]
    assert ends[0].whole is not None
    assert (ends[0].whole.state is State.TRASH) == (story[0][-1][0] == "bury")


@given(st.permutations(["put", "bury", "unbury"]))
@settings(deadline=None, max_examples=30)
def test_a_late_put_does_not_raise_the_dead(order: list[str]) -> None:
    holdings = open_holdings(SimulatedDisk(), Path(":memory:"))
    acts: dict[str, Act] = {
        "put": lambda to: _try(lambda: store(to, PERSON, PIECE, 3)),
        "bury": lambda to: _try(lambda: bury(to, 5)),
        "unbury": lambda to: _try(lambda: unbury(to, 4)),  # older than the tombstone
    }
    for name in order:
        acts[name](holdings)
    assert state(holdings) in (None, State.TRASH)
    assert store(holdings, PERSON, PIECE, 6).state is State.LIVE  # newer than the tombstone
    assert bury(holdings, 5) == 0
    assert state(holdings) is State.LIVE
    close_index(holdings)


def test_the_trash_is_filed_by_the_day_of_running_time(holdings: Holdings) -> None:
    store(holdings, PERSON, PIECE, 1)
    assert bury(holdings, 5) == 1
    whole = kept(holdings).whole
    assert whole is not None
    assert whole.place == Place(State.TRASH, 3)


def test_a_provisional_fragment_comes_back_provisional_and_a_live_one_live(holdings: Holdings) -> None:
    put(holdings, PIECE)
    bury(holdings, 5)
    assert unbury(holdings, 6).restored == 1
    assert state(holdings) is State.PROVISIONAL
    commit(holdings, PERSON, PIECE, 7)
    bury(holdings, 8)
    assert unbury(holdings, 9).restored == 1
    assert state(holdings) is State.LIVE
    assert unbury(holdings, 9).restored == 0


def test_a_tombstone_of_what_is_not_here_is_remembered(holdings: Holdings) -> None:
    assert bury(holdings, 5) == 0
    with pytest.raises(PiccoloError) as late:
        put(holdings, PIECE)
    assert late.value.reason == "BURIED"
    assert (late.value.details["generation"], late.value.details["seq"]) == ("1", "5")


def test_what_says_nothing_new_is_not_written_again(holdings: Holdings) -> None:
    store(holdings, PERSON, PIECE, 1)
    bury(holdings, 5)
    size = holdings.tombstones.size
    bury(holdings, 5)
    bury(holdings, 4)
    assert holdings.tombstones.size == size
    bury(holdings, 6)
    assert holdings.tombstones.size > size


def test_a_purge_takes_the_bytes_at_once_and_leaves_the_tombstone(holdings: Holdings) -> None:
    store(holdings, PERSON, PIECE, 1)
    assert bury(holdings, 5, purge=True) == 1
    assert state(holdings) is None
    assert holdings.ledger.used == 0
    assert unbury(holdings, 6).gone == IDS
    assert put(holdings, PIECE, order=Order(1, 7)).state is State.PROVISIONAL


def test_a_tombstone_ends_a_put_under_way(holdings: Holdings) -> None:
    from piccolo_fragment_store.engine.puts import open_upload

    opened = open_upload(holdings, PIECE.head(), None, only_known=False)
    assert opened.upload is not None
    opened.upload.append(PIECE.blocks[0])
    bury(holdings, 5)
    assert not kept(holdings).known
    with pytest.raises(PiccoloError) as ended:
        opened.upload.append(PIECE.blocks[1])
    assert ended.value.reason == "TAKEN_OVER"
    opened.upload.give_up()
    assert holdings.ledger.used == holdings.ledger.reserved == 0


def test_one_statement_may_name_very_many(holdings: Holdings) -> None:
    ids = [number.to_bytes(16) for number in range(5000)]
    store(holdings, PERSON, PIECE, 1)
    assert bury(holdings, 5, ids=ids) == 1


def test_a_log_that_is_full_deletes_nothing(holdings: Holdings, monkeypatch: pytest.MonkeyPatch) -> None:
    store(holdings, PERSON, PIECE, 1)
    monkeypatch.setattr(burials, "LOG_LIMIT", -1)
    with pytest.raises(PiccoloError) as full:
        bury(holdings, 5)
    assert full.value.reason == "LOG_FULL"
    assert state(holdings) is State.LIVE


def test_a_log_that_others_filled_keeps_nothing_in_the_trash(
    holdings: Holdings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(holdings, PERSON, PIECE, 1)
    bury(holdings, 5)
    monkeypatch.setattr(burials, "LOG_LIMIT", 0)
    assert unbury(holdings, 6).restored == 1


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except PiccoloError as refused:
        if refused.reason != "BURIED":
            raise
