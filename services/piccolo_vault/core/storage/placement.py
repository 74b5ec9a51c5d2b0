"""Who keeps which fragment: weighted rendezvous hashing.

Rules:
* Each keeper gets a score of the object and itself, so that a circle that grows or shrinks moves few
  fragments, and different objects spread over all. Weights: free space and measured availability
  (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005: score = -weight / ln(hash)).
* Different keepers first. One keeper gets a second fragment of the same object only while the promise would
  not be kept otherwise, and never a third; none where one fragment is the whole file (k = 1), because a
  second one is lost with the first.
* At most m - k fragments under one subtree of the circle (core/inviters.py), so that all of it may go at
  once. Where different keepers outside are too few for that, files are stored all the same, and their health
  says so (core/storage/health.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from piccolo_formats.digests import digest

from piccolo_vault.core.storage.promise import Promise, count_by_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_vault.core.storage.erasure import Code


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that may get fragments. `availability` is the share of the time that it answered, 0 to 1."""

    owner_id: bytes
    free_bytes: int
    availability: float

    @property
    def weight(self) -> float:
        """Its share of the placements; squared availability, because two absences cost a repair each."""
        return max(self.free_bytes, 1) * max(self.availability, 0.01) ** 2


def ranked(object_id: bytes, candidates: Iterable[Candidate]) -> list[bytes]:
    """Returns the candidates' ids, the object's first choice first."""
    return [each.owner_id for each in sorted(candidates, key=lambda one: score(object_id, one), reverse=True)]


def score(object_id: bytes, candidate: Candidate) -> float:
    """Returns how much an object wants to lie with a candidate; the highest scores are its first choices."""
    drawn = int.from_bytes(digest("placement", object_id, candidate.owner_id)[:8])
    # strictly between 0 and 1, so that the logarithm exists and is not 0
    return -candidate.weight / log((drawn + 1) / (2**64 + 2))


def place(
    object_id: bytes,
    candidates: Sequence[Candidate],
    code: Code,
    promise: Promise,
    subtrees: Sequence[frozenset[bytes]] = (),
) -> list[bytes | None]:
    """Returns the keeper of each fragment of a new object; None where there is nobody to ask.

    The caller looks whether the promise is kept by it.
    """
    return fill(object_id, candidates, code, promise, [None] * code.m, range(code.m), subtrees)


def fill(
    object_id: bytes,
    candidates: Sequence[Candidate],
    code: Code,
    promise: Promise,
    held: Sequence[bytes | None],
    needed: Iterable[int],
    subtrees: Sequence[frozenset[bytes]] = (),
) -> list[bytes | None]:
    """Returns `held` with keepers for the needed fragments, as many as can be found.

    Args:
        object_id: what is placed.
        candidates: who may get a fragment now.
        code: its k and m.
        promise: what makes a second fragment at one keeper worth it.
        held: who holds each fragment already, None for nobody.
        needed: the indexes to find keepers for.
        subtrees: members that may go together.
    """
    placed = list(held)
    open_indexes = [index for index in needed if placed[index] is None]
    order = ranked(object_id, candidates)
    for most, bounds in ((1, subtrees), (1, ()), (2, subtrees), (2, ())):
        if most > 1 and (code.k == 1 or promise.met(placed, code.k)):
            break
        for keeper in order:
            if not open_indexes:
                break
            if count_by_device(placed).get(keeper, 0) < most and _has_room(placed, code, keeper, bounds):
                placed[open_indexes.pop(0)] = keeper
    return placed


def crowding(placed: Sequence[bytes | None], code: Code, subtrees: Sequence[frozenset[bytes]]) -> int:
    """Returns how many fragments lie under subtrees beyond what may."""
    return sum(max(0, _under(placed, subtree) - (code.m - code.k)) for subtree in subtrees)


def _has_room(
    placed: Sequence[bytes | None], code: Code, keeper: bytes, subtrees: Sequence[frozenset[bytes]]
) -> bool:
    return all(_under(placed, each) < code.m - code.k for each in subtrees if keeper in each)


def _under(placed: Iterable[bytes | None], subtree: frozenset[bytes]) -> int:
    return sum(owner in subtree for owner in placed)
