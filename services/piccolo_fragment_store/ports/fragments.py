"""Fragment files and logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from piccolo_fragment_store.core.fragment import NO_FILE, Fragment, Head, Incoming, Key, Place, Stamp
from piccolo_fragment_store.core.order import Order


class Writer(Protocol):
    """A fragment's file that is being written, in `incoming`. Used by one thread at a time."""

    @property
    def incoming(self) -> Incoming:
        """What is durable of it."""

    @property
    def blocks(self) -> int:
        """Blocks written, durable or not."""

    @property
    def file_size(self) -> int:
        """Bytes written, durable or not."""

    def leaves_digest(self) -> bytes:
        """digest("leaves", leaves of the blocks written)."""

    def append(self, data: bytes | memoryview) -> None:
        """Writes whole blocks. Raises PiccoloError INVALID as `BlockCutter.cut` does."""

    def sync(self) -> int:
        """Makes all full blocks durable; returns how many there are."""

    def root(self) -> bytes:
        """The root over the blocks written."""

    def finish(self, record: bytes) -> Fragment:
        """Writes the tail, with a commit record or none, and makes the file durable where it lies."""

    def close(self) -> None:
        """Lets go of the file. May be called twice."""


class Reader(Protocol):
    """A whole fragment's file, open. It stays readable when the file moves."""

    @property
    def fragment(self) -> Fragment:
        """What the file says of itself, but for the order of its record; its tail was checked."""

    @property
    def leaves(self) -> Sequence[bytes]:
        """The leaf of each block."""

    def proof(self, first: int, last: int) -> Sequence[bytes]:
        """The hashes that lead from the leaves of blocks [first, last) to the root."""

    def record(self) -> bytes:
        """The commit record in the file; empty when there is none."""

    def read(self, first: int, count: int) -> bytes:
        """Blocks, joined, each checked against its leaf.

        Raises PiccoloError DATA_LOSS, ROT, with the first bad block in `details`.
        """

    def close(self) -> None:
        """Lets go of the file. May be called twice."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file on the disk: its path, which file it is, and whose; `key` is None for what is not ours."""

    path: str
    size: int
    stamp: Stamp = NO_FILE
    key: Key | None = None
    place: Place | None = None
    record: bool = False


class Shelves(Protocol):
    """The fragment files."""

    def begin(self, head: Head, created: int, now: int) -> Writer:
        """A new file in `incoming`, in place of one that may be there.

        Args:
            head: what is to be written.
            created: seconds since 1970.
            now: running time.
        """

    def resume(self, head: Head, keep: int | None, now: int) -> Writer:
        """The file in `incoming`, cut to `keep` blocks or to its whole ones; all of them are durable then.

        Raises PiccoloError NOT_FOUND, FILE_MISSING when there is none that can be resumed.
        """

    def write(
        self, head: Head, blocks: bytes, root: bytes, record: bytes, *, created: int, now: int
    ) -> Fragment:
        """Writes a whole fragment beside what may be in `incoming`, in one go, for `place` to move.

        Returns it without the order of its record, which is not looked into.

        Raises PiccoloError INVALID: ROOT_MISMATCH when the blocks have another root; or as `BlockCutter.cut`.
        """

    def place(self, key: Key, new: Place) -> None:
        """Moves what `write` wrote to where it is kept."""

    def move(self, key: Key, old: Place, new: Place, *, lazily: bool = False) -> None:
        """Moves a fragment's file, and the commit record beside it.

        With `lazily` it may not be durable before `flush`: for moves that a log repeats after a crash.
        """

    def flush(self) -> None:
        """Makes durable what is not: what was done lazily, and what failed after it was done."""

    def write_record(self, key: Key, record: bytes) -> Stamp:
        """Writes a commit record, for `place_record` to move; returns which file it is."""

    def place_record(self, key: Key, place: Place) -> None:
        """Moves what `write_record` wrote beside a fragment, in place of one that may be there."""

    def remove(self, key: Key, place: Place, *, lazily: bool = False) -> None:
        """Removes a fragment's file and the commit record beside it; they may be gone already.

        With `lazily` that may not be durable before `flush`.
        """

    def remove_stray(self, path: str) -> None:
        """Removes a file by its path."""

    def remove_record(self, key: Key, place: Place) -> None:
        """Removes only the commit record beside a fragment."""

    def rejoin(self, key: Key, old: Place, new: Place) -> None:
        """Moves only the commit record beside a fragment, which a crash left behind."""

    def open(self, key: Key, place: Place, *, from_disk: bool = False) -> Reader:
        """Opens a whole fragment and checks its tail.

        With `from_disk` nothing is taken from what the system has of it in memory.

        Raises PiccoloError NOT_FOUND (FILE_MISSING), DATA_LOSS (ROT).
        """

    def order_beside(self, key: Key, place: Place) -> Order:
        """The order of the commit record beside a fragment; NEVER when there is none that can be read."""

    def newest_record(self, key: Key, place: Place) -> bytes:
        """The newer one of the commit records in a fragment and beside it; empty when it has none.

        Raises as `open`, unless there is one beside it.
        """

    def describe(self, key: Key, place: Place, now: int) -> Fragment:
        """What a whole fragment's files say. Raises as `open`."""

    def describe_incoming(self, key: Key, now: int) -> Incoming:
        """What a half-written file says.

        Raises PiccoloError NOT_FOUND, FILE_MISSING when it cannot be gone on with.
        """

    def owners(self) -> set[bytes]:
        """Every owner who has a folder here."""

    def scan(self, owner: bytes) -> Iterator[Found]:
        """Every file in an owner's folders."""

    def strangers(self) -> Iterator[str]:
        """Every file below the folders of fragments that is in no owner's folder."""

    def trash_days(self) -> list[int]:
        """The days that have a folder in the trash."""

    def remove_trash_folder(self, day: int) -> None:
        """Removes the folders of a day whose fragments are gone."""

    def disk_free(self) -> int:
        """Bytes free on the disk."""


class Log(Protocol):
    """An append-only log."""

    def append(self, entry: bytes) -> None:
        """Adds an entry; after a failure the log is as before."""

    def entries(self) -> Iterator[bytes]:
        """All entries, oldest first."""

    @property
    def size(self) -> int:
        """Bytes in the log."""
