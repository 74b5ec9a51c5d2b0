"""What the engine needs from below, as Protocols; adapters/ implements them.

Rules:
* Whatever touches the disk is a plain function that runs in a worker thread (`Workers`); it is never
  cancelled half-way. Adapters may be used from several threads, for different keys at once.
* Failures are PiccoloErrors: FULL (DISK_FULL) when the disk has no room, NOT_FOUND (FILE_MISSING),
  DATA_LOSS (ROT) when bytes are not as they were written, INTERNAL (DISK_FAILED) otherwise.
* When a method that writes returns, what it wrote survives a power cut, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.fences import Promised
from piccolo_fragment_store.core.fragment import Fragment, Head, Incoming, Kept, Key, Place, State
from piccolo_fragment_store.core.order import Marks, Order

P = ParamSpec("P")
T = TypeVar("T")


class Workers(Protocol):
    """Threads for what blocks."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in a thread. Cancelling the wait does not stop it."""

    def start(self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """The same, without waiting; a failure is logged."""


class File(Protocol):
    """An open file. Reading and writing have positions of their own; nothing is durable before `sync`."""

    def append(self, data: bytes) -> None:
        """Writes at the end."""

    def write_at(self, offset: int, data: bytes) -> None:
        """Overwrites bytes that are there."""

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes; fewer only at the end of the file."""

    def size(self) -> int:
        """Bytes in the file."""

    def truncate(self, size: int) -> None:
        """Cuts the file."""

    def sync(self) -> None:
        """Makes what was written durable."""

    def close(self) -> None:
        """Lets go of the file. May be called twice."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: str
    is_folder: bool
    size: int


class Disk(Protocol):
    """The state folder. Paths are relative to it, with slashes."""

    def create(self, path: str) -> File:
        """Opens a new file for writing, emptying one that is there."""

    def edit(self, path: str) -> File:
        """Opens a file that is there for reading and writing."""

    def open(self, path: str) -> File:
        """Opens a file for reading."""

    def has(self, path: str) -> bool:
        """Whether there is such a file."""

    def entries(self, folder: str) -> list[Entry]:
        """What a folder holds, in the order of names; nothing when there is no such folder."""

    def make_folder(self, folder: str) -> None:
        """Makes a folder and those above it, durably; it may be there already."""

    def remove_folder(self, folder: str) -> None:
        """Removes an empty folder; one that is not empty, or not there, is left alone."""

    def rename(self, old: str, new: str) -> None:
        """Moves a file, in one step, over one that may be there. Durable after `sync_folder`."""

    def unlink(self, path: str) -> None:
        """Removes a file; it may be gone already. Durable after `sync_folder`."""

    def sync_folder(self, folder: str) -> None:
        """Makes the names in a folder durable."""

    def free(self) -> int:
        """Bytes free for us."""


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

    def append(self, data: bytes) -> None:
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
        """What the file says of itself; its tail was checked."""

    @property
    def leaves(self) -> Sequence[bytes]:
        """The leaf of each block."""

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
    """One file on the disk: its path, and whose it is; `key` is None for what is not ours."""

    path: str
    size: int
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
        """Makes lazy moves durable."""

    def write_record(self, key: Key, place: Place, record: bytes) -> None:
        """Writes the commit record beside a fragment, in place of one that may be there."""

    def remove(self, key: Key, place: Place) -> None:
        """Removes a fragment's file and the commit record beside it; they may be gone already."""

    def remove_stray(self, path: str) -> None:
        """Removes a file by its path."""

    def remove_record(self, key: Key, place: Place) -> None:
        """Removes only the commit record beside a fragment."""

    def rejoin(self, key: Key, old: Place, new: Place) -> None:
        """Moves only the commit record beside a fragment, which a crash left behind."""

    def open(self, key: Key, place: Place) -> Reader:
        """Opens a whole fragment and checks its tail.

        Raises PiccoloError NOT_FOUND (FILE_MISSING), DATA_LOSS (ROT).
        """

    def record_beside(self, key: Key, place: Place) -> bytes:
        """The commit record beside a fragment; empty when there is none."""

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


@dataclass(frozen=True, slots=True)
class OwnerUsage:
    """What one owner keeps here: fragments of all states, bytes of their blocks, bytes of disk they cost."""

    owner: bytes
    fragments: int
    size: int
    charge: int


class Index(Protocol):
    """What the files say, quickly. It can always be rebuilt, so its writes need not survive a power cut."""

    def kept(self, key: Key) -> Kept:
        """Everything known of a key."""

    def put_whole(self, whole: Fragment) -> None:
        """Remembers a whole fragment."""

    def put_incoming(self, incoming: Incoming) -> None:
        """Remembers a half-written fragment."""

    def drop_whole(self, key: Key) -> None:
        """Forgets a whole fragment; its marks stay."""

    def drop_incoming(self, key: Key) -> None:
        """Forgets a half-written fragment."""

    def put_marks(self, marks: Mapping[Key, Marks]) -> None:
        """Remembers marks."""

    def page(self, owner: bytes, after: bytes, count: int) -> list[bytes]:
        """The ids of an owner's fragments, whole or not, that are greater than `after`, in order."""

    def usage(self) -> list[OwnerUsage]:
        """What each owner keeps."""

    def counts(self) -> Mapping[State, int]:
        """How many whole fragments there are in each state."""

    def damaged(self) -> int:
        """How many whole fragments are known to be damaged."""

    def aging(self, place: Place, before: int, after: Key, count: int) -> list[Fragment]:
        """Fragments of a place (the trash: of its day) that came there at or before a running time.

        In the order of keys, those greater than `after`.
        """

    def incoming_before(self, before: int, count: int) -> list[Incoming]:
        """Half-written fragments that were last written to at or before a running time."""

    def inventory(self, owner: bytes) -> int | None:
        """When an owner last listed all its fragments."""

    def put_inventory(self, owner: bytes, now: int) -> None:
        """Remembers that."""

    def generation_since(self, owner: bytes, generation: int, now: int) -> int:
        """Since when this generation of an owner's device is known here; `now` when it was not known."""

    def replace(self, owner: bytes, wholes: Iterable[Fragment], incoming: Iterable[Incoming]) -> None:
        """Forgets all fragments of an owner and remembers these, in one transaction."""

    @property
    def trusted(self) -> bool:
        """Whether it was closed in order, and so agrees with the files."""

    def trust(self) -> None:
        """Says that it agrees with the files now."""


class Promises(Protocol):
    """What was promised to each owner."""

    def get(self, owner: bytes) -> Promised | None:
        """What was promised to an owner."""

    def put(self, owner: bytes, promised: Promised) -> None:
        """Promises."""


class Clock(Protocol):
    """Time."""

    def wall(self) -> int:
        """Seconds since 1970; informs, and decides nothing."""

    def running(self) -> int:
        """Seconds of running time that were written down."""

    def settled(self) -> bool:
        """Whether anything may be deleted by its age now."""

    def tick(self) -> None:
        """Writes down how time has passed."""


class Signer(Protocol):
    """This process's own Ed25519 key."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes."""


class CircleStore(Protocol):
    """The circle as it was last heard of, for a start without attestation."""

    def load(self) -> Circle | None:
        """The circle; None when it was never heard of, or cannot be read."""

    def save(self, circle: bytes) -> None:
        """Keeps it, as the wire carries it."""


class Trust(Protocol):
    """The attestation service."""

    async def register(self, endpoint: str, offer_bytes: int) -> None:
        """Tells this process's public keys, where peers reach it, and how many bytes it offers."""

    def watch(self) -> AsyncIterator[tuple[Circle, bytes]]:
        """The circle now and at each change, with its bytes for the `CircleStore`. Ends only by an error."""

    async def adopt(self, device: bytes) -> None:
        """Admits a newer generation of a member's device, by its Signed("device")."""


__all__ = [
    "CircleStore",
    "Clock",
    "Disk",
    "Entry",
    "File",
    "Found",
    "Index",
    "Log",
    "Order",
    "OwnerUsage",
    "Promises",
    "Reader",
    "Shelves",
    "Signer",
    "Trust",
    "Workers",
    "Writer",
]
