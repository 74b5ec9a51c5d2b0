"""Which fragment should lie elsewhere, and when moving it pays.

Rules:
* Two fragments of an object at one member move apart as soon as another member can take one; what lies with a
  member that is on its way out moves to one that stays.
* Otherwise rendezvous weights say where fragments should be. They are taken of what a member has for this
  owner in all, free or used, so that a move changes no weight; and a move for balance alone pays only when
  the new place scores at least twice the old one. The sum of the scores rises with each such move: it comes
  to an end, and nothing goes to and fro while weights stay within a factor of two.
* No step lowers the number of devices whose loss is survived.
* Another k or m than the circle's rule (or the owner's wish) is coded anew, not moved: a layout epoch is
  drawn from the code, so that a try that was cut off with another code never meets fragments of the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_vault.core.storage import placement, promise
from piccolo_vault.core.storage.promise import count_by_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.placement import Candidate

PAYS = 2.0
_EPOCHS = 1 << 16


@dataclass(frozen=True, slots=True)
class Move:
    """Fragment `index` goes from one member to another. `urgent`: it is about losses, not about balance."""

    index: int
    source: bytes
    target: bytes
    urgent: bool


def next_move(
    object_id: bytes,
    k: int,
    held: Sequence[bytes | None],
    weights: Mapping[bytes, Candidate],
    ready: Iterable[bytes],
    departing: Iterable[bytes] = (),
) -> Move | None:
    """Returns the move that pays most, None when all is well where it is.

    Args:
        object_id: whose fragments they are.
        k: how many rebuild it.
        held: who holds each fragment at present, None where nobody that answers does.
        weights: what each member has for this owner in all, as `free_bytes`, and its availability.
        ready: who may get a fragment of that size now.
        departing: who is on its way out.
    """
    counts, leaving = count_by_device(held), frozenset(departing)
    order = placement.ranked(object_id, (weights[owner] for owner in ready if owner in weights))
    free = [owner for owner in order if owner not in counts and owner not in leaving]
    if not free:
        return None
    for index, owner in enumerate(held):
        if owner is not None and (counts[owner] > 1 or owner in leaving):
            return _kept(k, held, Move(index, owner, free[0], urgent=True))
    return _kept(k, held, _balancing(object_id, held, weights, free))


def _balancing(
    object_id: bytes, held: Sequence[bytes | None], weights: Mapping[bytes, Candidate], free: Sequence[bytes]
) -> Move | None:
    scored = [
        (placement.score(object_id, weights[owner]), index, owner)
        for index, owner in enumerate(held)
        if owner is not None and owner in weights
    ]
    if not scored:
        return None
    lowest, index, owner = min(scored)
    if placement.score(object_id, weights[free[0]]) < PAYS * lowest:
        return None
    return Move(index, owner, free[0], urgent=False)


def _kept(k: int, held: Sequence[bytes | None], move: Move | None) -> Move | None:
    """The move, unless it would lower what is survived."""
    if move is None:
        return None
    after = [move.target if index == move.index else owner for index, owner in enumerate(held)]
    return move if promise.survived(after, k) >= promise.survived(held, k) else None


def next_epoch(epoch: int, code: Code) -> int:
    """Returns the layout epoch that an object is coded anew in: higher, and another one for another code."""
    return (epoch // _EPOCHS + 1) * _EPOCHS + (code.k << 8) + code.m
