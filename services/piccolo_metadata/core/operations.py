"""Long work that survives clients and restarts.

Rules:
* An operation is running, then it has ended: well, badly, or because somebody asked. Ended is for ever.
* Asking for an end is a wish: the worker sees it when it tells its progress, and ends or does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from piccolo_chassis.errors import Kind, PiccoloError


class OperationState(IntEnum):
    """How far an operation is; the numbers are those of the wire and of the database."""

    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker tells: units done and in all (0: unknown), and at the end a result or an error."""

    state: OperationState
    phase: str
    done: int
    total: int
    result: str
    error_reason: str
    error_message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Long work. Times are seconds since 1970."""

    operation_id: str
    kind: str
    subject: str
    unit: str
    progress: Progress
    started: int
    updated: int
    revision: int
    cancel_requested: bool

    @property
    def ended(self) -> bool:
        """Whether it changes no more."""
        return self.progress.state is not OperationState.RUNNING

    def advance(self, progress: Progress, now: int, revision: int) -> Operation:
        """The operation with new progress.

        Raises PiccoloError PRECONDITION, OPERATION_ENDED.
        """
        if self.ended:
            raise PiccoloError(
                Kind.PRECONDITION,
                "OPERATION_ENDED",
                f"This operation has already {self.progress.state.name.lower()}; it changes no more.",
            )
        return replace(self, progress=progress, updated=now, revision=revision)

    def ask_for_end(self, now: int, revision: int) -> Operation:
        """The operation with the wish recorded; one that has ended or knows the wish stays as it is."""
        if self.ended or self.cancel_requested:
            return self
        return replace(self, cancel_requested=True, updated=now, revision=revision)


NOTHING_YET = Progress(OperationState.RUNNING, "", 0, 0, "", "", "")
