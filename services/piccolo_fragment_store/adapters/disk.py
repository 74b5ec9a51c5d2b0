"""The state folder on a real disk. Here OSErrors become PiccoloErrors; nowhere above is one seen."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.fragment import Stamp
from piccolo_fragment_store.ports import Entry

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_INT64_MAX: Final = (1 << 63) - 1
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
# a sector that cannot be read, and what file systems say whose own checksum is wrong
_LOST: Final = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.EILSEQ})


@contextmanager
def told(path: str) -> Iterator[None]:
    """Translates what the kernel refuses."""
    try:
        yield
    except OSError as failed:
        if failed.errno in _NO_ROOM:
            raise refusals.disk_full(0) from failed
        if failed.errno in _GONE:
            raise PiccoloError(
                Kind.NOT_FOUND, "FILE_MISSING", f"{path} is not on the disk.", {"path": path}
            ) from failed
        raise PiccoloError(
            Kind.INTERNAL,
            "DISK_FAILED",
            f"The disk failed at {path}: {failed.strerror}. Look at its health, and at the kernel's log.",
            {"path": path},
        ) from failed


class OpenFile:
    """A file by its descriptor."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor
        with told(path):
            self._end = os.fstat(descriptor).st_size

    def append(self, data: bytes | memoryview) -> None:
        """Writes at the end; what a failure leaves half written is cut off again."""
        try:
            self._write(self._end, data)
        except PiccoloError:
            with suppress(OSError):  # then it lies behind what we take for the end, and is written over
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(data)

    def write_at(self, offset: int, data: bytes) -> None:
        """Overwrites bytes that are there."""
        self._write(offset, data)

    def _write(self, offset: int, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            with told(self._path):
                written = os.pwrite(self._descriptor, rest, offset)
            rest, offset = rest[written:], offset + written

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes; fewer only at the end of the file."""
        pieces = []
        while count > 0:
            with told(self._path):
                piece = self._piece(count, offset)
            if not piece:
                break
            pieces.append(piece)
            offset, count = offset + len(piece), count - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, count: int, offset: int) -> bytes:
        """Some bytes. What the disk says it cannot read is as lost as what it reads wrongly."""
        try:
            return os.pread(self._descriptor, count, offset)
        except OSError as failed:
            if failed.errno in _LOST:
                raise refusals.rot() from failed
            raise

    def size(self) -> int:
        """Bytes in the file."""
        return self._end

    def stamp(self) -> Stamp:
        """Which file it is."""
        with told(self._path):
            return _stamp(os.fstat(self._descriptor))

    def forget(self) -> None:
        """Makes the system forget what it has of the file in memory: the next read is one of the disk."""
        with told(self._path):
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def truncate(self, size: int) -> None:
        """Cuts the file."""
        with told(self._path):
            os.ftruncate(self._descriptor, size)
        self._end = size

    def sync(self) -> None:
        """Makes what was written durable."""
        with told(self._path):
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Lets go of the file. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class RealDisk:
    """A folder of the machine."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._made: set[str] = set()

    def create(self, path: str) -> OpenFile:
        """Opens a new file for writing, emptying one that is there."""
        return self._open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)

    def edit(self, path: str) -> OpenFile:
        """Opens a file that is there for reading and writing."""
        return self._open(path, os.O_RDWR)

    def open(self, path: str) -> OpenFile:
        """Opens a file for reading."""
        return self._open(path, os.O_RDONLY)

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        with told(path):
            return Path(self._at(path)).is_file()

    def entries(self, folder: str) -> list[Entry]:
        """What a folder holds, in the order of names; nothing when there is no such folder."""
        try:
            with told(folder), os.scandir(self._at(folder)) as found:
                entries = [_entry(each) for each in found]
        except PiccoloError as missing:
            if missing.reason == "FILE_MISSING":
                return []
            raise
        return sorted(entries, key=lambda entry: entry.name)

    def make_folder(self, folder: str) -> None:
        """Makes a folder and those above it, durably; it may be there already."""
        if folder in self._made:
            return
        above = folder.rpartition("/")[0]
        if above:
            self.make_folder(above)
        try:
            with told(folder):
                Path(self._at(folder)).mkdir(0o700)
        except PiccoloError:
            if not Path(self._at(folder)).is_dir():
                raise
        # also when it was there: who made it may have died before this
        self.sync_folder(above)
        self._made.add(folder)

    def remove_folder(self, folder: str) -> None:
        """Removes an empty folder; one that is not empty, or not there, is left alone."""
        self._made.discard(folder)
        try:
            Path(self._at(folder)).rmdir()
        except OSError:
            return

    def rename(self, old: str, new: str) -> None:
        """Moves a file, in one step, over one that may be there. Durable after `sync_folder`."""
        with told(old):
            Path(self._at(old)).replace(self._at(new))

    def unlink(self, path: str) -> None:
        """Removes a file; it may be gone already. Durable after `sync_folder`."""
        with told(path):
            Path(self._at(path)).unlink(missing_ok=True)

    def sync_folder(self, folder: str) -> None:
        """Makes the names in a folder durable."""
        with told(folder):
            descriptor = os.open(self._at(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def free(self) -> int:
        """Bytes free for us."""
        with told("."):
            found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def _open(self, path: str, flags: int) -> OpenFile:
        with told(path):
            return OpenFile(path, os.open(self._at(path), flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _entry(found: os.DirEntry[str]) -> Entry:
    if found.is_dir(follow_symlinks=False):
        return Entry(found.name, True, 0)
    about = found.stat(follow_symlinks=False)
    return Entry(found.name, False, about.st_size, _stamp(about))


def _stamp(about: os.stat_result) -> Stamp:
    # some file systems use the highest bit of an inode's number, for which SQLite has no room
    return Stamp(about.st_ino & _INT64_MAX, about.st_mtime_ns)
