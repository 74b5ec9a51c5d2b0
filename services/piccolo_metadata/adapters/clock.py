"""The device's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """The kernel's clocks. CLOCK_BOOTTIME also counts while the device is suspended."""

    def wall(self) -> int:
        """Seconds since 1970."""
        return int(time.time())

    def monotonic(self) -> int:
        """Seconds since the device was started."""
        return int(time.clock_gettime(time.CLOCK_BOOTTIME))
