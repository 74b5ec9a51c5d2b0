"""What happens to a database that is damaged.

Rules:
* While the database is open, a mark lies beside it. Who finds the mark at the start checks the whole file.
* A damaged database is set aside with its journal, never deleted and never opened again by itself.
* After that the process ends, with a line that says what happened and what to do.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import sync_folder, write_durably

_MARK: Final = "open"
_SUFFIXES: Final = ("", "-wal", "-shm")


class OpenMark:
    """The mark that the database is open."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _MARK

    def is_set(self) -> bool:
        """Whether the last run did not end by itself."""
        return self._file.exists()

    def set(self) -> None:
        """Sets it, durably."""
        write_durably(self._file, b"the database is open, or was when the process ended\n")

    def clear(self) -> None:
        """Says that the database was closed in order."""
        self._file.unlink(missing_ok=True)
        sync_folder(self._file.parent)


def set_aside(database: Path, found: str) -> PiccoloError:
    """Moves a damaged database out of the way; returns what to tell: PRECONDITION, DATABASE_DAMAGED."""
    aside = database.parent / f"damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside.mkdir(mode=0o700, exist_ok=True)
    for suffix in _SUFFIXES:
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(aside / part.name)
    sync_folder(aside)
    sync_folder(database.parent)
    return PiccoloError(
        Kind.PRECONDITION,
        "DATABASE_DAMAGED",
        f"The device's memory was damaged ({found}). It was set aside in {aside}, nothing was deleted. "
        "Start piccolo-metadata again: it begins with an empty memory; then restore the backup with your "
        "24 words.",
        {"aside": str(aside)},
    )


def set_aside_before(folder: Path) -> list[Path]:
    """The damaged databases that lie in a state folder, oldest first."""
    return sorted(folder.glob("damaged-*"))
