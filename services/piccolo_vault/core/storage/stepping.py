"""When the wall clock was set, which is told by the monotonic one.

Rules:
* Times that were written down by a clock that was wrong are not believed: how long a member has been away
  is counted on by the step, and what waits in the repair queue for a time is looked at anew.
* A drift, or the step of a careful time service, is no step here; only what would change a decision is.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_SECONDS = 3600.0


@dataclass(slots=True)
class Stepping:
    """Both clocks as they were last looked at, in seconds."""

    wall: float
    monotonic: float

    def seen(self, wall: float, monotonic: float) -> float:
        """Looks again; returns by how many seconds the wall clock was set meanwhile, 0 for not at all."""
        step = wall - self.wall - (monotonic - self.monotonic)
        self.wall, self.monotonic = wall, monotonic
        return step if abs(step) >= LEAST_SECONDS else 0.0
