"""How much has to be read to know that all is there, and which blocks.

Rules:
* A member that lost a share of its blocks is found by reading some at random: n blocks miss a loss of p with
  probability (1-p)^n (Ateniese and others, "Provable data possession at untrusted stores", 2007).
* Every block that lies with a member is as likely to be read as any other, in large objects and small ones;
  so no object is safe to lose for being large, or for being one of many.
* What is read is drawn in one walk over all objects, in memory for the blocks that were drawn only.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace
from math import ceil, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def blocks_to_find(loss: float, confidence: float) -> int:
    """Returns how many random blocks show a loss with that probability: 0.05 and 0.99 need 90 blocks."""
    if not (0 < loss < 1 and 0 < confidence < 1):
        raise ValueError("loss and confidence are shares between 0 and 1")
    return ceil(log(1 - confidence) / log(1 - loss))


MOST_BLOCKS = blocks_to_find(0.01, 0.99)


def pause(daily_requests: int, daily_bytes: int, size: int, drawn: float) -> float:
    """Returns how many seconds to wait after a block of `size` bytes, so that a day stays within its budget.

    `drawn`, from 0 to 1, spreads the pause from half to one and a half of that: audits keep no rhythm.
    """
    day = 86_400.0
    return max(day / daily_requests, day * size / daily_bytes) * (0.5 + drawn)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A block to read."""

    object_id: bytes
    index: int
    block: int


class Draw:
    """Draws blocks of one member, each time from all of them, while they are told one object after another.

    Each place is a reservoir of one (Vitter, "Random sampling with a reservoir", 1985): when it changes next
    is drawn, so that an object costs nothing unless a block of it is taken.
    """

    def __init__(self, count: int, random: Callable[[], float]) -> None:
        """`random` returns numbers from 0 up to 1."""
        self._random, self._total = random, 0
        self._drawn: dict[int, Drawn] = {}
        self._next = [(0, place) for place in range(count)]
        heapify(self._next)

    def add(self, object_id: bytes, index: int, blocks: int) -> None:
        """Tells of a fragment of so many blocks."""
        first, self._total = self._total, self._total + blocks
        while self._next and self._next[0][0] < self._total:
            at, place = self._next[0]
            self._drawn[place] = Drawn(object_id, index, at - first)
            heapreplace(self._next, (int((at + 1) / (1.0 - self._random())), place))

    @property
    def drawn(self) -> list[Drawn]:
        """The blocks, fewer than asked for only when there is none at all."""
        return list(self._drawn.values())
