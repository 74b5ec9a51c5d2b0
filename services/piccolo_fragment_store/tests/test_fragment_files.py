"""Fragment files that a disk has spoilt: every byte of a small one flipped, every tail of it torn off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import Place, State
from piccolo_fragment_store.core.order import NEVER, Order
from piccolo_fragment_store.engine import inventory, keeping, reading
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.keeping import Record
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import (
    Sample,
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
LIVE = Place(State.LIVE)


@dataclass
class Kept:
    """One small live fragment on a disk that can be spoilt."""

    disk: SimulatedDisk
    holdings: Holdings
    piece: Sample

    @property
    def file(self) -> bytearray:
        return self.disk.content(layout.path(self.piece.key, LIVE))

    @property
    def damaged(self) -> bool:
        whole = self.holdings.index.kept(self.piece.key).whole
        assert whole is not None
        return whole.damaged

    def rebuild(self) -> tuple[int, int]:
        with self.holdings.everything():
            result = reconcile(self.holdings, every_file=True)
        return result.fragments, result.strangers


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    disk = SimulatedDisk()
    holdings = open_holdings(disk, tmp_path / "index")
    piece = sample(PERSON.id, 1, blocks=3, block_size=256, last=40)
    store(holdings, PERSON, piece, 1)
    made = Kept(disk, holdings, piece)
    yield made
    close_index(made.holdings)


def outcome(kept: Kept) -> str:
    try:
        assert read_all(kept.holdings, kept.piece.key) == kept.piece.data
    except PiccoloError as refused:
        return refused.reason
    return "served"


def test_no_flipped_byte_is_ever_served(kept: Kept) -> None:
    whole = bytes(kept.file)
    for at in range(len(whole)):
        kept.file[at] ^= 0x41
        assert outcome(kept) == "ROT", at
        assert kept.damaged
        kept.file[at] ^= 0x41
        _forget_damage(kept)
    assert outcome(kept) == "served"


def test_no_torn_file_is_ever_served(kept: Kept) -> None:
    whole = bytes(kept.file)
    for size in range(len(whole)):
        kept.file[:] = whole[:size]
        assert outcome(kept) == "ROT", size
    kept.file[:] = whole + b"\0"
    assert outcome(kept) == "ROT"
    kept.file[:] = bytes(len(whole))
    assert outcome(kept) == "ROT"


def test_a_rebuilt_index_does_not_know_what_it_cannot_read(kept: Kept) -> None:
    whole = bytes(kept.file)
    blocks = range(512, 512 + len(kept.piece.data))
    for at in range(0, len(whole), 3):
        kept.file[at] ^= 0x41
        found = kept.rebuild()
        # damage in a block shows when the block is read; any other damage is no fragment any more
        assert found == ((1, 0) if at in blocks else (0, 1)), at
        assert bytes(kept.file) != whole  # it is left where it is, as it is
        kept.file[at] ^= 0x41
    assert kept.rebuild() == (1, 0)
    assert outcome(kept) == "served"


def test_the_blocks_before_a_bad_one_are_served(kept: Kept) -> None:
    kept.file[512 + 256 + 5] ^= 1
    range_ = reading.open_range(kept.holdings, kept.piece.key, 0, 0)
    assert range_.read() == kept.piece.blocks[0]
    with pytest.raises(PiccoloError) as rot:
        range_.read()
    assert (rot.value.kind, rot.value.reason, rot.value.details["block"]) == (Kind.DATA_LOSS, "ROT", "1")
    range_.close()
    other = reading.open_range(kept.holdings, kept.piece.key, 2, 1)
    assert other.read() == kept.piece.blocks[2]
    other.close()
    assert kept.damaged
    assert kept.holdings.index.damaged() == 1


def test_more_leaves_than_fit_a_message_are_not_sent(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading.MAX_RANGE * 32 <= 4 << 20
    monkeypatch.setattr(reading, "MAX_RANGE", 2)
    with pytest.raises(PiccoloError) as refused:
        reading.open_range(kept.holdings, kept.piece.key, 0, 0)
    assert refused.value.reason == "RANGE_TOO_LONG"
    reading.open_range(kept.holdings, kept.piece.key, 1, 2).close()


@pytest.mark.parametrize("again", ["put", "store"])
def test_the_same_bytes_heal_it_where_it_lies(kept: Kept, again: str) -> None:
    newer = Record(PERSON.commit(1, 8), Order(1, 8))
    keeping.renew(kept.holdings, kept.piece.key, newer)
    kept.file[600] ^= 1
    assert outcome(kept) == "ROT"
    other = sample(PERSON.id, 1, blocks=3, last=41)
    with pytest.raises(PiccoloError) as refused:
        put(kept.holdings, other, order=Order(1, 9))
    assert refused.value.reason == "OTHER_ROOT"
    if again == "put":
        whole = put(kept.holdings, kept.piece, order=Order(1, 10))
    else:
        whole = store(kept.holdings, PERSON, kept.piece, 7)
    assert whole.state is State.LIVE
    assert whole.record == Order(1, 8)  # the newest record survives the healing
    assert not kept.damaged
    assert outcome(kept) == "served"
    assert kept.rebuild() == (1, 0)


def test_a_live_fragment_whose_record_is_lost_too_heals_as_provisional(kept: Kept) -> None:
    kept.file[-50] ^= 1
    assert outcome(kept) == "ROT"
    whole = put(kept.holdings, kept.piece, order=Order(1, 5))
    assert whole.state is State.PROVISIONAL
    assert commit(kept.holdings, PERSON, kept.piece, 6).state is State.LIVE
    assert outcome(kept) == "served"
    assert kept.rebuild() == (1, 0)


def test_a_lost_file_is_found_out_and_put_again(kept: Kept) -> None:
    kept.disk.unlink(layout.path(kept.piece.key, LIVE))
    assert outcome(kept) == "ROT"
    assert put(kept.holdings, kept.piece, order=Order(1, 5)).state is State.PROVISIONAL
    assert outcome(kept) == "served"


def test_a_spoilt_record_beside_falls_back_to_the_one_inside(kept: Kept) -> None:
    keeping.renew(kept.holdings, kept.piece.key, Record(PERSON.commit(1, 8), Order(1, 8)))
    kept.disk.content(layout.record_path(kept.piece.key, LIVE))[20] ^= 1
    assert kept.holdings.shelves.order_beside(kept.piece.key, LIVE) == NEVER
    ((_, record),) = inventory.records(kept.holdings, PERSON.id, [kept.piece.key.fragment])
    assert record == PERSON.commit(1, 1)
    assert kept.rebuild() == (1, 0)
    whole = kept.holdings.index.kept(kept.piece.key).whole
    assert whole is not None
    assert whole.record == Order(1, 1)


def test_strangers_are_counted_and_left_where_they_are(kept: Kept) -> None:
    owner = PERSON.id.hex()
    strangers = [
        "live/README",
        f"live/{owner}/00/{'ab' * 16}",  # in the wrong folder
        f"live/{owner}/ab/{'ab' * 16}",  # no fragment
        f"live/{owner}/ab/{'ac' * 16}.record",
        f"trash/0/{owner}/notes",
        "trash/x/y",
        f"provisional/{owner}/x",
    ]
    for path in strangers:
        kept.disk.make_folder(path.rpartition("/")[0])
        kept.disk.create(path).append(b"something")
    assert kept.rebuild() == (1, len(strangers))
    assert all(kept.disk.has(path) for path in strangers)


def test_what_was_never_finished_goes(kept: Kept) -> None:
    folder = f"incoming/{PERSON.id.hex()}"
    for name in (f"{'ab' * 16}.record", f"{'ab' * 16}.store", "ab" * 16):
        kept.disk.create(f"{folder}/{name}").append(b"half")
    assert kept.rebuild() == (1, 0)
    assert not [path for path in kept.disk.names if path.startswith("incoming/")]


def test_a_fragment_under_another_owners_name_is_a_stranger(kept: Kept) -> None:
    other = Person()
    path = f"live/{other.id.hex()}/00/{kept.piece.key.fragment.hex()}"
    kept.disk.make_folder(path.rpartition("/")[0])
    kept.disk.create(path).append(bytes(kept.file))
    assert kept.rebuild() == (1, 1)
    assert not kept.holdings.index.page(other.id, b"", 10)


def _forget_damage(kept: Kept) -> None:
    whole = kept.holdings.index.kept(kept.piece.key).whole
    assert whole is not None
    kept.holdings.index.put_whole(replace(whole, damaged=False))
