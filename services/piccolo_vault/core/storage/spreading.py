"""Which fragment should lie elsewhere, and when moving it pays.

Rules:
* Two fragments of an object at one member move apart as soon as another member can take one, and so do those
  that are too many under one subtree (core/storage/placement.py). What is to leave a member goes where a
  repair would put it.
* Otherwise rendezvous weights say where fragments should be. They are taken of what a member has for this
  owner in all, free or used, so that a move changes no weight; and a move for balance alone pays only when
  the new place scores at least twice the old one. The sum of the scores rises with each such move: it comes
  to an end, and nothing goes to and fro while weights stay within a factor of two.
* No step lowers the number of devices whose loss is survived, and none for balance crowds a subtree.
* Another k or m than the circle's rule (or the owner's wish) is coded anew, not moved: a layout epoch is
  drawn from the code, so that a try that was cut off with another code never meets fragments of the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from piccolo_vault.core.storage import placement, promise
from piccolo_vault.core.storage.promise import count_by_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.placement import Candidate
    from piccolo_vault.core.storage.promise import Promise

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
    code: Code,
    held: Sequence[bytes | None],
    weights: Mapping[bytes, Candidate],
    ready: Iterable[bytes],
    subtrees: Sequence[frozenset[bytes]] = (),
) -> Move | None:
    """Returns the move that pays most, None when all is well where it is.

    Args:
        object_id: whose fragments they are.
        code: its k and m.
        held: who holds each fragment at present, None where nobody that answers does.
        weights: what each member has for this owner in all, as `free_bytes`, and its availability.
        ready: who may get a fragment of that size now.
        subtrees: members that may go together.
    """
    counts = count_by_device(held)
    order = placement.ranked(object_id, (weights[owner] for owner in ready if owner in weights))
    free = [owner for owner in order if owner not in counts]
    if not free:
        return None
    for index, owner in enumerate(held):
        if owner is not None and counts[owner] > 1:
            moves = [Move(index, owner, target, urgent=True) for target in free]
            return _kept(code, held, min(moves, key=lambda each: _crowding(code, held, each, subtrees)))
    return _parting(code, held, free, subtrees) or _balancing(object_id, code, held, weights, free, subtrees)


def next_leaving(
    object_id: bytes,
    code: Code,
    held: Sequence[bytes | None],
    owner: bytes,
    candidates: Sequence[Candidate],
    goal: Promise,
    subtrees: Sequence[frozenset[bytes]] = (),
) -> Move | None:
    """Returns the move that takes a fragment off a member, None when it has none or nobody has a place.

    Args:
        object_id: whose fragments they are.
        code: its k and m.
        held: who holds each fragment at present, None where nobody that answers does.
        owner: whose fragments are to lie elsewhere.
        candidates: who may get one, the owner not among them.
        goal: what makes a second fragment at one member worth it.
        subtrees: members that may go together.
    """
    if owner not in held:
        return None
    index = list(held).index(owner)
    left = [None if at == index else each for at, each in enumerate(held)]
    target = placement.fill(object_id, candidates, code, goal, left, [index], subtrees)[index]
    return None if target is None else _kept(code, held, Move(index, owner, target, urgent=True))


def _parting(
    code: Code, held: Sequence[bytes | None], free: Sequence[bytes], subtrees: Sequence[frozenset[bytes]]
) -> Move | None:
    """The move that takes a fragment from under a subtree that has too many."""
    present = placement.crowding(held, code, subtrees)
    there = [(index, owner) for index, owner in enumerate(held if present else ()) if owner is not None]
    for (index, owner), target in product(there, free):
        move = Move(index, owner, target, urgent=True)
        if _crowding(code, held, move, subtrees) < present and _kept(code, held, move):
            return move
    return None


def _balancing(
    object_id: bytes,
    code: Code,
    held: Sequence[bytes | None],
    weights: Mapping[bytes, Candidate],
    free: Sequence[bytes],
    subtrees: Sequence[frozenset[bytes]],
) -> Move | None:
    present = placement.crowding(held, code, subtrees)
    scored = [
        (placement.score(object_id, weights[owner]), index, owner)
        for index, owner in enumerate(held)
        if owner is not None and owner in weights
    ]
    for lowest, index, owner in sorted(scored):
        for target in free:
            if placement.score(object_id, weights[target]) < PAYS * lowest:
                break
            move = Move(index, owner, target, urgent=False)
            if _crowding(code, held, move, subtrees) <= present:
                return _kept(code, held, move)
    return None


def _after(held: Sequence[bytes | None], move: Move) -> list[bytes | None]:
    return [move.target if index == move.index else owner for index, owner in enumerate(held)]


def _crowding(
    code: Code, held: Sequence[bytes | None], move: Move, subtrees: Sequence[frozenset[bytes]]
) -> int:
    return placement.crowding(_after(held, move), code, subtrees)


def _kept(code: Code, held: Sequence[bytes | None], move: Move) -> Move | None:
    """The move, unless it would lower what is survived."""
    kept = promise.survived(_after(held, move), code.k) >= promise.survived(held, code.k)
    return move if kept else None


def next_epoch(epoch: int, code: Code) -> int:
    """Returns the layout epoch that an object is coded anew in: higher, and another one for another code."""
    return (epoch // _EPOCHS + 1) * _EPOCHS + (code.k << 8) + code.m
