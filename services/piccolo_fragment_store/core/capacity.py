"""How much may come in.

Rules:
* The device gives `offer` bytes to the circle. Each other member is sure of offer/(N-1); what others do not
  use it may borrow.
* Trash, provisional and half-written fragments count. What is reserved for fragments under way counts too.
* Part of the disk stays free, whatever the offer says: the system, the index and tombstones need it, and
  the commit records of fragments that were let in.
* An owner within its share that finds the offer or the disk used up is owed room by those who hold more than
  theirs: they are given notice, never deleted, and borrow nothing more while it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

SMALL_RECORD: Final = 64 * 1024


class Answer(Enum):
    """Whether bytes may come in."""

    YES = auto()
    OFFER_FULL = auto()
    DISK_FULL = auto()
    ASKED_TO_MOVE = auto()


@dataclass(frozen=True, slots=True)
class Space:
    """The room there is.

    Attributes:
        offer: bytes given to the circle.
        held: bytes charged and reserved, all owners together.
        disk_free: bytes free on the disk.
        disk_reserve: bytes of it that stay free.
        unwritten: bytes reserved and not written yet, which `disk_free` does not know of.
    """

    offer: int
    held: int
    disk_free: int
    disk_reserve: int
    unwritten: int

    @property
    def free_offer(self) -> int:
        """Bytes left of the offer."""
        return max(0, self.offer - self.held)

    @property
    def free_disk(self) -> int:
        """Bytes left on the disk."""
        return max(0, self.disk_free - self.disk_reserve - self.unwritten)

    @property
    def free(self) -> int:
        """Bytes that may come in."""
        return min(self.free_offer, self.free_disk)

    def admit(self, count: int) -> Answer:
        """Whether so many more bytes may come in."""
        if count > self.free_disk:
            return Answer.DISK_FULL
        return Answer.OFFER_FULL if count > self.free_offer else Answer.YES

    def admit_record(self, count: int) -> Answer:
        """Whether a commit record may come in, whose fragment was let in already.

        A small one may use half of what stays free for others: a full keeper must still be able to commit.
        """
        if count > SMALL_RECORD:
            return self.admit(count)
        free = self.disk_free - self.disk_reserve // 2 - self.unwritten
        return Answer.DISK_FULL if count > free else Answer.YES


def share(offer: int, members: int) -> int:
    """What each other member of a circle of `members` is sure of."""
    return offer // max(1, members - 1)


def owing(held: Mapping[bytes, int], asking: bytes, count: int, sure: int) -> list[bytes]:
    """Who must be asked to move when `asking` finds no room for `count` bytes within its share `sure`."""
    if held.get(asking, 0) + count > sure:
        return []
    return sorted(owner for owner, bytes_ in held.items() if owner != asking and bytes_ > sure)
