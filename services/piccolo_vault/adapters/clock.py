"""The machine's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """`Clock` of this machine."""

    def wall(self) -> float:
        """Returns seconds since 1970. It may jump."""
        return time.time()

    def running(self) -> float:
        """Returns seconds on a clock that only goes forward (CLOCK_MONOTONIC)."""
        return time.monotonic()
