"""What the gateway needs of the machine, and of every service alike."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Clock:
    """Time.

    Attributes:
        now: seconds since 1970, as the machine believes.
        running: seconds of a clock that nobody sets.
    """

    now: Callable[[], int]
    running: Callable[[], float]


class Tasks(Protocol):
    """The parent of work that outlives its request."""

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None) -> Any:
        """Starts it."""
        ...


class Metrics(Protocol):
    """What the device's services count."""

    async def read(self) -> dict[str, str | None]:
        """Each service's exposition; None when it does not answer."""
        ...
