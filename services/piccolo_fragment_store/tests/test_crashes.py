"""One long story, with the power cut at each of its disk operations in turn, and the disk full at each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.fragment import State
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk
from piccolo_fragment_store.testing.keeping import close_index, open_holdings, read_all, sample
from piccolo_fragment_store.testing.people import Person
from piccolo_fragment_store.tests.acts import Acts
from piccolo_fragment_store.tests.model import Ledgers

PERSON = Person()
SMALL = sample(PERSON.id, 1, blocks=1, block_size=300)
LONG = sample(PERSON.id, 2, last=77)
GONE = sample(PERSON.id, 3)


def tell(acts: Acts) -> None:
    acts.store(PERSON, SMALL, Order(1, 1))
    acts.put(LONG, Order(1, 2), upto=1)
    acts.put(LONG, Order(1, 2))
    acts.put(LONG, Order(1, 3), resume=1)
    acts.commit(PERSON, LONG, Order(1, 4))
    acts.renew(PERSON, LONG.key, Order(1, 5))
    acts.store(PERSON, GONE, Order(1, 6))
    acts.bury(PERSON, [LONG.key, GONE.key], Order(1, 7))
    acts.unbury(PERSON, [LONG.key], Order(1, 8))
    acts.bury(PERSON, [GONE.key], Order(1, 9), purge=True)
    acts.put(GONE, Order(1, 10))
    acts.bury(PERSON, [SMALL.key], Order(1, 11))
    acts.put(SMALL, Order(1, 12))
    acts.commit(PERSON, SMALL, Order(1, 13))


def operations() -> int:
    disk = SimulatedDisk()
    holdings = open_holdings(disk, Path(":memory:"))
    tell(Acts(Ledgers(), holdings))
    return disk.operations


@pytest.fixture
def indices(memory_path: Path) -> Iterator[Path]:
    return (memory_path / str(number) for number in range(10_000))


@pytest.mark.parametrize("index_survives", [True, False])
def test_a_power_cut_at_any_operation_breaks_no_promise(
    indices: Iterator[Path], index_survives: bool
) -> None:
    total = operations()
    assert total > 100
    for stop_at in range(1, total + 2):
        for seed in range(2):
            index = next(indices)
            _cut(stop_at, seed, index, index if index_survives else Path(":memory:"))


def _cut(stop_at: int, seed: int, index: Path, index_after: Path) -> None:
    disk, owed = SimulatedDisk(), Ledgers()
    disk.stop_at = stop_at
    holdings: Holdings | None = None
    try:
        holdings = open_holdings(disk, index)
        tell(Acts(owed, holdings))
    except PowerCut:
        pass
    if holdings is not None:
        close_index(holdings, agrees=False)
    disk.restart(random.Random(seed))
    again = open_holdings(disk, index_after)
    owed.check(again)
    tell_on(again, owed)
    close_index(again)


def tell_on(holdings: Holdings, owed: Ledgers) -> None:
    """The owner goes on after the cut: whatever was done to its end before may be done again."""
    acts = Acts(owed, holdings)
    for piece, seq in ((SMALL, 20), (LONG, 22), (GONE, 24)):
        acts.put(piece, Order(1, seq))
        acts.commit(PERSON, piece, Order(1, seq + 1))
        assert holdings.index.kept(piece.key).whole is not None
    owed.check(holdings)


def test_a_full_disk_at_any_operation_refuses_serves_and_leaves_nothing_half(indices: Iterator[Path]) -> None:
    for full_at in range(1, operations() + 1):
        disk, owed = SimulatedDisk(), Ledgers()
        holdings = _opened(disk, full_at, next(indices))
        acts = Acts(owed, holdings)
        with _full():
            tell(acts)
        disk.full_at = frozenset()
        if holdings.doubted:
            with holdings.everything():
                holdings.mend()
        assert _half_files(disk, holdings) == [], full_at
        tell_on(holdings, owed)
        assert not holdings.doubted
        close_index(holdings)


def _opened(disk: SimulatedDisk, full_at: int, index: Path) -> Holdings:
    disk.full_at = frozenset({full_at})
    with _full():
        return open_holdings(disk, index)
    return open_holdings(disk, index)


@contextmanager
def _full() -> Iterator[None]:
    """Lets nothing pass but a full disk."""
    try:
        yield
    except PiccoloError as refused:
        if refused.kind is not Kind.FULL:
            raise


def _half_files(disk: SimulatedDisk, holdings: Holdings) -> list[str]:
    known = {
        bytes(16 - len(i)) + i
        for key in (SMALL.key, LONG.key, GONE.key)
        if (i := key.fragment) and holdings.index.kept(key).incoming
    }
    paths = [path for path in disk.names if path.startswith("incoming/")]
    return [path for path in paths if bytes.fromhex(path.rpartition("/")[2].partition(".")[0]) not in known]


def test_a_disk_that_stays_full_serves_what_it_has(tmp_path: Path) -> None:
    disk = SimulatedDisk(capacity=1 << 30)
    holdings, owed = open_holdings(disk, tmp_path / "index", reserve=1 << 20), Ledgers()
    acts = Acts(owed, holdings)
    acts.store(PERSON, SMALL, Order(1, 1))
    acts.put(LONG, Order(1, 2))
    disk.capacity = disk.used() + (1 << 20)
    with pytest.raises(PiccoloError) as put_refused:
        acts.put(GONE, Order(1, 3))
    with pytest.raises(PiccoloError) as store_refused:
        acts.store(PERSON, GONE, Order(1, 4))
    assert put_refused.value.kind is store_refused.value.kind is Kind.FULL
    assert not holdings.index.kept(GONE.key).known
    assert not [path for path in disk.names if path.startswith("incoming/")]
    assert read_all(holdings, SMALL.key) == SMALL.data
    acts.commit(PERSON, LONG, Order(1, 5))
    acts.bury(PERSON, [SMALL.key], Order(1, 6))
    whole = holdings.index.kept(SMALL.key).whole
    assert whole is not None
    assert whole.state is State.TRASH
    close_index(holdings)
