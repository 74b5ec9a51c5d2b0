"""ZIP files that are made while they are sent.

Rules:
* Stored, not compressed: films and photographs are compressed already, and a box has better uses for its
  processor. ZIP64 where a size asks for it; the UTF-8 flag where a name does.
* A name in an archive begins with the name of what was chosen, never with a slash. What a system could take
  for a way out of the folder (a backslash, a drive's letter, a name of dots and blanks, a control character)
  becomes an underscore; two names that are then alike are told apart by a number. So no archive of ours can
  write outside of the folder that it is unpacked in.
* Times are exact to the second in the extended timestamp (0x5455); the old field, which knows no time zone
  and two seconds at best, has them in UTC.
* Only the directory at the end grows: about 400 bytes a name. So names are counted before it begins.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final, cast
from zipfile import ZIP_STORED, ZipFile, ZipInfo

MEDIA: Final = "application/zip"
MOST_NAMES: Final = 50_000
_LARGE: Final = 1 << 31
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
_ODD: Final = re.compile(r"[\\\x00-\x1f\x7f]|(?<=^[A-Za-z]):")
_UNIX: Final = 3
_FILE: Final = (stat.S_IFREG | 0o644) << 16
_FOLDER: Final = (stat.S_IFDIR | 0o755) << 16 | 0x10
Pieces = list[bytes | memoryview]


class Archive:
    """An archive under way. Each step returns the bytes that are to be sent now."""

    def __init__(self) -> None:
        self._out = _Out()
        self._zip = ZipFile(cast("IO[bytes]", self._out), "w", ZIP_STORED)
        self._file: IO[bytes] | None = None

    def folder(self, name: str, modified: int) -> Pieces:
        """Adds a folder; its name ends without a slash."""
        made = _info(self._unused(name) + "/", modified, _FOLDER)
        self._zip.writestr(made, b"")
        return self._out.taken()

    def begin(self, name: str, modified: int, size: int) -> Pieces:
        """Begins a file of so many bytes."""
        made = _info(self._unused(name), modified, _FILE)
        self._file = self._zip.open(made, "w", force_zip64=size >= _LARGE)
        return self._out.taken()

    def add(self, piece: bytes | memoryview) -> Pieces:
        """Adds bytes to the file that was begun."""
        if self._file is None:
            raise RuntimeError("no file was begun")
        self._file.write(piece)
        return self._out.taken()

    def finish(self) -> Pieces:
        """Ends the file."""
        if self._file is None:
            raise RuntimeError("no file was begun")
        self._file.close()
        self._file = None
        return self._out.taken()

    def close(self) -> Pieces:
        """Ends the archive: its directory."""
        self._zip.close()
        return self._out.taken()

    def give_up(self) -> None:
        """Ends an archive that nobody gets, whatever state it is in."""
        with suppress(RuntimeError):  # the file is larger than was said
            if self._file is not None:
                self._file.close()
        self._zip.close()
        self._out.taken()

    def _unused(self, name: str) -> str:
        known = self._zip.NameToInfo
        stem, dot, ending = name.rpartition(".")
        if not stem or "/" in ending:
            stem, dot, ending = name, "", ""
        made, number = name, 1
        while made in known:
            number += 1
            made = f"{stem} ({number}){dot}{ending}"
        return made


class _Out:
    """Where the archive is written to, and taken from at once. It has no `seek`: nothing is mended later."""

    def __init__(self) -> None:
        self._kept: Pieces = []

    def write(self, data: bytes | memoryview) -> int:
        """Takes bytes."""
        self._kept.append(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> Pieces:
        """What was written since the last time."""
        kept, self._kept = self._kept, []
        return kept


def tops(paths: Iterable[str]) -> dict[str, str]:
    """The name in the archive of each chosen path; the root has none, what is in it stands for itself."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for path in paths:
        name = wanted = _safe(path.rpartition("/")[2]) if path != "/" else ""
        number = 1
        while name in taken:
            number += 1
            name = f"{wanted} ({number})"
        taken.add(name)
        made.setdefault(path, name)
    return made


def below(top: str, chosen: str, path: str) -> str:
    """The name in the archive of what lies below a chosen path."""
    rest = path.removeprefix(chosen.rstrip("/"))
    names = [_safe(name) for name in rest.split("/") if name]
    return "/".join([top, *names] if top else names)


def file_name(paths: list[str]) -> str:
    """What the archive itself is called."""
    name = paths[0].rpartition("/")[2] if len(paths) == 1 else ""
    return f"{_safe(name) if name else 'Piccolo'}.zip"


def _safe(name: str) -> str:
    made = _ODD.sub("_", name)
    return made if made.strip(" .") else "_" * len(made)


def _info(name: str, modified: int, attributes: int) -> ZipInfo:
    made = ZipInfo(name, _old_time(modified))
    made.create_system = _UNIX
    made.external_attr = attributes
    if 0 <= modified < _LARGE:
        made.extra = struct.pack("<HHBi", 0x5455, 5, 1, modified)
    return made


def _old_time(modified: int) -> Any:
    try:
        when = _EPOCH + timedelta(seconds=modified)
    except OverflowError:
        when = _LAST if modified > 0 else _FIRST
    return min(max(when, _FIRST), _LAST).timetuple()[:6]
