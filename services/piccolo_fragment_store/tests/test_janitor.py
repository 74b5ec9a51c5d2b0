"""What ends by its age, and what must not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from piccolo_fragment_store.core.fragment import State
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.core.running import DAY
from piccolo_fragment_store.engine import burials, inventory, janitor
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.puts import open_upload
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import (
    HandClock,
    InlineWorkers,
    close_index,
    open_holdings,
    put,
    sample,
    store,
)
from piccolo_fragment_store.testing.people import Person

PERSON = Person()
PIECE = sample(PERSON.id, 1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(10 * DAY)


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk()


@pytest.fixture
def holdings(tmp_path: Path, clock: HandClock, disk: SimulatedDisk) -> Iterator[Holdings]:
    made = open_holdings(disk, tmp_path / "index", clock)
    yield made
    close_index(made)


def bury(holdings: Holdings) -> None:
    ids = [PIECE.key.fragment]
    burials.bury(
        holdings,
        PERSON.tombstone_record(ids, 1, 5),
        PERSON.tombstone(ids, 1, 5),
        by=PERSON.caller,
    )


def state(holdings: Holdings) -> State | None:
    whole = holdings.index.kept(PIECE.key).whole
    return whole.state if whole else None


def listed(holdings: Holdings) -> None:
    """The owner lists all that it has."""
    assert inventory.page(holdings, PERSON.id, b"", 100, inventory=True).after is None


def test_the_trash_is_emptied_after_45_whole_days(
    holdings: Holdings, clock: HandClock, disk: SimulatedDisk
) -> None:
    store(holdings, PERSON, PIECE, 1)
    clock.now = 10 * DAY + 1
    bury(holdings)
    clock.now = 56 * DAY - 1
    assert janitor.sweep(holdings) == 0
    assert state(holdings) is State.TRASH
    clock.now = 56 * DAY
    assert janitor.sweep(holdings) == 1
    assert state(holdings) is None
    assert not [path for path in disk.names if path.startswith("trash")]
    assert not disk.entries("trash")
    assert holdings.ledger.used == 0
    assert holdings.index.kept(PIECE.key).marks.dead == Order(1, 5)  # the tombstone outlives the bytes


def test_nothing_is_purged_while_the_clock_is_not_settled(holdings: Holdings, clock: HandClock) -> None:
    store(holdings, PERSON, PIECE, 1)
    bury(holdings)
    clock.now, clock.is_settled = 900 * DAY, False
    assert janitor.sweep(holdings) == 0
    assert state(holdings) is State.TRASH
    clock.is_settled = True
    assert janitor.sweep(holdings) == 1


def test_live_fragments_never_end(holdings: Holdings, clock: HandClock) -> None:
    store(holdings, PERSON, PIECE, 1)
    clock.now = 9000 * DAY
    listed(holdings)
    clock.now += 9000 * DAY
    assert janitor.sweep(holdings) == 0
    assert state(holdings) is State.LIVE


def test_a_provisional_fragment_ends_when_its_owner_looked_and_did_not_want_it(
    holdings: Holdings, clock: HandClock
) -> None:
    put(holdings, PIECE)
    clock.now += 31 * DAY
    assert janitor.sweep(holdings) == 0  # nobody looked
    listed(holdings)
    assert janitor.sweep(holdings) == 0  # it has a day to say so
    clock.now += DAY
    assert janitor.sweep(holdings) == 1
    assert state(holdings) is None


def test_an_owner_who_asks_for_it_keeps_it(holdings: Holdings, clock: HandClock) -> None:
    put(holdings, PIECE)
    clock.now += 31 * DAY
    listed(holdings)
    inventory.states(holdings, PERSON.id, [PIECE.key.fragment], claims=False)  # a blank device only looks
    inventory.states(holdings, PERSON.id, [PIECE.key.fragment], claims=True)
    clock.now += 2 * DAY
    assert janitor.sweep(holdings) == 0
    clock.now += 31 * DAY
    assert janitor.sweep(holdings) == 0  # not listed again since
    listed(holdings)
    clock.now += 2 * DAY
    assert janitor.sweep(holdings) == 1


def test_an_inventory_from_before_does_not_count(holdings: Holdings, clock: HandClock) -> None:
    put(holdings, PIECE)
    clock.now += 29 * DAY
    listed(holdings)
    clock.now += 900 * DAY
    assert janitor.sweep(holdings) == 0
    assert state(holdings) is State.PROVISIONAL


def test_a_lost_index_only_makes_things_younger(
    holdings: Holdings, clock: HandClock, disk: SimulatedDisk
) -> None:
    put(holdings, PIECE)
    clock.now += 31 * DAY
    listed(holdings)
    clock.now += DAY
    rebuilt = open_holdings(disk, Path(":memory:"), clock)
    assert janitor.sweep(rebuilt) == 0
    close_index(rebuilt)


def test_half_written_fragments_end_after_a_week_but_not_those_being_written(
    holdings: Holdings, clock: HandClock
) -> None:
    abandoned, running = sample(PERSON.id, 2), sample(PERSON.id, 3)
    for piece in (abandoned, running):
        opened = open_upload(holdings, piece.head(), None, only_known=False)
        assert opened.upload is not None
        opened.upload.append(piece.blocks[0])
        if piece is abandoned:
            opened.upload.give_up()
    clock.now += 7 * DAY - 1
    assert janitor.sweep(holdings) == 0
    clock.now += 1
    assert janitor.sweep(holdings) == 1
    assert not holdings.index.kept(abandoned.key).known
    assert holdings.index.kept(running.key).known
    assert holdings.ledger.used == 0
    assert opened.upload is not None
    opened.upload.give_up()


def test_many_ends_at_once(holdings: Holdings, clock: HandClock) -> None:
    pieces = [sample(PERSON.id, number, blocks=1) for number in range(1, 1203)]
    for seq, piece in enumerate(pieces, 1):
        store(holdings, PERSON, piece, seq)
    ids = [piece.key.fragment for piece in pieces]
    burials.bury(
        holdings,
        PERSON.tombstone_record(ids, 1, 9999),
        PERSON.tombstone(ids, 1, 9999),
        by=PERSON.caller,
    )
    clock.now += 60 * DAY
    assert janitor.sweep(holdings) == len(pieces)


def test_trash_that_was_raised_on_disk_only_is_not_purged(holdings: Holdings, clock: HandClock) -> None:
    store(holdings, PERSON, PIECE, 1)
    bury(holdings)
    ids = [PIECE.key.fragment]
    holdings.tombstones.append(PERSON.undelete(ids, 1, 6))  # a crash came before it was obeyed
    with holdings.everything():
        reconcile(holdings)
    clock.now += 100 * DAY
    assert janitor.sweep(holdings) == 0
    assert state(holdings) is State.LIVE


async def test_it_runs_until_the_process_stops(holdings: Holdings) -> None:
    stopping = asyncio.Event()
    task = asyncio.create_task(janitor.run(holdings, InlineWorkers(), stopping))
    await asyncio.sleep(0)
    stopping.set()
    async with asyncio.timeout(5):
        await task
