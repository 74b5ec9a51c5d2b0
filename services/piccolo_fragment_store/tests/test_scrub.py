"""Whatever the disk changes is found without anybody reading it, remembered, told, and healed by a put."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.adapters.disk import RealDisk
from piccolo_fragment_store.adapters.scrub_file import ScrubFile
from piccolo_fragment_store.core import layout, scrubbing
from piccolo_fragment_store.core.fragment import Key, Place, State
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.core.running import DAY
from piccolo_fragment_store.core.scrubbing import Pace, Round
from piccolo_fragment_store.engine import burials, keeping
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.keeping import Record
from piccolo_fragment_store.engine.limits import Limits, Traffic
from piccolo_fragment_store.engine.scrub import Scrub, Walker
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import (
    HandClock,
    InlineWorkers,
    close_index,
    commit,
    open_holdings,
    put,
    read_all,
    sample,
    store,
)
from piccolo_fragment_store.testing.people import Person

PERSON = Person()
PIECE = sample(PERSON.id, 7, blocks=5, last=100)
LIVE = Place(State.LIVE)
FILE, BESIDE = layout.path(PIECE.key, LIVE), layout.record_path(PIECE.key, LIVE)
LARGE = sample(PERSON.id, 8, blocks=40, block_size=100_000)


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


def whole_round(holdings: Holdings) -> Round:
    round_, walker = Round(began=holdings.clock.running()), Walker(holdings)
    while not round_.over:
        round_ = walker.step(round_)
    return round_


def damaged(holdings: Holdings) -> list[bytes]:
    return holdings.index.damaged_of(PERSON.id, 10)


def renew(holdings: Holdings, seq: int) -> None:
    keeping.renew(holdings, PIECE.key, Record(PERSON.commit(1, seq), Order(1, seq)))


def places() -> dict[str, int]:
    """An offset in each part of the fragment's file; negative: from its end."""
    blocks, leaves = len(PIECE.data), 32 * len(PIECE.blocks)
    return {
        "magic": 3,
        "header": 30,
        "padding": 511,
        "first block": 512,
        "last block": 512 + blocks - 1,
        "first leaf": 512 + blocks,
        "last leaf": 512 + blocks + leaves - 1,
        "record": 512 + blocks + leaves + 5,
        "trailer": -44 - 20,
        "check": -44,
        "length": -9,
        "end": -1,
    }


@pytest.mark.parametrize("part", places())
def test_a_changed_byte_anywhere_is_found_remembered_and_healed(
    holdings: Holdings, disk: SimulatedDisk, part: str
) -> None:
    store(holdings, PERSON, PIECE, 1)
    store(holdings, PERSON, LARGE, 2)
    assert whole_round(holdings).damaged == 0
    offset = places()[part]
    disk.spoil(FILE, offset if offset >= 0 else len(disk.content(FILE)) + offset)
    found = whole_round(holdings)
    assert (found.damaged, found.last_damaged) == (1, 1)
    assert damaged(holdings) == [PIECE.key.fragment]
    put(holdings, PIECE, order=Order(1, 3))  # the same bytes again, as a repair brings them
    commit(holdings, PERSON, PIECE, 4)
    assert damaged(holdings) == []
    assert whole_round(holdings).damaged == 0
    assert read_all(holdings, PIECE.key) == PIECE.data
    assert holdings.index.kept(PIECE.key).whole.record == Order(1, 4)  # type: ignore[union-attr]


@pytest.mark.parametrize("spoilt", ["changed", "gone"])
def test_a_newer_record_that_is_lost_is_found_and_healed(
    holdings: Holdings, disk: SimulatedDisk, spoilt: str
) -> None:
    store(holdings, PERSON, PIECE, 1)
    renew(holdings, 2)
    assert whole_round(holdings).damaged == 0
    if spoilt == "changed":
        disk.spoil(BESIDE, len(disk.content(BESIDE)) // 2)
    else:
        disk.unlink(BESIDE)
    assert whole_round(holdings).damaged == 1
    assert damaged(holdings) == [PIECE.key.fragment]
    put(holdings, PIECE, order=Order(1, 3))
    commit(holdings, PERSON, PIECE, 4)
    assert damaged(holdings) == []
    assert whole_round(holdings).damaged == 0
    assert holdings.shelves.newest_record(PIECE.key, LIVE) == PERSON.commit(1, 4)


def test_a_file_that_is_gone_is_told_by_the_index_afterwards(holdings: Holdings, disk: SimulatedDisk) -> None:
    store(holdings, PERSON, PIECE, 1)
    store(holdings, PERSON, LARGE, 2)
    disk.unlink(FILE)
    assert whole_round(holdings).damaged == 1
    assert not holdings.index.kept(PIECE.key).known
    assert holdings.index.kept(LARGE.key).known
    assert not holdings.doubted


def test_what_lies_in_the_trash_or_is_provisional_is_read_too(
    holdings: Holdings, disk: SimulatedDisk
) -> None:
    put(holdings, LARGE)
    store(holdings, PERSON, PIECE, 1)
    ids = [PIECE.key.fragment]
    burials.bury(
        holdings,
        PERSON.tombstone_record(ids, 1, 5),
        PERSON.tombstone(ids, 1, 5),
        by=PERSON.caller,
    )
    for path in (name for name in disk.names if name.startswith(("trash", "provisional"))):
        disk.spoil(path, 700)
    assert whole_round(holdings).damaged == 2
    assert damaged(holdings) == [LARGE.key.fragment]  # the owner has buried the other


def test_what_is_known_to_be_damaged_is_not_read_again(holdings: Holdings, disk: SimulatedDisk) -> None:
    store(holdings, PERSON, PIECE, 1)
    disk.spoil(FILE, 600)
    assert whole_round(holdings).damaged == 1
    assert whole_round(holdings).damaged == 0
    assert damaged(holdings) == [PIECE.key.fragment]


def test_a_fragment_that_was_healed_while_its_old_file_was_read_stays_sound(
    holdings: Holdings, disk: SimulatedDisk
) -> None:
    store(holdings, PERSON, LARGE, 1)
    disk.spoil(layout.path(LARGE.key, LIVE), 512 + len(LARGE.data) - 1)
    walker = Walker(holdings)
    round_ = walker.step(walker.step(Round(began=0)))  # opened, and read a first piece
    holdings.damaged(LARGE.key, LARGE.root)
    store(holdings, PERSON, LARGE, 2)
    while not round_.over:
        round_ = walker.step(round_)
    assert round_.damaged == 0
    assert damaged(holdings) == []


def test_it_goes_on_in_the_middle_of_a_fragment_after_a_restart(
    tmp_path: Path, holdings: Holdings, disk: SimulatedDisk
) -> None:
    for number in range(3):
        store(holdings, PERSON, sample(PERSON.id, number), number + 1)
    store(holdings, PERSON, LARGE, 5)
    notes, walker = ScrubFile(tmp_path / "scrub"), Walker(holdings)
    round_ = Round(began=3)
    while round_.blocks == 0 or round_.at.fragment != (2).to_bytes(16):
        round_ = walker.step(round_)
    walker.close()
    notes.save(round_)
    disk.spoil(layout.path(LARGE.key, LIVE), 512 + 5)  # behind us: the next round finds it
    resumed = notes.load()
    assert resumed == round_
    walker = Walker(holdings)
    while not resumed.over:
        resumed = walker.step(resumed)
    assert resumed.damaged == 0
    assert resumed.read == holdings.ledger.used
    assert whole_round(holdings).damaged == 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"at": ["zz", ""]}', b'{"at": ["", ""], "root": ""}'])
def test_notes_that_cannot_be_read_begin_a_round_anew(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "scrub").write_bytes(data)
    assert ScrubFile(tmp_path / "scrub").load() is None
    assert ScrubFile(tmp_path / "none").load() is None


def test_what_the_disk_cannot_read_is_lost_and_told_with_its_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holdings = open_holdings(RealDisk(tmp_path), tmp_path / "index")
    store(holdings, PERSON, PIECE, 1)
    bad, pread = 512 + 3 * PIECE.block_size, os.pread

    def broken(descriptor: int, count: int, offset: int) -> bytes:
        if offset <= bad < offset + count:
            raise OSError(errno.EIO, "a sector is gone")
        return pread(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", broken)
    reader = holdings.shelves.open(PIECE.key, LIVE)
    with pytest.raises(PiccoloError) as lost:
        reader.read(0, 5)
    assert (lost.value.kind, lost.value.details) == (Kind.DATA_LOSS, {"block": "3"})
    reader.close()
    assert whole_round(holdings).damaged == 1
    close_index(holdings)


class KeptNotes:
    """Notes in memory."""

    def __init__(self, round_: Round | None = None) -> None:
        self.round = round_
        self.saved = asyncio.Event()

    def load(self) -> Round | None:
        return self.round

    def save(self, round_: Round) -> None:
        self.round = round_
        self.saved.set()


class Running:
    """A scrub on holdings, whose timer stands still: a piece takes no time."""

    def __init__(self, holdings: Holdings, notes: KeptNotes, pace: Pace) -> None:
        self.stopping, self.traffic = asyncio.Event(), Traffic(Limits())
        self.scrub = Scrub(holdings, InlineWorkers(), self.traffic, pace, notes, self.stopping, lambda: 0.0)


QUICK = Pace(bytes_per_second=1 << 40, round_seconds=DAY)


async def test_a_round_waits_while_members_are_served_and_goes_on_after(holdings: Holdings) -> None:
    store(holdings, PERSON, PIECE, 1)
    notes = KeptNotes()
    here = Running(holdings, notes, QUICK)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        with here.traffic.stream(PERSON.id):
            task = group.create_task(here.scrub.run())
            for _ in range(20):
                await asyncio.sleep(0)
            assert here.scrub.round.read == 0
            assert not task.done()
        await notes.saved.wait()
        assert here.scrub.round.over
        assert here.scrub.round.read == holdings.ledger.used
        here.stopping.set()


async def test_one_that_is_behind_waits_for_nobody(holdings: Holdings, clock: HandClock) -> None:
    store(holdings, PERSON, PIECE, 1)
    notes = KeptNotes(Round(began=clock.now - DAY))
    here = Running(holdings, notes, QUICK)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        with here.traffic.stream(PERSON.id):
            group.create_task(here.scrub.run())
            await notes.saved.wait()
            assert here.scrub.round.over
        here.stopping.set()


async def test_a_round_can_be_asked_for(holdings: Holdings, clock: HandClock, disk: SimulatedDisk) -> None:
    store(holdings, PERSON, PIECE, 1)
    notes = KeptNotes(Round(began=clock.now, over=True))
    here = Running(holdings, notes, QUICK)
    disk.spoil(FILE, 600)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(here.scrub.run())
        here.scrub.begin()
        await notes.saved.wait()
        assert damaged(holdings) == [PIECE.key.fragment]
        here.stopping.set()


async def test_a_stop_writes_down_where_it_was(holdings: Holdings) -> None:
    store(holdings, PERSON, LARGE, 1)
    notes = KeptNotes()
    here = Running(holdings, notes, Pace(bytes_per_second=1, round_seconds=DAY))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(here.scrub.run())
        for _ in range(20):
            await asyncio.sleep(0)
        here.stopping.set()
    assert notes.round is not None
    assert 0 < notes.round.blocks < len(LARGE.blocks)


rounds = st.builds(
    Round,
    began=st.integers(0, 1 << 40),
    read=st.integers(0, 1 << 45),
    over=st.booleans(),
    at=st.just(Key(b"", b"")),
)
paces = st.builds(Pace, st.integers(1, 1 << 32), st.integers(1, 100 * DAY))


@given(
    rounds, paces, st.integers(0, 1 << 45), st.integers(0, 1 << 41), st.integers(0, 1 << 21), st.floats(0, 60)
)
def test_a_rest_is_never_negative_and_keeps_rate_and_share_unless_behind(
    round_: Round, pace: Pace, total: int, now: int, size: int, took: float
) -> None:
    pause = scrubbing.rest(round_, pace, total, now, size=size, took=took)
    assert pause >= 0
    if not scrubbing.is_behind(round_, pace, total, now):
        assert took <= (pause + took) / 5 * 1.001
        if total <= round_.read:
            assert size <= pace.bytes_per_second * (pause + took) * 1.001


@given(st.integers(1, 1 << 45), paces)
def test_a_round_ends_within_its_time_whatever_it_has_to_read(total: int, pace: Pace) -> None:
    """In a hundred pieces, on a disk that takes no time."""
    round_, now = Round(began=0), 0.0
    piece = max(1, total // 100)
    while round_.read < total:
        round_ = replace(round_, read=min(total, round_.read + piece))
        now += scrubbing.rest(round_, pace, total, int(now), size=piece, took=0.0)
    assert now <= min(pace.round_seconds, total / pace.bytes_per_second) * 1.1 + 1


def test_the_next_round_is_due_when_the_days_are_over_also_when_the_running_time_was_lost() -> None:
    pace, over = Pace(1, 14 * DAY), Round(began=20 * DAY, over=True)
    assert not scrubbing.is_due(over, pace, 34 * DAY - 1)
    assert scrubbing.is_due(over, pace, 34 * DAY)
    assert scrubbing.is_due(over, pace, 5)
    assert not scrubbing.is_due(replace(over, over=False), pace, 90 * DAY)
