"""Small files share one object, a pack, so that a thousand notes do not cost a thousand fan-outs.

Rules:
* A file of at most 256 KiB is one sealed segment in a pack; a pack ends at 4 MiB, after 1,000 files, or
  when the commit record that lists them would grow beyond 1 MiB, because every keeper stores that record
  too.
* One name appears once in a pack: its two writers are answered one after the other.
* Who came first goes first; what does not fit waits for the next pack.
* Whoever writes many files one after another writes again as soon as it is answered. So the next pack waits
  a moment for those who were in the one before, and for nobody else: a lone writer is never held up (the
  group commit of databases; DeWitt et al., "Implementation techniques for main memory database systems",
  1984).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from piccolo_formats.segments import OVERHEAD, padme
from piccolo_formats.stripes import PACK_FILE_LIMIT, PACK_SIZE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_FILES = 1_000
RECORD_LIMIT = 1_048_576
_RECORD_PER_FILE = 400


class Packable(Protocol):
    """What a pack must know of a file that waits for it."""

    @property
    def path(self) -> str:
        """Its name."""

    @property
    def size(self) -> int:
        """Its plaintext bytes."""


F = TypeVar("F", bound=Packable)


@dataclass(slots=True)
class Company:
    """Whom the next pack waits for, and until when; times in seconds of one clock.

    Attributes:
        most: how long it waits at most; never longer than the pack before took.
    """

    most: float
    _expected: int = 0
    _until: float = 0.0

    def stored(self, files: int, waiting: int, took: float, now: float) -> None:
        """A pack of so many files was stored and answered, while others came to wait."""
        self._expected = files + waiting
        self._until = now + min(took, self.most)

    def patience(self, waiting: int, size: int, now: float) -> float:
        """Returns how long to wait for more than those who wait, with so many bytes together."""
        if waiting >= self._expected or size >= PACK_SIZE_LIMIT:
            return 0.0
        return max(0.0, self._until - now)


def fits_in_a_pack(size: int) -> bool:
    """Returns whether a file of so many bytes is a small one."""
    return size <= PACK_FILE_LIMIT


@dataclass(slots=True)
class PackPlan(Generic[F]):
    """The files of one pack and where their sealed segments lie."""

    files: list[F] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    length: int = 0
    _record: int = 0
    _names: set[str] = field(default_factory=set)

    def add(self, file: F) -> bool:
        """Takes the file in; returns False when it must wait for another pack."""
        sealed = file.size + OVERHEAD
        record = _RECORD_PER_FILE + len(file.path.encode())
        if self.files and (
            self.length + sealed > PACK_SIZE_LIMIT
            or self._record + record > RECORD_LIMIT
            or len(self.files) >= MOST_FILES
            or file.path in self._names
        ):
            return False
        self.files.append(file)
        self.offsets.append(self.length)
        self.length += sealed
        self._record += record
        self._names.add(file.path)
        return True

    @property
    def padded_length(self) -> int:
        """Bytes of the object: random bytes follow the segments."""
        return padme(self.length)


def plan_pack(waiting: Iterable[F]) -> tuple[PackPlan[F], list[F]]:
    """Returns the next pack of those who wait, and who waits on, both in the order of their coming."""
    plan: PackPlan[F] = PackPlan()
    later: list[F] = []
    names: set[str] = set()
    for file in waiting:
        # once a name waits, its later writers wait behind it
        if file.path in names or not plan.add(file):
            later.append(file)
            names.add(file.path)
    return plan, later
