"""A keeper's holdings on any disk, without a process around them, and fragments to keep in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from piccolo_formats import merkle
from piccolo_formats.digests import digest
from piccolo_formats.records.keeping import NoticeKind

from piccolo_fragment_store.adapters.frame_log import FrameLog
from piccolo_fragment_store.adapters.index import SqliteIndex
from piccolo_fragment_store.adapters.shelves import FolderShelves
from piccolo_fragment_store.core import layout
from piccolo_fragment_store.core.fragment import Fragment, Head, Key
from piccolo_fragment_store.core.order import Order
from piccolo_fragment_store.engine import keeping, puts, reading
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.keeper import settle
from piccolo_fragment_store.engine.keeping import Record
from piccolo_fragment_store.engine.ledger import Ledger
from piccolo_fragment_store.engine.reconcile import reconcile
from piccolo_fragment_store.ports import Disk
from piccolo_fragment_store.testing.people import Person

P = ParamSpec("P")
T = TypeVar("T")


class HandClock:
    """A clock that a test moves."""

    def __init__(self, running: int = 0, *, settled: bool = True) -> None:
        self.now, self.is_settled = running, settled

    def wall(self) -> int:
        """Seconds since 1970."""
        return 1_700_000_000 + self.now

    def running(self) -> int:
        """Seconds of running time."""
        return self.now

    def settled(self) -> bool:
        """Whether anything may be deleted by its age now."""
        return self.is_settled

    def tick(self) -> None:
        """Nothing: the test moves the time."""


class InlineWorkers:
    """No threads: work is done where it is asked for."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function."""
        return work(*args, **kwargs)

    def start(self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Runs a function."""
        work(*args, **kwargs)


@dataclass(frozen=True)
class Sample:
    """A fragment to keep."""

    key: Key
    order: Order
    block_size: int
    blocks: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """The blocks, joined."""
        return b"".join(self.blocks)

    @property
    def root(self) -> bytes:
        """Their root."""
        return merkle.root(map(merkle.leaf, self.blocks), self.block_size, len(self.blocks[-1]))

    def leaves_digest(self, count: int) -> bytes:
        """The digest of the leaves of the first blocks, as a keeper tells it."""
        return digest("leaves", *map(merkle.leaf, self.blocks[:count]))

    def head(self, order: Order | None = None, expected: int | None = None) -> Head:
        """What is told before the first byte."""
        return Head(self.key, order or self.order, self.block_size, expected)


def sample(
    owner: bytes,
    number: int,
    *,
    blocks: int = 3,
    block_size: int = 256,
    last: int | None = None,
    seq: int = 1,
) -> Sample:
    """A fragment; the same arguments make the same bytes."""
    seed = f"{owner.hex()} {number} {blocks} {block_size} {last}"
    chance = random.Random(seed)  # noqa: S311 - test data
    sizes = [block_size] * (blocks - 1) + [last or block_size]
    fragment = number.to_bytes(16)
    return Sample(Key(owner, fragment), Order(1, 1), block_size, tuple(map(chance.randbytes, sizes)))


def open_holdings(
    disk: Disk, index: Path, clock: HandClock | None = None, *, offer: int = 1 << 30, reserve: int = 0
) -> Holdings:
    """Holdings as they are after a start."""
    shelves = FolderShelves(disk)
    ledger = Ledger(offer, reserve, shelves.disk_free, _nobody, lambda _: False)
    ledger.members = 3
    log = FrameLog(disk, layout.TOMBSTONES)
    holdings = Holdings(shelves, SqliteIndex(index), log, clock or HandClock(), ledger, reconcile)
    settle(holdings)
    return holdings


def close_index(holdings: Holdings, *, agrees: bool = True) -> None:
    """Closes the index, in order or as a crash leaves it."""
    index = holdings.index
    if isinstance(index, SqliteIndex):
        index.close(agrees=agrees)


def put(holdings: Holdings, sample_: Sample, *, order: Order | None = None) -> Fragment:
    """Puts a fragment block by block, as a stream does."""
    opened = puts.open_upload(holdings, sample_.head(order), None, only_known=False)
    if opened.upload is not None and opened.leaves_digest != sample_.leaves_digest(opened.durable_blocks):
        opened.upload.give_up()  # other blocks were here: from the beginning
        opened = puts.open_upload(holdings, sample_.head(order), 0, only_known=False)
    if opened.upload is None:
        if opened.whole is None:
            raise LookupError("neither whole nor to be written")
        return opened.whole
    try:
        for block in sample_.blocks[opened.durable_blocks :]:
            opened.upload.append(block)
            opened.upload.checkpoint()
        return opened.upload.finish(len(sample_.blocks), sample_.root)
    finally:
        opened.upload.give_up()


def commit(holdings: Holdings, person: Person, sample_: Sample, seq: int) -> Fragment:
    """Commits a fragment."""
    record = Record(person.commit(1, seq), Order(1, seq))
    return keeping.commit(holdings, sample_.key, sample_.root, record)


def store(holdings: Holdings, person: Person, sample_: Sample, seq: int) -> Fragment:
    """Stores a fragment in one go."""
    record = Record(person.commit(1, seq), Order(1, seq))
    return keeping.store(
        holdings, sample_.head(Order(1, seq)), sample_.data, sample_.root, record, only_known=False
    )


def read_all(holdings: Holdings, key: Key) -> bytes:
    """All blocks of a fragment, as a Get sends them."""
    range_ = reading.open_range(holdings, key, 0, 0)
    try:
        pieces: list[bytes] = []
        while piece := range_.read():
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        range_.close()


def _nobody(_kind: NoticeKind, _owners: Sequence[bytes]) -> None:
    """Nobody is asked to move."""
