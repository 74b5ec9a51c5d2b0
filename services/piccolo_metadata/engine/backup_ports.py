"""What the backup needs besides the database: the log at the cloud, and a place for an entry's bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

Write: TypeAlias = Callable[[bytes], object]
"""Takes the next bytes of a file."""
Build: TypeAlias = Callable[[Write], bytes]
"""Writes a body through what it is given and returns the prefix; runs in a thread."""


@dataclass(frozen=True, slots=True)
class Access:
    """In whose name the log is used: the locator, and the delegation of this process's key."""

    locator: bytes
    delegation: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """What the cloud keeps of a log; seq 0 is an empty one."""

    seq: int
    first: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an entry; `last` when the entry ends with them."""

    seq: int
    data: bytes
    last: bool


class CloudLog(Protocol):
    """The log at the cloud, signed for by this process.

    All raise PiccoloError as the cloud refuses (FENCED, FORK, LOG_GAP, LOG_DAMAGED, LOG_FULL, ...),
    UNAVAILABLE when it cannot be reached, PRECONDITION (CLOUD_MISSING) when none is configured.
    """

    @property
    def configured(self) -> bool:
        """Whether there is a cloud at all."""

    async def head(self, access: Access) -> Kept:
        """What is kept."""

    async def append(self, access: Access, seq: int, size: int, chunks: AsyncIterator[bytes]) -> None:
        """Creates the entry; the same bytes again succeed."""

    def read(self, access: Access, first: int, last: int, *, headers_only: bool) -> AsyncGenerator[Piece]:
        """Entries `first` (0: the oldest kept) to `last` (0: the newest)."""


class EmptiedLog(CloudLog, Protocol):
    """A log that its owner empties."""

    async def challenge(self) -> bytes:
        """A nonce for a request that the owner's words sign; good once, within a minute."""

    async def drop(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        """Deletes the entries before one, by the locator key's own signature; returns how many."""


class Spool(Protocol):
    """Keeps the exact bytes of entries from before they are sent until the cloud has them."""

    async def store(self, seq: int, build: Build) -> int:
        """Builds an entry's bytes and makes them durable, replacing what was there; returns their number.

        Raises what `build` raises, and PiccoloError FULL (DISK_FULL); then nothing is kept.
        """

    async def size(self, seq: int) -> int | None:
        """The number of an entry's bytes; None when they are not here, whole."""

    def read(self, seq: int) -> AsyncGenerator[bytes]:
        """An entry's bytes, in pieces; the first is all that comes before the body."""

    async def discard(self, except_seq: int | None = None) -> None:
        """Removes all entries but one."""


class Files(Protocol):
    """Large temporary files. Failures are PiccoloError FULL (DISK_FULL) or UNAVAILABLE (DISK_FAILED)."""

    def chunks(self, path: Path) -> Iterator[bytes]:
        """A file's bytes in pieces. Blocks: for use in threads."""

    async def save(self, path: Path, chunks: AsyncIterator[bytes]) -> None:
        """Makes a file of what comes."""

    async def convert(self, path: Path, chunks: Iterator[bytes]) -> None:
        """Makes a file of what an iterator that blocks gives, in a thread."""

    async def remove(self, path: Path) -> None:
        """Removes a file; one that is not there is no failure."""
