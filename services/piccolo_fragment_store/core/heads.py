"""What a keeper keeps of an owner's backup log: its head, and the evidence of a second history.

Rules:
* Heads are in order by (generation, seq). The newest one is kept; an older one is refused.
* Another head of the same place is evidence: the first two of a place are kept, and stay when newer heads of
  the same generation come. A head of a higher generation, which only the owner's words make, ends it.
* A log under another locator (its owner changed the words) takes the place of the one before.
* The same head with more signatures (the locator's countersignature) takes the place of the one with fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError


@dataclass(frozen=True, slots=True)
class Head:
    """A head that its owner's device signed.

    Attributes:
        locator: names the log.
        generation: of the newest entry.
        seq: of the newest entry.
        hash: of its header record.
        signers: how many signed it.
        signed: Signed("head").
        device: Signed("device") of the device that signed it.
    """

    locator: bytes
    generation: int
    seq: int
    hash: bytes
    signers: int
    signed: bytes
    device: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Where it is in the order."""
        return self.generation, self.seq


def keep(kept: Sequence[Head], new: Head) -> list[Head]:
    """What is kept, newest first, after one more head came.

    Raises PiccoloError CONFLICT, HEAD_OLDER.
    """
    if not kept or new.locator != kept[0].locator or new.generation > kept[0].generation:
        return [new]
    if any((each.place, each.hash) == (new.place, new.hash) for each in kept):
        return [_better(each, new) for each in kept]
    newest = kept[0]
    if new.place < newest.place:
        raise PiccoloError(
            Kind.CONFLICT,
            "HEAD_OLDER",
            "This keeper has a newer head of this backup log. Its owner's memory went back, or a second "
            "device writes in its name.",
            {"generation": str(newest.generation), "seq": str(newest.seq)},
        )
    evidence = _evidence(kept)
    if new.place > newest.place:
        return [new, *evidence]
    return list(kept) if evidence else [newest, new]


def _evidence(kept: Sequence[Head]) -> list[Head]:
    """The two different heads of one place, when there are two."""
    for first in kept:
        second = [each for each in kept if each.place == first.place and each.hash != first.hash]
        if second:
            return [first, second[0]]
    return []


def _better(old: Head, new: Head) -> Head:
    same = (old.place, old.hash) == (new.place, new.hash)
    return new if same and new.signers > old.signers else old
