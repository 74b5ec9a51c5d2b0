"""An append-only log of frames: docs/storage-format.md, section 8.

Rules:
* An entry is in the log when it is durable; a failed append leaves the log as it was.
* A torn last frame is what a crash leaves, and is cut off. Damage before the end is not: the damaged log is
  kept under another name, every frame that can still be read goes into a new one, and it is told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats import logs as format_

from piccolo_fragment_store.ports import Disk, File

_WINDOW: Final = format_.MAX_FRAME + 4 + format_.CHECK_SIZE
_CBOR_PAIR: Final = b"\x82"  # every entry is Signed: an array of two
_log = logging.getLogger(__name__)


class FrameLog:
    """A log in one file."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk, self._path = disk, path
        self._lock = threading.Lock()
        self._broken = False
        self._file = self._opened()
        try:
            self._mend()
        except BaseException:
            self._file.close()
            raise

    @property
    def size(self) -> int:
        """Bytes in the log."""
        return self._file.size()

    def append(self, entry: bytes) -> None:
        """Adds an entry; after a failure the log is as before.

        Raises PiccoloError FULL (DISK_FULL), INTERNAL (DISK_FAILED, LOG_BROKEN).
        """
        with self._lock:
            if self._broken:
                raise PiccoloError(
                    Kind.INTERNAL,
                    "LOG_BROKEN",
                    f"{self._path} could not be mended after the disk failed. Restart this service.",
                )
            before = self._file.size()
            try:
                self._file.append(format_.frame(entry))
                self._file.sync()
            except BaseException:
                self._back_to(before)
                raise

    def entries(self) -> Iterator[bytes]:
        """All entries, oldest first."""
        at = 0
        while at < self._file.size():
            contents = format_.read_frames(self._file.read_at(at, _WINDOW))
            if not contents.frames:
                return
            yield from contents.frames
            at += contents.good_length

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _opened(self) -> File:
        partial = f"{self._path}.new"
        if not self._disk.has(self._path) and self._disk.has(partial):
            # a salvage was cut off between its two renames: then the new log was whole already
            self._disk.rename(partial, self._path)
            self._disk.sync_folder("")
        if not self._disk.has(self._path):
            self._disk.create(self._path).close()
            self._disk.sync_folder("")
        return self._disk.edit(self._path)

    def _back_to(self, size: int) -> None:
        self._broken = True
        self._file.truncate(size)
        self._file.sync()
        self._broken = False

    def _mend(self) -> None:
        good = 0
        while True:
            window = self._file.read_at(good, _WINDOW)
            contents = format_.read_frames(window)
            if contents.frames:
                good += contents.good_length
                continue
            if not window:
                return
            if format_.is_torn(window, contents):
                self._file.truncate(good)
                self._file.sync()
                return
            self._salvage(good)
            return

    def _salvage(self, damaged_at: int) -> None:
        kept = list(self.entries())
        kept += self._readable_after(damaged_at)
        _log.error(
            "a log is damaged; it is kept aside, what can be read goes into a new one",
            extra=fields(log=self._path, offset=damaged_at, entries=len(kept)),
        )
        partial = f"{self._path}.new"
        fresh = self._disk.create(partial)
        for entry in kept:
            fresh.append(format_.frame(entry))
        fresh.sync()
        fresh.close()
        self._file.close()
        self._disk.rename(self._path, self._aside())
        self._disk.rename(partial, self._path)
        self._disk.sync_folder("")
        self._file = self._disk.edit(self._path)

    def _aside(self) -> str:
        number = 1
        while self._disk.has(f"{self._path}.damaged-{number}"):
            number += 1
        return f"{self._path}.damaged-{number}"

    def _readable_after(self, at: int) -> list[bytes]:
        """The frames behind the damage: wherever a length, an entry's first byte and a check agree."""
        found: list[bytes] = []
        rest = self._file.read_at(at, self._file.size() - at)
        start = rest.find(_CBOR_PAIR, 4)
        while start >= 0:
            length = int.from_bytes(rest[start - 4 : start])
            end = start + length + format_.CHECK_SIZE
            frames = format_.read_frames(rest[start - 4 : end]).frames if length <= format_.MAX_FRAME else ()
            found += frames
            start = rest.find(_CBOR_PAIR, end + 4 if frames else start + 1)
        return found
