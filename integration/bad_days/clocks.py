"""A box's wall clock, wrong by as much as a test wants, and jumping while its processes run.

Rules:
* libfaketime moves the wall clock only: a real machine's monotonic clock cannot be set, and what sleeps
  sleeps as long as it should.
* The clock is a file that the processes look at every second; so a jump needs no restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from integration.device import Box

DAY: Final = 86_400
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
        new = self.file.with_suffix(".new")
        new.write_text(f"{days * DAY:+.0f}\n")
        new.replace(self.file)
