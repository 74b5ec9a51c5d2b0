"""How old something is, measured so that a wrong clock deletes nothing.

Rules (docs: "Age is fsynced running time, the smaller of wall and monotonic"):
* Age counts the seconds that this memory was running. Between two looks it grows by the smaller of what the
  two clocks say, and never backwards.
* Nothing is given up in the first day after a boot, nor in the day of age after a step of the wall clock by
  more than an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400
STEP: Final = 3_600


@dataclass(frozen=True, slots=True)
class Age:
    """The state of the count: `seconds` so far, the clocks at the last look, and until when to keep still."""

    seconds: int
    wall: int
    monotonic: int
    quiet_until: int = 0

    def look(self, wall: int, monotonic: int) -> Age:
        """The state at a later moment."""
        by_wall, by_monotonic = wall - self.wall, monotonic - self.monotonic
        seconds = self.seconds + max(0, min(by_wall, by_monotonic))
        stepped = abs(by_wall - by_monotonic) > STEP
        quiet = seconds + DAY if stepped else self.quiet_until
        return Age(seconds, wall, monotonic, quiet)

    @property
    def may_give_up(self) -> bool:
        """Whether what is old enough may go now."""
        return self.monotonic >= DAY and self.seconds >= self.quiet_until
