"""What the engines need from the world: an object store, clocks and randomness.

Rules of every ObjectStore, held by one contract suite:
* `create` is exclusive and atomic: of any number of callers exactly one is told True, and nobody ever reads a
  part of an object. What a yes names survives a power cut. An object never changes.
* When the content ends in an exception, nothing is created and the exception goes through.
* Content goes through in pieces: no object is ever wholly in memory unless it is small.
* Failures are PiccoloError: UNAVAILABLE (STORE_UNAVAILABLE) or FULL (STORE_FULL).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Wall: TypeAlias = Callable[[], float]
"""Seconds since 1970."""
Monotonic: TypeAlias = Callable[[], float]
"""Seconds since some moment; never steps."""
Random: TypeAlias = Callable[[int], bytes]
"""That many unpredictable bytes."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a listing shows it.

    Attributes:
        key: its name, parts joined by "/".
        size: its bytes.
        modified: seconds since 1970 by the store's own clock.
    """

    key: str
    size: int
    modified: float


class ObjectStore(Protocol):
    """Named, immutable byte strings; see the module's rules."""

    async def create(self, key: str, size: int, content: AsyncIterator[bytes]) -> bool:
        """Store the `size` bytes of `content` under a new name; False when the name is taken."""

    def read(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `first` on, at most `length`, in pieces. A range may end behind the object.

        Raises PiccoloError NOT_FOUND, OBJECT_MISSING at the first piece.
        """

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """All objects whose name begins with `prefix/`, in no order. What it shows is durable."""

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no failure."""
