"""The clocks of boxes: a wall clock that is wrong and jumps, or all clocks running fast, or leaping.

Rules:
* Of a clock that is wrong, libfaketime moves the wall clock only: a real machine's monotonic clock cannot be
  set, and what sleeps sleeps as long as it should.
* Where clocks run fast, all of them do, and whoever waits waits the shorter: event loops, gRPC's timers and
  deadlines, SQLite. Only a thread that waits for a lock with a timeout would wait for ever (libfaketime knows
  no sem_clockwait(3)); no service has one.
* Where all clocks leap, so many days have passed from one moment to the next: what waits is due, and calls
  under way are out of time.
* A clock is a file that the processes look at every second; so a change needs no restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from integration.device import Box

DAY: Final = 86_400
SEEN_SECONDS: Final = 3.0
"""Until a running process has seen how fast its clocks run: it looks when more than one whole second of the
machine's has passed (FAKETIME_CACHE_DURATION) and it asks for the time."""
_LIBRARY: Final = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
needs_faketime: Final = pytest.mark.skipif(
    _LIBRARY is None, reason="libfaketime is not installed (Debian: libfaketime): no clock can be moved"
)


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock of all processes of one box that start after it was made."""

    file: Path

    @classmethod
    def of(cls, box: Box, days: float = 0) -> WallClock:
        """Gives a box a clock of its own, which is wrong by so many days from the start."""
        clock = cls(box.folder.with_name(f"{box.name}.clock"))
        clock.file.parent.mkdir(parents=True, exist_ok=True)
        clock.set(days)
        box.environment |= {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(clock.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        return clock

    def set(self, days: float) -> None:
        """Lets it be wrong by so many days; running processes see it within a second."""
        _replace(self.file, f"{days * DAY:+.0f}")


@dataclass(frozen=True, slots=True)
class FastClocks:
    """All clocks of all processes of some boxes, those that start after each was given them."""

    file: Path

    @classmethod
    def at(cls, file: Path) -> FastClocks:
        """Clocks that run as the machine's until they are told otherwise. Raises RuntimeError without
        libfaketime."""
        if _LIBRARY is None:
            raise RuntimeError("libfaketime is not installed (Debian: libfaketime): no clock can be hurried")
        clocks = cls(file)
        clocks.run(1)
        return clocks

    def give(self, box: Box) -> None:
        """Lets a box that has not started live by them."""
        box.environment |= {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_XRESET": "1",  # a change of speed begins now, not at the start of the process
            "NO_FAKE_STAT": "1",
        }

    def run(self, speed: float) -> None:
        """So many seconds a second. Whoever sleeps already sleeps on for as long as it meant to before."""
        _replace(self.file, f"+0 x{speed:g}")


@dataclass(slots=True)
class LeapingClocks:
    """All clocks of all processes of some boxes: days pass in a moment, for those that run and for those that
    start later."""

    file: Path
    days: float = 0

    @classmethod
    def at(cls, file: Path) -> LeapingClocks:
        """Clocks as the machine's. Raises RuntimeError without libfaketime."""
        clocks = cls(file)
        clocks.leap(0)
        return clocks

    def give(self, box: Box) -> None:
        """Lets a box that has not started live by them."""
        if _LIBRARY is None:
            raise RuntimeError("libfaketime is not installed (Debian: libfaketime): no clock can leap")
        box.environment |= {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "NO_FAKE_STAT": "1",
        }

    def leap(self, days: float) -> None:
        """So many days more have passed; running processes see it within a second or two."""
        self.days += days
        _replace(self.file, f"{self.days * DAY:+.0f}")


def _replace(file: Path, line: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(f"{line}\n")
    new.replace(file)
