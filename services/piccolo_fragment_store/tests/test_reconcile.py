"""What a start makes of what a crash left: files of an earlier life, records without their fragments, and an
index that is older than the files. Each story here once ended badly."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.commit import Commit
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import Fragment, Place, State
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.engine import inventory
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.testing.disk import PowerCut, SimulatedDisk
from piccolo_fragment_store.testing.keeping import close_index, open_holdings, read_all, sample
from piccolo_fragment_store.testing.people import Person
from piccolo_fragment_store.tests.acts import Acts
from piccolo_fragment_store.tests.model import Ledgers, timeless

PERSON = Person()
PIECE = sample(PERSON.id, 1)
LIVE, PROVISIONAL, TRASH = Place(State.LIVE), Place(State.PROVISIONAL), Place(State.TRASH)


class Story:
    """One keeper through its starts, with the books kept of what it owes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.disk, self.starts = folder, SimulatedDisk(), 0
        self.acts = Acts(Ledgers(), open_holdings(self.disk, self._index()))

    @property
    def holdings(self) -> Holdings:
        return self.acts.holdings

    @property
    def whole(self) -> Fragment:
        whole = self.holdings.index.kept(PIECE.key).whole
        assert whole is not None
        return whole

    @property
    def record(self) -> Order:
        """The order of the record that the owner gets."""
        ((_, record),) = inventory.records(self.holdings, PERSON.id, [PIECE.key.fragment])
        commit = open_signed(Commit, record).record
        return Order(commit.generation, commit.seq)

    def remember_index(self) -> Path:
        saved = self.folder / "saved"
        saved.mkdir()
        for file in self.folder.glob(f"index-{self.starts}*"):
            shutil.copy(file, saved / file.name.replace(f"index-{self.starts}", "index"))
        return saved

    def lose_power(self, seed: int = 0, index: Path | None = None) -> None:
        """The power goes and comes back; the index is the one remembered, or a new one."""
        self.disk.stop_at = self.disk.operations
        close_index(self.holdings, agrees=False)
        self.disk.restart(random.Random(seed))
        self.starts += 1
        for file in index.iterdir() if index else ():
            shutil.copy(file, self.folder / file.name.replace("index", f"index-{self.starts}"))
        self.acts.holdings = open_holdings(self.disk, self._index())

    def die(self) -> None:
        """The process is killed; the power stays, and so does what was done."""
        self.disk.stop_at = None
        close_index(self.holdings, agrees=False)
        self.starts += 1
        self.acts.holdings = open_holdings(self.disk, self._index())

    def check(self) -> None:
        """Nothing owed is lost, no file stands for nothing, and the index is what the files say."""
        self.acts.owed.check(self.holdings)
        fresh = open_holdings(self.disk, Path(":memory:"))
        with fresh.everything():
            assert reconcile(fresh, every_file=True).strangers == 0
        assert timeless(fresh.index.kept(PIECE.key)) == timeless(self.holdings.index.kept(PIECE.key))
        close_index(fresh)

    def _index(self) -> Path:
        return self.folder / f"index-{self.starts}"


Begin = Callable[[], Story]


@pytest.fixture
def begin(memory_path: Path) -> Iterator[Begin]:
    begun: list[Story] = []

    def make() -> Story:
        folder = memory_path / str(len(begun))
        folder.mkdir()
        begun.append(Story(folder))
        return begun[-1]

    yield make
    for story in begun:
        close_index(story.holdings)


def cuts(begin: Begin, before: Callable[[Story], None], act: Callable[[Acts], None]) -> Iterator[Story]:
    """The story up to `act`, with the power cut at each operation of it, and twice each."""
    for steps in range(1, 60):
        for seed in range(2):
            story = begin()
            before(story)
            story.disk.stop_at = story.disk.operations + steps
            try:
                act(story.acts)
            except PowerCut:
                pass
            else:
                return
            story.lose_power(seed)
            yield story
    raise AssertionError("it has more steps than were tried")


def test_an_older_index_does_not_bury_what_was_stored_anew(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    older = story.remember_index()
    story.acts.bury(PERSON, [PIECE.key], Order(1, 3))
    story.acts.store(PERSON, PIECE, Order(1, 4))
    story.lose_power(index=older)
    assert (story.whole.state, story.whole.put) == (State.LIVE, Order(1, 4))
    story.acts.renew(PERSON, PIECE.key, Order(1, 5))
    story.check()


def test_an_older_index_does_not_bury_what_was_put_anew(begin: Begin) -> None:
    story = begin()
    story.acts.put(PIECE, Order(1, 1))
    older = story.remember_index()
    story.acts.bury(PERSON, [PIECE.key], Order(1, 2))
    story.acts.put(PIECE, Order(1, 3))
    story.lose_power(index=older)
    assert (story.whole.state, story.whole.put) == (State.PROVISIONAL, Order(1, 3))
    story.check()


def test_an_older_index_does_not_know_a_fragment_that_was_reopened(begin: Begin) -> None:
    """It is written on in the same inode: only the time of writing tells the two apart."""
    story = begin()
    other = sample(PERSON.id, 1, last=PIECE.block_size)  # other bytes, as many
    assert other.root != PIECE.root
    assert len(other.data) == len(PIECE.data)
    story.acts.put(PIECE, Order(1, 1))
    older = story.remember_index()
    story.acts.put(other, Order(1, 2), resume=0)
    story.lose_power(index=older)
    assert (story.whole.root, story.whole.put) == (other.root, Order(1, 2))
    story.check()


def test_an_older_index_does_not_know_a_newer_record_of_the_same_size(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    story.acts.renew(PERSON, PIECE.key, Order(1, 2))
    older, size = story.remember_index(), story.whole.record_size
    story.acts.renew(PERSON, PIECE.key, Order(1, 9))
    assert story.whole.record_size == size
    story.lose_power(index=older)
    assert story.whole.record == story.record == Order(1, 9)
    story.check()


def test_damage_that_an_older_index_knows_is_not_that_of_the_healed_file(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    story.disk.spoil(layout.path(PIECE.key, LIVE), 600)
    with pytest.raises(PiccoloError):
        read_all(story.holdings, PIECE.key)
    assert story.whole.damaged
    older = story.remember_index()
    story.acts.store(PERSON, PIECE, Order(1, 2))
    story.lose_power(index=older)
    assert not story.whole.damaged
    story.check()


def test_damage_stays_known_while_it_is_the_same_file(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    story.disk.spoil(layout.path(PIECE.key, LIVE), 600)
    with pytest.raises(PiccoloError):
        read_all(story.holdings, PIECE.key)
    story.lose_power(index=story.remember_index())
    assert story.whole.damaged
    story.acts.renew(PERSON, PIECE.key, Order(1, 2))  # another record makes no other fragment
    with story.holdings.everything():
        reconcile(story.holdings, every_file=True)
    assert story.whole.damaged


@pytest.mark.parametrize("act", ["renew", "commit"])
def test_a_record_that_came_though_its_change_failed_is_known(begin: Begin, act: str) -> None:
    for failing in range(1, 14):
        story = begin()
        if act == "renew":
            story.acts.store(PERSON, PIECE, Order(1, 1))
        else:
            story.acts.put(PIECE, Order(1, 1))
        story.disk.full_at = frozenset({story.disk.operations + failing})
        with suppress(PiccoloError):
            if act == "renew":
                story.acts.renew(PERSON, PIECE.key, Order(1, 2))
            else:
                story.acts.commit(PERSON, PIECE, Order(1, 2))
        story.disk.full_at = frozenset()
        with story.holdings.everything():
            story.holdings.mend()
        story.check()
        story.acts.put(PIECE, Order(1, 3))  # is told what is here: from now on that is owed
        story.lose_power(failing)
        story.check()


@pytest.mark.parametrize("act", ["renew", "commit"])
def test_what_a_killed_process_left_is_durable_before_it_is_told(begin: Begin, act: str) -> None:
    for steps, seed in itertools.product(range(1, 14), range(4)):
        story = begin()
        if act == "renew":
            story.acts.store(PERSON, PIECE, Order(1, 1))
        else:
            story.acts.put(PIECE, Order(1, 1))
        story.disk.stop_at = story.disk.operations + steps
        with suppress(PowerCut):
            if act == "renew":
                story.acts.renew(PERSON, PIECE.key, Order(1, 2))
            else:
                story.acts.commit(PERSON, PIECE, Order(1, 2))
        story.die()
        story.acts.put(PIECE, Order(1, 3))  # is told what is here: from now on that is owed
        story.lose_power(seed)
        story.check()


def test_what_was_purged_stays_gone_whatever_is_said_of_it_later(begin: Begin) -> None:
    for seed in range(8):
        story = begin()
        story.acts.store(PERSON, PIECE, Order(1, 1))
        story.acts.renew(PERSON, PIECE.key, Order(1, 2))
        story.acts.bury(PERSON, [PIECE.key], Order(1, 3), purge=True)
        story.acts.unbury(PERSON, [PIECE.key], Order(1, 4))
        story.lose_power(seed)
        assert not [path for path in story.disk.names if PIECE.key.fragment.hex() in path]
        story.check()


def test_what_was_half_written_goes_when_the_whole_comes_out_of_the_trash(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    story.acts.bury(PERSON, [PIECE.key], Order(1, 2))
    story.acts.put(PIECE, Order(1, 3), upto=1)
    assert story.holdings.index.kept(PIECE.key).incoming is not None
    story.acts.unbury(PERSON, [PIECE.key], Order(1, 4))
    assert story.whole.state is State.LIVE
    assert story.holdings.index.kept(PIECE.key).incoming is None
    assert not [path for path in story.disk.names if path.startswith("incoming/")]
    story.check()


def purged(acts: Acts) -> None:
    acts.bury(PERSON, [PIECE.key], Order(1, 3), purge=True)


def test_a_purge_that_was_cut_off_leaves_no_record_behind(begin: Begin) -> None:
    def before(story: Story) -> None:
        story.acts.store(PERSON, PIECE, Order(1, 1))
        story.acts.renew(PERSON, PIECE.key, Order(1, 2))

    for story in cuts(begin, before, purged):
        story.check()
        story.acts.bury(PERSON, [PIECE.key], Order(1, 3), purge=True)
        story.acts.put(PIECE, Order(1, 4))
        story.acts.commit(PERSON, PIECE, Order(1, 5))
        assert story.record == Order(1, 5)
        story.check()


def test_a_record_of_an_earlier_life_does_not_replace_a_newer_one(begin: Begin) -> None:
    """A cut while the put replaces what lies in the trash: the old record must not come along."""

    def before(story: Story) -> None:
        story.acts.store(PERSON, PIECE, Order(1, 1))
        story.acts.renew(PERSON, PIECE.key, Order(1, 2))
        story.acts.bury(PERSON, [PIECE.key], Order(1, 3))

    for story in cuts(begin, before, lambda acts: acts.put(PIECE, Order(1, 4))):
        story.check()
        story.acts.put(PIECE, Order(1, 4))
        story.acts.commit(PERSON, PIECE, Order(1, 5))
        assert story.record == Order(1, 5)
        story.lose_power()
        assert story.record == Order(1, 5)
        story.check()


def test_what_is_stored_over_damage_tells_the_newest_record(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    story.acts.renew(PERSON, PIECE.key, Order(1, 2))
    story.disk.spoil(layout.path(PIECE.key, LIVE), 600)
    with pytest.raises(PiccoloError):
        read_all(story.holdings, PIECE.key)
    story.acts.store(PERSON, PIECE, Order(1, 7))
    assert story.record == Order(1, 7)
    story.check()


def test_a_record_that_no_tombstone_took_is_left_where_it_is(begin: Begin) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    story.acts.bury(PERSON, [PIECE.key], Order(1, 2))
    story.acts.unbury(PERSON, [PIECE.key], Order(1, 3))
    story.acts.renew(PERSON, PIECE.key, Order(1, 4))
    story.disk.unlink(layout.path(PIECE.key, LIVE))  # nobody asked for that
    with story.holdings.everything():
        assert reconcile(story.holdings, every_file=True).strangers == 1
    assert story.disk.has(layout.record_path(PIECE.key, LIVE))


@pytest.mark.parametrize("place", [PROVISIONAL, TRASH])
def test_a_torn_record_in_another_place_is_left_where_it_is(begin: Begin, place: Place) -> None:
    story = begin()
    story.acts.store(PERSON, PIECE, Order(1, 1))
    path = layout.record_path(PIECE.key, place)
    story.disk.make_folder(path.rpartition("/")[0])
    story.disk.create(path).append(b"torn")
    with story.holdings.everything():
        assert reconcile(story.holdings, every_file=True).strangers == 1
    assert story.disk.has(path)
    assert story.record == Order(1, 1)
