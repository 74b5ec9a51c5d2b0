"""SQLite files whose pages carry a checksum: a page that rots is an error, never other data.

Rules:
* SQLite itself checks no page: a flipped bit in a row reads as another name or number. The cksumvfs
  extension, which comes with APSW, keeps 8 bytes at the end of each page for a checksum, in the journal too,
  and refuses a page that does not fit with SQLITE_IOERR_DATA (https://sqlite.org/cksumvfs.html).
* A file begins with checksums or never has them; one that lost the number that says so is damaged.
* Without the extension nothing is opened: what it would write would pass for rot later.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import apsw
import apsw.sqlite_extra

_EXTENSION: Final = "cksumvfs"
_CHECKSUM_BYTES: Final = 8


@cache
def prepare() -> None:
    """Has every file that this process opens from now on checked. Raises apsw.sqlite_extra.NotAvailable."""
    connection = apsw.Connection(":memory:")
    try:
        apsw.sqlite_extra.load(connection, _EXTENSION)  # stays, when the connection goes
    finally:
        connection.close()


def checked(connection: apsw.Connection) -> None:
    """Gives an empty file checksums. Raises apsw.CorruptError for one that has content and none."""
    if connection.pragma("page_count") == 0:
        connection.reserve_bytes("main", _CHECKSUM_BYTES)
    elif connection.pragma("checksum_verification") != "1":
        raise apsw.CorruptError("its pages carry no checksums")


def is_rot(failed: apsw.Error) -> bool:
    """Whether it says that a page is not as it was written."""
    return getattr(failed, "extendedresult", None) == apsw.SQLITE_IOERR_DATA
