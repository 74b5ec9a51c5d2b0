"""The order of an owner's mutations, and what a keeper remembers of tombstones and undeletes.

Rules:
* Mutations are ordered by (generation, seq), never by when they arrive.
* What is remembered of a fragment only grows: each mark is the highest seen. So late, repeated and reordered
  messages lead to the same state.
* A fragment is buried exactly when its newest tombstone is newer than everything that speaks for its life.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple


class Order(NamedTuple):
    """When, in its owner's own count, something was decided."""

    generation: int
    seq: int

    def __str__(self) -> str:
        return f"{self.generation}.{self.seq}"


NEVER: Final = Order(0, 0)


@dataclass(frozen=True, slots=True)
class Marks:
    """The highest tombstone, undelete and purging tombstone known of one fragment."""

    dead: Order = NEVER
    raised: Order = NEVER
    purged: Order = NEVER

    def with_tombstone(self, order: Order, *, purge: bool) -> Marks:
        """These marks and a tombstone."""
        purged = max(self.purged, order) if purge else self.purged
        return replace(self, dead=max(self.dead, order), purged=purged)

    def with_undelete(self, order: Order) -> Marks:
        """These marks and an undelete."""
        return replace(self, raised=max(self.raised, order))

    def bury(self, alive: Order) -> bool:
        """Whether a fragment whose last sign of life is `alive` belongs into the trash."""
        return self.dead > max(alive, self.raised)

    def purge(self, alive: Order) -> bool:
        """Whether its owner wants its bytes gone at once."""
        return self.purged > max(alive, self.raised)
