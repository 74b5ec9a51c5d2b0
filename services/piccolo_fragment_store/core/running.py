"""Running time: how long this keeper has been at work, by which everything here ages.

Rules:
* Time passes by the smaller of what the wall clock and the monotonic clock say, and only while the service
  runs; so neither a wrong clock nor a year in a drawer ages anything.
* Only what was written down, durably, has passed.
* Nothing is purged in the first 24 hours after a boot, nor after the wall clock jumped by more than an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

DAY: Final = 86_400
_STEP: Final = 3_600
_QUIET: Final = DAY


@dataclass(frozen=True, slots=True)
class Instant:
    """What the clocks say: seconds since 1970, seconds since the boot, and which boot it is."""

    wall: int
    monotonic: int
    boot: str


@dataclass(frozen=True, slots=True)
class RunningTime:
    """Running time as it was written down.

    Attributes:
        seconds: how much has passed since the first start.
        quiet_from: the running time of the last boot or clock step.
        seen: the clocks when it was written down.
    """

    seconds: int
    quiet_from: int
    seen: Instant

    @classmethod
    def begin(cls, saved: RunningTime | None, now: Instant) -> RunningTime:
        """The time at a start of the service; what lay between counts as no time at all."""
        if saved is None:
            return cls(0, 0, now)
        unsettled = saved.seen.boot != now.boot or _stepped(saved.seen, now)
        return cls(saved.seconds, saved.seconds if unsettled else saved.quiet_from, now)

    def advanced(self, now: Instant) -> RunningTime:
        """The time at a later instant of the same start."""
        passed = max(0, min(now.wall - self.seen.wall, now.monotonic - self.seen.monotonic))
        later = replace(self, seconds=self.seconds + passed, seen=now)
        return replace(later, quiet_from=later.seconds) if _stepped(self.seen, now) else later

    @property
    def day(self) -> int:
        """Whole days of running time."""
        return self.seconds // DAY

    @property
    def settled(self) -> bool:
        """Whether ages may be believed enough to delete by them."""
        return self.seconds - self.quiet_from >= _QUIET


def _stepped(before: Instant, now: Instant) -> bool:
    passed = now.monotonic - before.monotonic
    return abs(now.wall - before.wall - passed) > _STEP
