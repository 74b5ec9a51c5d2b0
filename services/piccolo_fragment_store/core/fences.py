"""One promise per owner: which device generation this keeper serves.

Rules:
* Generations only rise. Of two devices that claim one generation, the first to come is promised here; the
  majority of keepers decides between them, and the other moves on to the next. So it is a higher generation,
  and nothing else, that fences a device: here as everywhere.
* A higher generation that the circle has heard of stands like a promise: a keeper that its device did not ask
  refuses the older ones all the same.
* Who is refused gets the claim that stands: signed by the owner's own root, it fences the old device.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from piccolo_fragment_store.core import refusals


@dataclass(frozen=True, slots=True)
class Promised:
    """What was promised to one owner.

    Attributes:
        generation: the generation served.
        device: the hash of its device record.
        claim: Signed("claim") that asked for it.
    """

    generation: int
    device: bytes
    claim: bytes


class Claiming(Enum):
    """What becomes of a claim."""

    PROMISE = auto()
    REPEAT = auto()
    FENCED = auto()


def standing(promised: Promised | None, heard: Promised | None, generation: int) -> Promised | None:
    """What a device of this generation is judged by: the promise, or what was heard that is newer."""
    newest = max(generation, promised.generation if promised else 0)
    return heard if heard is not None and heard.generation > newest else promised


def judge(promised: Promised | None, generation: int, device: bytes) -> Claiming:
    """What becomes of a claim by a device of this generation."""
    if promised is None or generation > promised.generation:
        return Claiming.PROMISE
    if (generation, device) == (promised.generation, promised.device):
        return Claiming.REPEAT
    return Claiming.FENCED


def check(promised: Promised | None, generation: int) -> None:
    """Lets a mutation of this generation pass.

    Raises PiccoloError PRECONDITION, FENCED, with the claim.
    """
    if promised is not None and generation < promised.generation:
        raise refusals.fenced(promised.generation, promised.claim)
