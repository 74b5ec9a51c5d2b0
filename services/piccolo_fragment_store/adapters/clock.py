"""The machine's clocks, and the running time that is written down from them.

What ages by this time is deleted in the end. So a written time that is not exactly what was written (a digit
that a disk flipped) counts as none: then everything is younger than it was.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.state import write_durably
from piccolo_formats.digests import digest

from piccolo_fragment_store.adapters.disk import told
from piccolo_fragment_store.core.running import Instant, RunningTime

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_log = logging.getLogger(__name__)


def machine_clocks() -> Instant:
    """What the machine's clocks say now."""
    return Instant(int(time.time()), int(time.monotonic()), _boot())


@cache
def _boot() -> str:
    """The kernel's name for this boot; no process outlives one."""
    return _BOOT.read_text(encoding="ascii").strip()


class WrittenClock:
    """Running time, kept in one small file.

    Args:
        path: the file.
        clocks: what the clocks say.
    """

    def __init__(self, path: Path, clocks: Callable[[], Instant] = machine_clocks) -> None:
        self._path, self._clocks = path, clocks
        self._lock = threading.Lock()
        self._time = RunningTime.begin(_read(path), clocks())
        self._write(self._time)

    def wall(self) -> int:
        """Seconds since 1970."""
        return self._clocks().wall

    def running(self) -> int:
        """Seconds of running time that were written down."""
        return self._time.seconds

    def settled(self) -> bool:
        """Whether anything may be deleted by its age now."""
        return self._time.settled

    def tick(self) -> None:
        """Writes down how time has passed; what cannot be written down (PiccoloError) has not passed."""
        with self._lock:
            later = self._time.advanced(self._clocks())
            self._write(later)
            self._time = later

    def _write(self, value: RunningTime) -> None:
        with told(self._path.name):
            write_durably(self._path, _written(value))


def _written(value: RunningTime) -> bytes:
    told_ = asdict(value)
    return json.dumps({**told_, "check": digest("clock-file", json.dumps(told_).encode()).hex()}).encode()


def _read(path: Path) -> RunningTime | None:
    """What was written down; an unreadable file counts as none, which makes everything younger."""
    try:
        with told(path.name):
            data = path.read_bytes()
        found = json.loads(data)
        seen = found["seen"]
        value = RunningTime(
            int(found["seconds"]),
            int(found["quiet_from"]),
            Instant(int(seen["wall"]), int(seen["monotonic"]), str(seen["boot"])),
        )
    except PiccoloError as missing:
        if missing.reason == "FILE_MISSING":
            return None
        raise
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        value = None
    if value is None or _written(value) != data:
        _log.error("the running time cannot be read; all ages begin again")
        return None
    return value
