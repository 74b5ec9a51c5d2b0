"""What happens to a database that is damaged.

Rules:
* While the database is open, a mark lies beside it. Who finds the mark at the start checks the whole file.
* Where every row and every index can be read as it was written, what rotted was free: the database is made
  anew of the rest, and the process goes on with it.
* A damaged database is set aside with its journal, never deleted and never opened again by itself.
* When it was not made anew, the process ends, with a line that says what happened and what to do.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Final

import apsw
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_chassis.state import sync_folder, write_durably

from piccolo_metadata.adapters.connection import first_damage, open_plain
from piccolo_metadata.adapters.snapshots import sync_file

_log = logging.getLogger(__name__)
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


def mend(connection: apsw.Connection, database: Path, found: str) -> bool:
    """Makes a database anew of its content, unless that rotted too; closes the connection either way."""
    fresh = database.with_name(f"{database.name}.mended")
    fresh.unlink(missing_ok=True)
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.execute("VACUUM INTO ?", (str(fresh),))
    except apsw.Error:
        fresh.unlink(missing_ok=True)
    finally:
        connection.close(True)
    if not fresh.exists() or database.with_name(f"{database.name}-wal").exists() or _damaged(fresh):
        return False
    sync_file(fresh)
    aside = _make_aside(database.parent)
    os.link(database, aside / database.name)
    sync_folder(aside)
    fresh.replace(database)
    sync_folder(database.parent)
    _log.warning(
        "the database had rotted where nothing lay, and was made anew of its content",
        extra=fields(found=found, aside=str(aside)),
    )
    return True


def _damaged(database: Path) -> bool:
    connection = open_plain(database)
    try:
        return first_damage(connection) is not None
    finally:
        connection.close(True)


def set_aside(database: Path, found: str) -> PiccoloError:
    """Moves a damaged database out of the way; returns what to tell: PRECONDITION, DATABASE_DAMAGED."""
    aside = _make_aside(database.parent)
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


def _make_aside(folder: Path) -> Path:
    name = f"damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside, times = folder / name, 0
    while aside.exists():
        times += 1
        aside = folder / f"{name}-{times}"
    aside.mkdir(mode=0o700)
    return aside


def set_aside_before(folder: Path) -> list[Path]:
    """The damaged databases that lie in a state folder, oldest first."""
    return sorted(folder.glob("damaged-*"))
