"""How far each keeper of an upload is, and whether the promise is still in reach.

Rules:
* A lane is one fragment on its way to its keeper. It is open, finished (receipt in hand) or dropped; what is
  dropped stays dropped.
* A segment is durable when every lane that is not dropped has made it so.
* Lanes may be dropped as long as those that stay keep the promise. Patient lanes (a repair's) are waited
  for, all of them: slow is better than not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from piccolo_vault.core.storage.erasure import Code
    from piccolo_vault.core.storage.promise import Promise


class LaneState(Enum):
    """What a lane still does."""

    OPEN = "open"
    FINISHED = "finished"
    DROPPED = "dropped"


@dataclass(slots=True)
class Lanes:
    """The lanes of one upload. `keepers[i]` is where fragment i goes; None: nowhere, which is dropped."""

    code: Code
    promise: Promise
    keepers: Sequence[bytes | None]
    patient: bool = False
    durable_blocks: list[int] = field(init=False)
    states: list[LaneState] = field(init=False)

    def __post_init__(self) -> None:
        self.durable_blocks = [0] * self.code.m
        self.states = [LaneState.DROPPED if each is None else LaneState.OPEN for each in self.keepers]

    def live(self) -> list[int]:
        """Returns the indexes that are not dropped."""
        return [index for index, state in enumerate(self.states) if state is not LaneState.DROPPED]

    def finished(self) -> list[int]:
        """Returns the indexes whose keepers have the whole fragment."""
        return [index for index, state in enumerate(self.states) if state is LaneState.FINISHED]

    def durable(self) -> int:
        """Returns how many segments every live lane has made durable."""
        return min((self.durable_blocks[index] for index in self.live()), default=0)

    def advance(self, index: int, blocks: int, sent: int) -> None:
        """Notes what a keeper says is durable.

        Raises PiccoloError INTERNAL, KEEPER_WRONG when it cannot be.
        """
        if self.states[index] is LaneState.DROPPED:
            return
        if not self.durable_blocks[index] <= blocks <= sent:
            raise PiccoloError(
                Kind.INTERNAL,
                "KEEPER_WRONG",
                f"A keeper says that {blocks} blocks are durable; {sent} were sent to it.",
            )
        self.durable_blocks[index] = blocks

    def finish(self, index: int) -> None:
        """Notes that a keeper has the whole fragment.

        Raises PiccoloError INTERNAL, LANE_STATE out of order.
        """
        if self.states[index] is not LaneState.OPEN:
            raise PiccoloError(Kind.INTERNAL, "LANE_STATE", f"Fragment {index} is not being sent any more.")
        self.states[index] = LaneState.FINISHED

    def drop(self, index: int) -> None:
        """Gives a lane up."""
        self.states[index] = LaneState.DROPPED

    def in_reach(self, without: Iterable[int] = ()) -> bool:
        """Returns whether the live lanes, less some, keep the promise once they finish."""
        left_out = frozenset(without)
        if self.patient:
            return bool(self.live()) and not left_out
        return self.kept_by(index for index in self.live() if index not in left_out)

    def kept_by(self, indexes: Iterable[int]) -> bool:
        """Returns whether these fragments keep the promise."""
        if self.patient:
            return set(indexes) == set(self.live())
        return self.promise.met((self.keepers[index] for index in indexes), self.code.k)
