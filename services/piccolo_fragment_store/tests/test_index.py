"""The index: what is put in comes out; what is not to be believed is made anew."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_fragment_store.adapters.index import SqliteIndex
from piccolo_fragment_store.core.fragment import Fragment, Incoming, Kept, Key, Place, Stamp, State
from piccolo_fragment_store.core.order import Marks, Order
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import close_index, open_holdings, sample, store
from piccolo_fragment_store.testing.people import Person

PERSON = Person()
numbers = st.integers(1, 2**63 - 1)
orders = st.builds(Order, numbers, numbers)
stamps = st.builds(Stamp, st.integers(0, 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
keys = st.builds(Key, st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
wholes = st.builds(
    Fragment,
    key=keys,
    place=st.sampled_from([Place(State.PROVISIONAL), Place(State.LIVE), Place(State.TRASH, 7)]),
    block_size=st.integers(1, 1 << 22),
    blocks=st.integers(1, 1 << 20),
    last_block_size=st.integers(1, 1 << 22),
    root=st.binary(min_size=32, max_size=32),
    put=orders,
    record=orders,
    file_size=st.integers(1, 1 << 40),
    record_size=st.integers(0, 1 << 22),
    since=st.integers(0, 1 << 40),
    damaged=st.booleans(),
    stamp=stamps,
    record_stamp=stamps,
)
halves = st.builds(
    Incoming,
    key=keys,
    block_size=st.integers(1, 1 << 22),
    blocks=st.integers(0, 1 << 20),
    put=orders,
    file_size=st.integers(1, 1 << 40),
    since=st.integers(0, 1 << 40),
)


@given(wholes, halves, st.builds(Marks, orders, orders, orders))
@settings(max_examples=50, deadline=None)
def test_what_is_put_in_comes_out(whole: Fragment, half: Incoming, marks: Marks) -> None:
    index = SqliteIndex(Path(":memory:"))
    index.put_whole(whole)
    index.put_incoming(half)
    index.put_marks({whole.key: marks})
    kept = index.kept(whole.key)
    assert (kept.whole, kept.marks) == (whole, marks)
    assert index.kept(half.key).incoming == half
    usage = {each.owner: each for each in index.usage()}
    if whole.key.owner != half.key.owner:
        assert usage[whole.key.owner].charge == whole.charge
        assert usage[whole.key.owner].size == whole.size
        assert usage[half.key.owner].charge == half.charge
    index.drop_whole(whole.key)
    index.drop_incoming(half.key)
    assert index.kept(whole.key) == Kept(marks=marks)
    index.close(agrees=True)


def test_it_is_believed_after_an_orderly_close_only(tmp_path: Path) -> None:
    path = tmp_path / "index"
    first = SqliteIndex(path)
    assert not first.trusted
    first.trust()
    first.close(agrees=True)
    second = SqliteIndex(path)
    assert second.trusted
    second.close(agrees=False)
    third = SqliteIndex(path)
    assert not third.trusted
    third.close(agrees=True)  # never said to agree
    assert not SqliteIndex(path).trusted


def test_one_that_was_never_closed_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "index"
    first = SqliteIndex(path)
    first.trust()
    first.close(agrees=True)
    abandoned = SqliteIndex(path)
    assert abandoned.trusted
    assert not SqliteIndex(path).trusted


@pytest.mark.parametrize(
    "how", ["missing", "nonsense", "empty", "other version", "torn", "flipped", "one bit"]
)
def test_a_bad_index_is_made_anew_from_the_files(tmp_path: Path, how: str) -> None:
    disk, path, pieces = SimulatedDisk(), tmp_path / "index", [sample(PERSON.id, n) for n in (1, 2, 3)]
    holdings = open_holdings(disk, path)
    for seq, piece in enumerate(pieces, 1):
        store(holdings, PERSON, piece, seq)
    expected = [holdings.index.kept(piece.key) for piece in pieces]
    close_index(holdings)
    spoil(path, how)
    again = open_holdings(disk, path)
    assert [again.index.kept(piece.key) for piece in pieces] == expected
    close_index(again)


def spoil(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    match how:
        case "missing":
            path.unlink()
        case "nonsense":
            path.write_bytes(b"nonsense" * 1000)
        case "empty":
            path.write_bytes(b"")
        case "other version":
            db = apsw.Connection(str(path))
            db.pragma("user_version", 99)
            db.close()
        case "torn":
            path.write_bytes(data[: len(data) // 2])
        case "flipped":
            data[100:4096] = bytes(3996)
            path.write_bytes(data)
        case "one bit":
            data[-100] ^= 1
            path.write_bytes(data)


def test_damage_met_while_it_is_used_is_told(tmp_path: Path) -> None:
    index = SqliteIndex(tmp_path / "index")
    other = apsw.Connection(str(tmp_path / "index"))
    other.execute("DROP TABLE wholes")
    other.close()
    with pytest.raises(PiccoloError) as damaged:
        index.kept(Key(bytes(32), bytes(16)))
    assert damaged.value.reason == "INDEX_DAMAGED"
    index.close(agrees=False)


def test_a_generation_is_known_since_it_was_first_seen() -> None:
    index = SqliteIndex(Path(":memory:"))
    assert not index.knows_devices(b"o" * 32)
    assert index.device_since(b"o" * 32, b"one", 100) == 100
    assert index.device_since(b"o" * 32, b"one", 200) == 100
    assert index.device_since(b"o" * 32, b"another", 300) == 300
    assert index.knows_devices(b"o" * 32)
    assert not index.knows_devices(b"p" * 32)
    assert index.inventory(b"o" * 32) is None
    index.put_inventory(b"o" * 32, 5)
    index.put_inventory(b"o" * 32, 7)
    assert index.inventory(b"o" * 32) == 7
    index.close(agrees=True)


def whole_at(owner: bytes, number: int, state: State) -> Fragment:
    once = Order(1, 1)
    return Fragment(Key(owner, number.to_bytes(16)), Place(state), 1, 1, 1, bytes(32), once, once, 1, 0, 0)


def test_pages_hold_whole_and_half_fragments_once_each() -> None:
    index = SqliteIndex(Path(":memory:"))
    owner = b"o" * 32
    for number in range(6):
        if number % 2:
            index.put_incoming(Incoming(Key(owner, number.to_bytes(16)), 256, 1, Order(1, 1), 768, 0))
        if number % 3 == 0:
            index.put_whole(whole_at(owner, number, State.TRASH))
    index.put_whole(whole_at(b"p" * 32, 0, State.LIVE))
    found, after = [], b""
    while page := index.page(owner, after, 2):
        found += page
        after = page[-1]
    assert [int.from_bytes(each) for each in found] == [0, 1, 3, 5]
    assert index.counts() == {State.TRASH: 2, State.LIVE: 1}
    index.close(agrees=True)
