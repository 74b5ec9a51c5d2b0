"""What a keeper knows of one fragment."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from piccolo_fragment_store.core.order import NEVER, Marks, Order

_CLUSTER: Final = 4096
HEADER_BYTES: Final = 512
LEAF_BYTES: Final = 32
TAIL_BYTES: Final = 256  # more than trailer record and footer ever take


class State(IntEnum):
    """How firmly a fragment is kept; the folder that its file lies in says so."""

    INCOMING = 1
    PROVISIONAL = 2
    LIVE = 3
    TRASH = 4


class Key(NamedTuple):
    """A fragment's name: its owner's id (32 bytes) and its own (16 bytes)."""

    owner: bytes
    fragment: bytes


class Place(NamedTuple):
    """Where a fragment's file lies. `day` counts whole days of running time, for the trash only."""

    state: State
    day: int = 0


class Stamp(NamedTuple):
    """Tells a file from those before it at its path: its inode's number, and when it was last written to.

    Nothing else may be read out of it: clocks step, and numbers are used again.
    """

    inode: int = 0
    written: int = 0


NO_FILE: Final = Stamp()


@dataclass(frozen=True, slots=True)
class Head:
    """What must be known of a fragment before its first byte.

    Attributes:
        key: its name.
        order: generation and seq of the put.
        block_size: bytes of every block but the last.
        expected: bytes of its blocks, None when unknown.
    """

    key: Key
    order: Order
    block_size: int
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """A whole fragment.

    Attributes:
        key: its name.
        place: where its file lies.
        block_size: bytes of every block but the last.
        blocks: how many blocks it has.
        last_block_size: bytes of the last one.
        root: the root over them.
        put: generation and seq of the put that wrote it.
        record: those of its newest commit record; NEVER when it has none.
        file_size: bytes of its file.
        record_size: bytes of the commit record beside the file; 0 when there is none beside it.
        since: running time, in seconds, when it came to its place or was last claimed.
        damaged: whether bytes of it were found that are not as its owner wrote them.
        stamp: which file it is.
        record_stamp: which file the commit record beside it is.
    """

    key: Key
    place: Place
    block_size: int
    blocks: int
    last_block_size: int
    root: bytes
    put: Order
    record: Order
    file_size: int
    record_size: int
    since: int
    damaged: bool = False
    stamp: Stamp = NO_FILE
    record_stamp: Stamp = NO_FILE

    @property
    def state(self) -> State:
        """How firmly it is kept."""
        return self.place.state

    @property
    def size(self) -> int:
        """Bytes of its blocks."""
        return (self.blocks - 1) * self.block_size + self.last_block_size

    @property
    def alive(self) -> Order:
        """The last sign of life that its own files carry."""
        return max(self.put, self.record)

    @property
    def charge(self) -> int:
        """Bytes of disk that it is charged for."""
        return charged(self.file_size) + charged(self.record_size)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A fragment that is being written, or was left half written.

    Attributes:
        key: its name.
        block_size: bytes of every block but the last.
        blocks: how many survive a power cut.
        put: generation and seq of the put that writes it.
        file_size: bytes of its file.
        since: running time, in seconds, when it was last written to.
    """

    key: Key
    block_size: int
    blocks: int
    put: Order
    file_size: int
    since: int

    @property
    def size(self) -> int:
        """Bytes of its durable blocks."""
        return self.blocks * self.block_size

    @property
    def charge(self) -> int:
        """Bytes of disk that it is charged for."""
        return charged(self.file_size)


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything known of one key. A damaged or buried fragment may be there beside a new one coming in."""

    whole: Fragment | None = None
    incoming: Incoming | None = None
    marks: Marks = field(default_factory=Marks)

    @property
    def known(self) -> bool:
        """Whether the fragment is here in any state."""
        return self.whole is not None or self.incoming is not None

    @property
    def last(self) -> Order:
        """Its last mutation."""
        whole = self.whole.alive if self.whole else NEVER
        incoming = self.incoming.put if self.incoming else NEVER
        return max(whole, incoming, self.marks.dead, self.marks.raised)

    @property
    def charge(self) -> int:
        """Bytes of disk that it is charged for."""
        whole = self.whole.charge if self.whole else 0
        return whole + (self.incoming.charge if self.incoming else 0)


def charged(size: int) -> int:
    """What a file of `size` bytes costs: whole clusters, so that many tiny fragments pay what they take."""
    return -(-size // _CLUSTER) * _CLUSTER


def file_bytes(size: int, blocks: int, record: int = 0) -> int:
    """At most so many bytes has the file of a fragment of `blocks` blocks and `size` bytes."""
    return HEADER_BYTES + size + LEAF_BYTES * blocks + record + TAIL_BYTES


def expected_file_bytes(size: int, block_size: int, record: int = 0) -> int:
    """The same, before the blocks are there."""
    return file_bytes(size, -(-size // block_size), record)
