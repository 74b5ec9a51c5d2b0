"""What the engine needs from below, as Protocols; adapters/ implements them.

Rules:
* Engine functions are plain functions over `Rows` (reading) or `Transaction` (writing). `Memory` runs them:
  reads on a connection of their own with one consistent view, writes on the one writer thread.
* Many writes may share one commit. Each runs in a savepoint of its own; its caller hears of success only
  when the commit is durable. A write may be run again after a rollback, so it keeps no state of its own and
  touches nothing but its transaction.
* Every commit that changes recorded tables leaves one entry in the outbox, in the same transaction.
  `Outbox` and `Restoring` are all that a backup needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

Value: TypeAlias = int | str | bytes | None
Row: TypeAlias = tuple[Any, ...]

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """The two clocks of a device."""

    def wall(self) -> int:
        """Seconds since 1970; may be wrong and may jump."""

    def monotonic(self) -> int:
        """Seconds since the device was started; never run backwards."""


class Rows(Protocol):
    """A consistent view of the database."""

    @property
    def now(self) -> int:
        """Seconds since 1970."""

    @property
    def age(self) -> int:
        """Seconds that this memory has been running, over all its restarts; what ages are measured by."""

    def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, None when there is none."""

    def each(self, sql: str, *values: Value) -> Iterator[Row]:
        """The rows, as they are read."""


class Transaction(Rows, Protocol):
    """A write under way."""

    def run(self, sql: str, *values: Value) -> int:
        """Runs one statement; returns how many rows it changed."""

    def revision(self) -> int:
        """The store-wide revision of this write, the same for all that it changes."""

    def touch(self, topic: str) -> None:
        """Wakes those who wait for changes of the topic, after the commit."""


class Memory(Protocol):
    """The database as its users see it.

    Both methods raise what the work raises, and PiccoloError FULL (DISK_FULL), DATA_LOSS (DATABASE_DAMAGED)
    or UNAVAILABLE (STOPPING).
    """

    async def read(self, work: Callable[Concatenate[Rows, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` in a reader thread."""

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work` in the writer thread; returns when its commit is durable."""

    def check_room(self) -> None:
        """Before something grows: the last few MiB are for tidying up, without which none comes back.

        Raises PiccoloError FULL (DISK_FULL).
        """

    async def changed(self, topic: str, seen: int) -> int:
        """Waits until a commit has touched the topic since `seen`; returns what to give next time.

        `seen` is -1 at first, and then the call returns at once.
        """


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """What one commit changed in the recorded tables.

    Attributes:
        number: counts commits from 1. A gap means that entries were given up: start a new chain.
        schema: the schema version of the changeset.
        digest: digest("rows", ...) of the rows that it touches, as they are after it (core/rows.py).
        changeset: bytes of SQLite's session extension.
        time: seconds since 1970.
    """

    number: int
    schema: int
    digest: bytes
    changeset: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A database file with all that is recorded and nothing else.

    Attributes:
        path: where it lies; the caller deletes it.
        number: the last outbox entry that it contains; changesets go on at number + 1.
        schema: its schema version.
    """

    path: Path
    number: int
    schema: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the outbox; `last` is the newest commit's number, also when none waits."""

    first: int
    last: int
    entries: int
    bytes: int


class Outbox(Protocol):
    """The backup's view of a living memory. `local` values stay on this device and are in no backup."""

    @property
    def schema(self) -> int:
        """The schema version of this memory."""

    @property
    def known_schema(self) -> int:
        """The newest schema version that this release opens."""

    @property
    def work_folder(self) -> Path:
        """A folder for large temporary files, on the database's file system; emptied at each start."""

    async def committed(self, after: int) -> int:
        """Waits until the outbox's last number is above `after`, and returns it."""

    async def pending(self, after: int, most_bytes: int) -> list[OutboxEntry]:
        """Entries with higher numbers, in order: at least one if there is one, else up to so many bytes."""

    async def backlog(self) -> Backlog:
        """How much waits."""

    async def acknowledge(self, through: int, local: Mapping[str, bytes | None]) -> None:
        """Forgets the entries up to and including `through` and sets local values (None removes), in one
        transaction.
        """

    async def local(self, key: str) -> bytes | None:
        """A local value, None when there is none."""

    async def locals(self, *keys: str) -> list[bytes | None]:
        """Local values of one moment, in the order of their keys."""

    async def set_local(self, values: Mapping[str, bytes | None]) -> None:
        """Sets (None removes) local values in one transaction."""

    async def snapshot(self) -> Snapshot:
        """Writes a consistent snapshot into the work folder. Writing goes on meanwhile.

        Raises PiccoloError FULL (DISK_FULL).
        """

    async def set_generation(self, generation: int) -> None:
        """Says which device generation mutation numbers are drawn for; a lower one than before is refused.

        Raises PiccoloError CONFLICT (GENERATION_OLD).
        """

    async def is_empty(self) -> bool:
        """Whether there is nothing of an owner's here: no file, version, object, trash or tombstone."""

    def restoring(self, snapshot: Path) -> AbstractAsyncContextManager[Restoring]:
        """Opens a snapshot's file (in the work folder; it is changed and moved) to become this memory.

        Raises PiccoloError PRECONDITION (SCHEMA_NEWER), or DATA_LOSS (BACKUP_DAMAGED) when it is no whole
        database of ours.
        """


class Restoring(Protocol):
    """A restore under way. Nothing of the living memory changes before `replace`."""

    @property
    def number(self) -> int:
        """The last outbox entry that it contains."""

    async def apply(self, entry: OutboxEntry) -> None:
        """Applies the next changeset, whole or not at all.

        Raises PiccoloError PRECONDITION (SCHEMA_NEWER), or DATA_LOSS: CHANGESET_ORDER (not the next number),
        CHANGESET_SCHEMA (another schema than the snapshot's), CHANGESET_CONFLICT, CHANGESET_DIGEST.
        """

    async def replace(self, local: Mapping[str, bytes | None]) -> int:
        """Becomes the memory: migrates, checks, counts revisions and mutation numbers far enough on that none
        is given twice, keeps this device's operations and audit events, renames, reopens. Returns the number
        of files.

        Raises PiccoloError PRECONDITION (MEMORY_NOT_EMPTY).
        """


SNAPSHOT_WANTED = "snapshot.wanted"
"""A local value: while it is there the next backup must be a snapshot (after a migration, a restore, or when
entries were given up). `acknowledge` it away (None) together with the snapshot's number."""
