"""Which device of an owner may purge: its first one, and who has been known for 45 days.

Whoever has an owner's words can certify any device, of any generation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.running import DAY
from piccolo_fragment_store.engine import burials
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.membership import note_devices
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import HandClock, close_index, open_holdings, sample, store
from piccolo_fragment_store.testing.people import Person, circle_of

OWN = Person()


class Here:
    """A keeper that hears of devices, one after the other."""

    def __init__(self, holdings: Holdings, clock: HandClock) -> None:
        self.holdings, self.clock, self.seq = holdings, clock, 0

    def hears(self, *devices: Person, continues: int = 0) -> None:
        """The newest device last."""
        circle = circle_of(OWN, *devices)
        newest = devices[-1]
        owners = {**circle.owners, newest.id: replace(circle.owners[newest.id], continues=continues)}
        admissions = {each.certificate: each for device in (OWN, *devices) for each in device.admissions()}
        note_devices(self.holdings, Circle(circle.id, owners=owners, admissions=admissions))

    def may(self, device: Person) -> bool:
        """Whether it may purge a fragment now."""
        self.seq += 2
        piece = sample(device.id, self.seq)
        store(self.holdings, device, piece, self.seq)
        ids = [piece.key.fragment]
        tombstone = device.tombstone_record(ids, 1, self.seq + 1, purge=True)
        data = device.tombstone(ids, 1, self.seq + 1, purge=True)
        with suppress(PiccoloError):
            burials.bury(self.holdings, tombstone, data, by=device.caller)
        return self.holdings.index.kept(piece.key).whole is None


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    clock = HandClock(100 * DAY)
    holdings = open_holdings(SimulatedDisk(), tmp_path / "index", clock)
    yield Here(holdings, clock)
    close_index(holdings)


def twin(person: Person) -> Person:
    """Another device, certified by the same words for the same generation."""
    return Person(person.root, person.admin, person.enrol, generation=person.generation)


def test_an_owners_first_device_may_at_once(here: Here) -> None:
    ana = Person()
    here.hears(ana)
    assert here.may(ana)


def test_a_device_that_nobody_told_of_may_not(here: Here) -> None:
    assert not here.may(Person())


@pytest.mark.parametrize("another", [Person.next_generation, twin])
def test_any_other_device_waits_for_45_days_and_the_first_does_not(here: Here, another: object) -> None:
    ana = Person()
    here.hears(ana)
    other = another(ana)  # type: ignore[operator]
    here.hears(ana, other)
    assert here.may(ana)
    assert not here.may(other)
    here.clock.now += 45 * DAY - 1
    assert not here.may(other)
    here.clock.now += 1
    assert here.may(other)


def test_of_two_that_come_at_once_nobody_can_say_which_was_the_first(here: Here) -> None:
    ana = Person()
    other = twin(ana)
    here.hears(ana, other)
    assert not here.may(ana)
    assert not here.may(other)


def test_a_recovered_device_is_not_the_first_where_nothing_older_is_known(here: Here) -> None:
    ana = Person().next_generation()
    here.hears(ana)
    assert not here.may(ana)


def test_new_words_in_the_same_device_change_nothing(here: Here) -> None:
    ana = Person()
    here.hears(ana)
    ana.generation = 2
    here.hears(ana, continues=1)
    assert here.may(ana)
    ana.generation = 3
    here.hears(ana, continues=2)
    assert here.may(ana)


def test_new_words_that_another_device_took_make_it_no_older(here: Here) -> None:
    """Even when it says that it goes on in the one before."""
    ana = Person()
    here.hears(ana)
    other = twin(ana)
    other.generation = 2
    here.hears(ana, other, continues=1)
    assert here.may(ana)
    assert not here.may(other)
