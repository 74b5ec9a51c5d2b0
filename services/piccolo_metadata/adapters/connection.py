"""Connections to the database, and what SQLite's failures mean.

Rules:
* One writer, opened first and closed last, and readers that cannot write. In WAL mode neither waits for the
  other, so "database is locked" cannot happen; if it does, it is an incident.
* synchronous=FULL: a commit that was told is on the disk.
* Every page carries a checksum (piccolo_chassis.pages): what rots is told, never read as something else.
* A failure of the disk or of the file is told in words with what to do; every other one is a defect here.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import apsw
import apsw.bestpractice
from piccolo_chassis import pages
from piccolo_chassis.errors import Kind, PiccoloError

_STATEMENTS: Final = 256
_ROT: Final = "a page is not as it was written"
# both write: only when the checksums were asked for, and when the file was found to be whole
_NOT_AT_ONCE: Final = (apsw.bestpractice.connection_wal, apsw.bestpractice.connection_optimize)
# what removals take before they give anything back: a journal of a thousand pages
_KEPT_BYTES: Final = 4 << 20
_WAL_LIMIT: Final = 64 * 1024 * 1024
_log = logging.getLogger(__name__)


@cache
def prepare_library() -> None:
    """Sets SQLite up for this process, once."""
    pages.prepare()
    apsw.bestpractice.apply(tuple(each for each in apsw.bestpractice.recommended if each not in _NOT_AT_ONCE))


def open_writer(path: Path | str) -> apsw.Connection:
    """The one connection that writes; makes the file when it is not there."""
    prepare_library()
    connection = apsw.Connection(str(path), statementcachesize=_STATEMENTS)
    try:
        pages.checked(connection)
        connection.pragma("journal_mode", "wal")
    except BaseException:
        connection.close(True)
        raise
    connection.pragma("synchronous", "full")
    connection.pragma("journal_size_limit", _WAL_LIMIT)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """A connection that cannot write, for the engine."""
    connection = open_plain(path)
    add_views(connection)
    return connection


def open_plain(path: Path) -> apsw.Connection:
    """A connection that cannot write and knows no table of ours."""
    prepare_library()
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, statementcachesize=_STATEMENTS)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    return connection


def add_views(connection: apsw.Connection) -> None:
    """Adds what is read through and lies in no file: temp.gram, the terms of the search index."""
    connection.pragma("temp_store", "memory")
    connection.execute("CREATE VIRTUAL TABLE temp.gram USING fts5vocab('main', 'search', 'instance')")


def first_damage(connection: apsw.Connection) -> str | None:
    """What SQLite's quick check finds first, None when the database is whole."""
    try:
        found = str(connection.pragma("quick_check", 1))
    except (apsw.CorruptError, apsw.NotADBError) as damaged:
        return str(damaged)
    except apsw.IOError as failed:
        if pages.is_rot(failed):
            return _ROT
        raise
    return None if found == "ok" else found


@contextmanager
def translated() -> Iterator[None]:
    """Turns what SQLite raises into PiccoloError: FULL (DISK_FULL), DATA_LOSS (DATABASE_DAMAGED), UNAVAILABLE
    (DISK_FAILED) or CANCELLED (READ_CANCELLED); defects pass as they are.
    """
    try:
        yield
    except apsw.FullError as full:
        raise _disk_full() from full
    except OSError as failed:
        if failed.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _disk_full() from failed
        raise
    except apsw.IOError as failed:
        if getattr(failed, "extendedresult", None) == apsw.SQLITE_IOERR_SHMSIZE:
            raise _disk_full() from failed
        if pages.is_rot(failed):
            raise _damaged(_ROT) from failed
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "DISK_FAILED",
            f"The disk of this device does not read or write as it should ({failed}); look at its health.",
        ) from failed
    except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as damaged:
        raise _damaged(str(damaged)) from damaged
    except apsw.InterruptError as interrupted:
        raise PiccoloError(Kind.CANCELLED, "READ_CANCELLED", "The request was given up.") from interrupted


def check_room(folder: Path, count: int = 0) -> None:
    """Whether so many more bytes leave the disk enough to tidy up. Raises PiccoloError FULL (DISK_FULL)."""
    if shutil.disk_usage(folder).free < count + _KEPT_BYTES:
        raise _disk_full()


def _damaged(found: str) -> PiccoloError:
    return PiccoloError(
        Kind.DATA_LOSS,
        "DATABASE_DAMAGED",
        f"The device's memory is damaged ({found}). Restart piccolo-metadata: it checks the whole file "
        "and says how to restore it.",
    )


def _disk_full() -> PiccoloError:
    return PiccoloError(
        Kind.FULL,
        "DISK_FULL",
        "The disk of this device is full: nothing was changed, and reading still works. "
        "Free some space, then try again.",
    )
