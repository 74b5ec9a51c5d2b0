"""A memory for tests: the real database in a temporary folder, with a clock to set.

There is no fake of the database: what a test wants to know is what SQLite does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.adapters.database import Database, opened
from piccolo_metadata.adapters.outbox import DatabaseOutbox
from piccolo_metadata.core.ages import DAY

START = 1_800_000_000


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is told otherwise; the device was started long ago."""

    wall_seconds: int = START
    up_seconds: int = 100 * DAY

    def wall(self) -> int:
        """Seconds since 1970."""
        return self.wall_seconds

    def monotonic(self) -> int:
        """Seconds since the device was started."""
        return self.up_seconds

    def pass_days(self, days: float) -> None:
        """Lets time pass on both clocks."""
        self.wall_seconds += int(days * DAY)
        self.up_seconds += int(days * DAY)


@dataclass(slots=True)
class TestMemory:
    """A database with its clock and its outbox."""

    __test__ = False  # no test, although its name begins so

    database: Database
    outbox: DatabaseOutbox
    clock: ManualClock


@asynccontextmanager
async def memory(folder: Path, clock: ManualClock | None = None) -> AsyncIterator[TestMemory]:
    """A memory in `folder`, open while the context lasts."""
    clock = clock or ManualClock()
    folder.mkdir(parents=True, exist_ok=True)
    async with opened(folder / "metadata.db", clock) as database:
        yield TestMemory(database, DatabaseOutbox(database), clock)


def reason_of(error: BaseException) -> str:
    """The reason of a PiccoloError; the error itself, in words, when it is another."""
    return error.reason if isinstance(error, PiccoloError) else repr(error)
