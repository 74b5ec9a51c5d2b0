"""Tails of large fragments that were read lately: remembered while the file is the same, and not beyond."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats import merkle

from piccolo_fragment_store.adapters.fragment_reader import FragmentReader
from piccolo_fragment_store.adapters.fragment_tails import Tails
from piccolo_fragment_store.adapters.shelves import FolderShelves
from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import Place, State
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.testing.disk import SimulatedDisk, SimulatedFile
from piccolo_fragment_store.testing.keeping import Sample, close_index, open_holdings, read_all, sample, store
from piccolo_fragment_store.testing.people import Person

PERSON = Person()
LIVE = Place(State.LIVE)
BLOCKS = 100


class Counted(SimulatedDisk):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def open(self, path: str) -> SimulatedFile:
        """A file that tells how much of it is read."""
        file = super().open(path)
        plain = file.read_at

        def read_at(offset: int, count: int) -> bytes:
            data = plain(offset, count)
            self.read += len(data)
            return data

        file.read_at = read_at  # type: ignore[method-assign]
        return file


@pytest.fixture
def disk() -> Counted:
    return Counted()


@pytest.fixture
def holdings(disk: Counted, tmp_path: Path) -> Iterator[Holdings]:
    made = open_holdings(disk, tmp_path / "index")
    yield made
    close_index(made)


def large(number: int = 1, blocks: int = BLOCKS, *, last: int = 40) -> Sample:
    return sample(PERSON.id, number, blocks=blocks, block_size=256, last=last)


def kept(holdings: Holdings, piece: Sample) -> Sample:
    store(holdings, PERSON, piece, 1)
    return piece


def opened(disk: Counted, piece: Sample, tails: Tails) -> FragmentReader:
    return FragmentReader(piece.key, LIVE, disk.open(layout.path(piece.key, LIVE)), tails)


def test_the_second_look_reads_neither_leaves_nor_record(disk: Counted, holdings: Holdings) -> None:
    piece, tails = kept(holdings, large()), Tails()
    first = opened(disk, piece, tails)
    before = disk.read
    again = opened(disk, piece, tails)
    assert disk.read - before < 1_000
    assert again.leaves == first.leaves == [merkle.leaf(each) for each in piece.blocks]
    assert again.fragment == first.fragment
    assert again.record() == first.record()
    assert again.proof(3, 7) == merkle.make_proof(first.leaves, 3, 7)


def test_a_file_that_was_written_anew_is_read_anew(disk: Counted, holdings: Holdings) -> None:
    piece, tails = kept(holdings, large()), Tails()
    opened(disk, piece, tails)
    other = large(last=41)
    assert other.key == piece.key
    holdings.shelves.remove(piece.key, LIVE)
    written = holdings.shelves
    assert isinstance(written, FolderShelves)
    written.write(other.head(), other.data, other.root, b"", created=1, now=1)
    written.place(other.key, LIVE)
    assert opened(disk, other, tails).fragment.root == other.root


def test_a_block_that_rots_after_its_tail_was_remembered_is_never_served(
    disk: Counted, holdings: Holdings
) -> None:
    piece = kept(holdings, large())
    assert read_all(holdings, piece.key) == piece.data
    path = layout.path(piece.key, LIVE)
    disk.spoil(path, 512 + 5 * 256)
    with pytest.raises(PiccoloError) as refused:
        read_all(holdings, piece.key)
    assert refused.value.reason == "ROT"


def test_a_tail_that_rots_is_found_by_who_reads_from_the_disk(disk: Counted, holdings: Holdings) -> None:
    piece = kept(holdings, large())
    assert read_all(holdings, piece.key) == piece.data
    disk.spoil(layout.path(piece.key, LIVE), 512 + len(piece.data) + 100)
    assert read_all(holdings, piece.key) == piece.data  # the blocks are as they were
    with pytest.raises(PiccoloError) as refused:
        holdings.shelves.open(piece.key, LIVE, from_disk=True)
    assert refused.value.reason == "ROT"


def test_those_that_were_asked_for_last_stay(disk: Counted, holdings: Holdings) -> None:
    tails = Tails(blocks=2 * BLOCKS)
    first, second, third = (kept(holdings, large(number)) for number in (1, 2, 3))

    def cost(piece: Sample) -> int:
        before = disk.read
        opened(disk, piece, tails)
        return disk.read - before

    for each in (first, second, first, third):
        cost(each)
    assert cost(first) < 1_000
    assert cost(third) < 1_000
    assert cost(second) > 1_000


def test_one_that_is_larger_than_all_that_may_be_is_not_remembered(disk: Counted, holdings: Holdings) -> None:
    piece, tails = kept(holdings, large()), Tails(blocks=BLOCKS - 1)
    opened(disk, piece, tails)
    before = disk.read
    assert opened(disk, piece, tails).fragment.root == piece.root
    assert disk.read - before > 1_000
