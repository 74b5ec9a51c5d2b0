"""When what was written is made durable and told: every 16 MiB, every second, and when asked."""

from __future__ import annotations

from typing import Final

BYTES: Final = 16 * 1024 * 1024
SECONDS: Final = 1.0


class Checkpoints:
    """Counts what no checkpoint has covered yet. Times are seconds of any steady clock."""

    def __init__(self, limit: int = BYTES, seconds: float = SECONDS) -> None:
        self._limit, self._seconds = limit, seconds
        self._bytes = 0
        self._first: float | None = None

    def wrote(self, count: int, now: float) -> None:
        """Bytes were written that a power cut would take."""
        self._bytes += count
        if self._first is None:
            self._first = now

    def covered(self) -> None:
        """Everything written is durable."""
        self._bytes, self._first = 0, None

    def due(self, now: float) -> bool:
        """Whether a checkpoint is to be made now."""
        return self._bytes >= self._limit or self.wait(now) == 0

    def wait(self, now: float) -> float | None:
        """Seconds until one is due by time; None when nothing waits for one."""
        return None if self._first is None else max(0.0, self._first + self._seconds - now)
