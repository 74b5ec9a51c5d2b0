"""One promise per owner: which device generation this keeper serves.

Rules:
* Generations only rise. Of two devices that claim one generation, the first to come is promised here; the
  majority of keepers decides between them.
* Who is refused gets the claim that was promised: signed by the owner's own root, it fences the old device.
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
