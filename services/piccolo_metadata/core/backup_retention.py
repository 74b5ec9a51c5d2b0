"""Which chains of the backup log are old enough to go.

Rules:
* Every state that this memory had within the last thirty days of its age can be restored: what began before
  the newest snapshot that is older than that may go, and nothing else. Thirty days are fifteen less than the
  trash keeps what an older state names (engine/settings.py).
* How old a snapshot is counts from when it was first seen as the newest, in the memory's own age
  (core/ages.py): too young at worst, whatever a clock says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record

from piccolo_metadata.core.ages import DAY

BASES: Final = "backup.bases"
KEPT_SECONDS: Final = 30 * DAY
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases(Record):
    """Snapshots that were the newest of a log when they were looked at, oldest first.

    `seqs` are their places and `ages` the memory's age at that look, in seconds; as many of one as of the
    other. A local value of the database: in no backup.
    """

    TYPE: ClassVar[str] = "backup-bases"

    locator: s.PublicKey
    seqs: Annotated[tuple[s.U64, ...], _MOST]
    ages: Annotated[tuple[s.U64, ...], _MOST]

    def seen(self, locator: bytes, base: int, age: int) -> Bases:
        """With the newest snapshot of the log as it is now; another log begins anew."""
        if locator != self.locator:
            return Bases(locator=locator, seqs=(base,), ages=(age,))
        if base <= max(self.seqs, default=0):
            return self
        return replace(self, seqs=(*self.seqs, base)[-_MOST:], ages=(*self.ages, age)[-_MOST:])

    def first_needed(self, age: int) -> int:
        """The snapshot with which the log may begin; 0 while none is old enough."""
        old = (seq for seq, seen in zip(self.seqs, self.ages, strict=True) if seen <= age - KEPT_SECONDS)
        return max(old, default=0)

    def since(self, first: int) -> Bases:
        """Without those that begin before another one."""
        kept = [(seq, seen) for seq, seen in zip(self.seqs, self.ages, strict=True) if seq >= first]
        return replace(self, seqs=tuple(seq for seq, _ in kept), ages=tuple(seen for _, seen in kept))


def no_bases() -> Bases:
    """Nothing was looked at yet."""
    return Bases(locator=bytes(32), seqs=(), ages=())
