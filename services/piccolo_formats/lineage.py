"""The chain of an owner's roots (section 9): each successor hands over from the root before it to the next.

Two of a successor's signatures are judged here: the old root's and the new one's. The third, by the vault of
the device that made it, tells a rotation from a theft of the words; who knows that device must ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from piccolo_formats.errors import AuthenticationError
from piccolo_formats.kek import owner_id
from piccolo_formats.records.generations import Successor
from piccolo_formats.signed import open_signed

if TYPE_CHECKING:
    from piccolo_formats.signed import Signed


def open_successor(data: bytes) -> Signed[Successor]:
    """Verify Signed("successor"): both roots that it names have signed.

    Raises AuthenticationError (`not-signed`, `bad-signature`) or FormatError.
    """
    signed = open_signed(Successor, data)
    signed.require(signed.record.old_root, signed.record.new_root)
    return signed


def follow(owner: bytes, root: bytes, successors: Iterable[Signed[Successor]]) -> list[Signed[Successor]]:
    """Return those that lead on from `root`, in order; it is empty when none does.

    The epoch of the KEK rises with each, so that no chain ends where it was before.
    """
    by_root = {each.record.old_root: each for each in successors if each.record.owner == owner}
    chain: list[Signed[Successor]] = []
    while (step := by_root.get(root)) is not None:
        if chain and step.record.kek_epoch <= chain[-1].record.kek_epoch:
            break
        chain.append(step)
        root = step.record.new_root
    return chain


def lead_to(root: bytes, successors: Iterable[Signed[Successor]]) -> list[Signed[Successor]]:
    """Return those that lead from an owner's first root to `root`, in order; empty when none do.

    The last step is signed by `root` itself, which makes its owner known. Whoever has earlier words can make
    up steps to them: those that do not begin at that owner's first root are passed over.
    """
    by_root: dict[bytes, list[Signed[Successor]]] = {}
    for each in successors:
        by_root.setdefault(each.record.new_root, []).append(each)
    paths = [[last] for last in by_root.get(root, ())]
    while paths:
        path = paths.pop()
        first = path[0].record
        if owner_id(first.old_root) == first.owner:
            return path
        # whether a step leads back to the first root does not hang on what comes after it: it is tried once
        before = by_root.pop(first.old_root, [])
        fit = [each for each in before if _precedes(each.record, first)]
        if left := [each for each in before if not _precedes(each.record, first)]:
            by_root[first.old_root] = left
        paths += [[each, *path] for each in fit]
    return []


def _precedes(one: Successor, other: Successor) -> bool:
    return one.owner == other.owner and one.kek_epoch < other.kek_epoch


def owner_by(root: bytes, lineage: Iterable[bytes]) -> tuple[bytes, int]:
    """Return (owner_id, KEK epoch) of the owner whose newest root this is.

    `lineage` holds all of its Signed("successor"), the first first; empty while the first root is in force.
    Raises AuthenticationError (`lineage`, and as `open_successor`) or FormatError.
    """
    steps = [open_successor(each) for each in lineage]
    if not steps:
        return owner_id(root), 1
    first = steps[0].record
    if first.owner != owner_id(first.old_root) or follow(first.owner, first.old_root, steps) != steps:
        raise AuthenticationError("lineage", "the successors do not lead from the owner's first root")
    if steps[-1].record.new_root != root:
        raise AuthenticationError("lineage", "the successors lead to another root than this one")
    return first.owner, steps[-1].record.kek_epoch
