from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.keeping import NoticeKind

from piccolo_fragment_store.core.capacity import Answer, Space, owing, share
from piccolo_fragment_store.core.fragment import charged, expected_file_bytes, file_bytes
from piccolo_fragment_store.engine.ledger import Ledger
from piccolo_fragment_store.ports import OwnerUsage
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import open_holdings, put, sample, store
from piccolo_fragment_store.testing.people import Person

MIB = 1 << 20
sizes = st.integers(0, 1 << 40)


@given(sizes, sizes, sizes, sizes, sizes, sizes)
def test_what_is_admitted_fits_offer_and_disk(
    offer: int, held: int, disk: int, reserve: int, unwritten: int, count: int
) -> None:
    space = Space(offer, held, disk, reserve, unwritten)
    if space.admit(count) is Answer.YES and count:
        assert held + count <= offer
        assert count + unwritten + reserve <= disk
    assert space.admit(space.free) is Answer.YES


def test_the_share_is_that_of_each_other_member() -> None:
    assert share(100, 5) == 25
    assert share(100, 2) == 100
    assert share(100, 0) == share(100, 1) == 100


def test_only_those_above_their_share_owe_and_only_to_those_within() -> None:
    held = {b"a": 70, b"b": 30, b"c": 10}
    assert owing(held, b"c", 20, 33) == [b"a"]
    assert owing(held, b"c", 24, 33) == []
    assert owing(held, b"a", 1, 33) == []
    assert owing(held, b"new", 33, 33) == [b"a"]


@given(st.integers(1, 1 << 30), st.integers(1, 1 << 22))
def test_the_estimate_is_never_less_than_the_file(size: int, block_size: int) -> None:
    blocks = -(-size // block_size)
    assert expected_file_bytes(size, block_size) == file_bytes(size, blocks) > size + 32 * blocks + 512 + 44
    assert charged(size) >= size


def ledger(offer: int, disk_free: int = 1 << 40, owed: list[bytes] | None = None) -> Ledger:
    told = owed if owed is not None else []
    made = Ledger(offer, MIB, lambda: disk_free, lambda _, owners: told.extend(owners), lambda _: False)
    made.members = 3
    return made


def test_a_reservation_holds_room_before_the_first_byte() -> None:
    books = ledger(10 * MIB)
    first = books.reserve(b"a", 6 * MIB)
    with pytest.raises(PiccoloError) as refused:
        books.reserve(b"b", 6 * MIB)
    assert (refused.value.kind, refused.value.reason) == (Kind.FULL, "OFFER_FULL")
    first.release()
    first.release()
    books.reserve(b"b", 6 * MIB)
    assert books.reserved == 6 * MIB


def test_an_unknown_size_grows_and_stops_at_the_offer() -> None:
    books = ledger(40 * MIB)
    growing = books.reserve(b"a", MIB)
    growing.cover(2 * MIB)
    assert growing.size == 18 * MIB  # a step ahead, so that growing is rare
    growing.cover(39 * MIB)
    assert growing.size == 39 * MIB  # no room for a step: what is needed
    with pytest.raises(PiccoloError, match="no room left"):
        growing.cover(41 * MIB)
    assert growing.size == 39 * MIB


def test_the_reserve_of_the_disk_stays_free() -> None:
    books = ledger(1 << 40, disk_free=10 * MIB)
    books.reserve(b"a", 5 * MIB)
    with pytest.raises(PiccoloError) as refused:
        books.reserve(b"b", 5 * MIB)
    assert (refused.value.kind, refused.value.reason) == (Kind.FULL, "DISK_FULL")


def test_what_is_written_already_does_not_count_against_the_disk_twice() -> None:
    books = ledger(1 << 40, disk_free=10 * MIB)
    books.reserve(b"a", 9 * MIB).wrote(9 * MIB)
    books.reserve(b"b", 9 * MIB)


def test_borrowing_is_free_until_somebody_needs_its_share() -> None:
    owed: list[bytes] = []
    books = ledger(10 * MIB, owed=owed)
    books.load([OwnerUsage(b"borrower", 1, 9 * MIB, 9 * MIB)])
    with pytest.raises(PiccoloError):
        books.reserve(b"borrower", 2 * MIB)
    assert owed == []
    with pytest.raises(PiccoloError):
        books.reserve(b"modest", 2 * MIB)
    assert owed == [b"borrower"]


def asked_ledger(offer: int, asked: bytes, disk_free: int = 1 << 40) -> Ledger:
    """Two other members share the offer; one of them is asked to move what is beyond its share."""
    made = Ledger(offer, 0, lambda: disk_free, lambda _, owners: None, lambda owner: owner == asked)
    made.members = 3
    return made


def test_who_is_asked_to_move_borrows_nothing_more_and_keeps_its_share() -> None:
    books = asked_ledger(20 * MIB, b"asked")
    books.load([OwnerUsage(b"asked", 1, 4 * MIB, 4 * MIB)])
    books.reserve(b"asked", 6 * MIB)  # up to its share
    for owner, heals, refused in (
        (b"asked", False, "ASKED_TO_MOVE"),
        (b"asked", True, None),  # what is damaged is healed, whatever else is asked
        (b"other", False, None),
    ):
        if refused is None:
            books.reserve(owner, MIB, heals=heals).release()
            continue
        with pytest.raises(PiccoloError) as full:
            books.reserve(owner, MIB, heals=heals)
        assert (full.value.kind, full.value.reason) == (Kind.FULL, refused)


def test_a_growing_put_of_who_is_asked_ends_at_the_share() -> None:
    books = asked_ledger(20 * MIB, b"asked")
    growing = books.reserve(b"asked", MIB)
    growing.cover(10 * MIB)
    assert growing.size == 10 * MIB
    with pytest.raises(PiccoloError) as full:
        growing.cover(10 * MIB + 1)
    assert full.value.reason == "ASKED_TO_MOVE"


def test_a_full_disk_asks_those_beyond_their_share_too() -> None:
    told: list[tuple[NoticeKind, list[bytes]]] = []
    books = Ledger(
        20 * MIB, 0, lambda: 0, lambda kind, owners: told.append((kind, [*owners])), lambda _: False
    )
    books.members = 3
    books.load([OwnerUsage(b"a", 1, 11 * MIB, 11 * MIB), OwnerUsage(b"b", 1, MIB, MIB)])
    with pytest.raises(PiccoloError):
        books.reserve(b"b", MIB)
    assert told == [(NoticeKind.FULL, [b"a"])]


def test_a_full_keeper_refuses_new_ones_and_keeps_what_it_has(tmp_path: Path) -> None:
    person = Person()
    holdings = open_holdings(SimulatedDisk(), tmp_path / "index", offer=20_000)
    kept = sample(person.id, 1)
    store(holdings, person, kept, 1)
    for refused in (sample(person.id, 2, blocks=80), sample(person.id, 3, blocks=80)):
        with pytest.raises(PiccoloError) as full:
            put(holdings, refused)
        assert full.value.kind is Kind.FULL
        assert not holdings.index.kept(refused.key).known
    assert store(holdings, person, kept, 1).root == kept.root
    assert holdings.ledger.reserved == 0
