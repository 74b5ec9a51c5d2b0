"""The wire between the kernel and a file system in user space: what is mounted, asked and answered.

Source: linux/fuse.h, version 7.31, which every later kernel speaks too.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_WRITE: Final = 1 << 20
_BUFFER: Final = MAX_WRITE + 8192
_MINOR: Final = 31
_HEADER: Final = struct.Struct("<IIQQIIII")
_REPLY: Final = struct.Struct("<IiQ")
_FOR_EVER: Final = 3600
_ASYNC_READ, _BIG_WRITES, _PARALLEL_FOLDERS, _MAX_PAGES = 1 << 0, 1 << 5, 1 << 18, 1 << 22
_FORCE, _DETACH = 1, 2  # of umount2: whoever still has files open is not waited for

_libc = ctypes.CDLL(None, use_errno=True)


class Op(enum.IntEnum):
    """What the kernel asks for; others it does without when they are refused."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    CREATE = 35
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42
    FALLOCATE = 43
    RENAME2 = 45
    SYNCFS = 50


UNANSWERED: Final = frozenset({Op.FORGET, Op.BATCH_FORGET, Op.INTERRUPT})


@dataclass(frozen=True, slots=True)
class Request:
    """One question: about which inode, and its arguments."""

    op: int
    unique: int
    node: int
    body: memoryview

    def fields(self, layout: str, at: int = 0) -> tuple[int, ...]:
        """Numbers of the arguments."""
        return struct.unpack_from("<" + layout, self.body, at)

    def names(self, at: int = 0) -> list[str]:
        """Names, each with a zero behind."""
        return [os.fsdecode(name) for name in bytes(self.body[at:]).split(b"\0")[:-1]]


class Connection:
    """A mounted file system's line to the kernel."""

    def __init__(self, at: Path) -> None:
        """Mounts. Raises OSError."""
        self._at, self._buffer = at, bytearray(_BUFFER)
        self._line = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._line},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        try:
            _call(_libc.mount(b"piccolo-power", os.fsencode(at), b"fuse.piccolo-power", 0, options.encode()))
        except OSError:
            os.close(self._line)
            raise

    def next(self) -> Request | None:
        """The next question, to be answered before another is asked for; None when it is mounted no more."""
        while True:
            try:
                count = os.readv(self._line, [self._buffer])
            except OSError as failed:
                if failed.errno == errno.ENODEV:
                    return None
                if failed.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):  # the asker was just killed
                    continue
                raise
            length, op, unique, node, *_ = _HEADER.unpack_from(self._buffer)
            assert length == count
            return Request(op, unique, node, memoryview(self._buffer)[_HEADER.size : count])

    def answer(self, request: Request, body: bytes = b"", error: int = 0) -> None:
        """Answers; an asker that is gone wants nothing more."""
        try:
            os.writev(self._line, [_REPLY.pack(_REPLY.size + len(body), -error, request.unique), body])
        except OSError as gone:
            if gone.errno not in (errno.ENOENT, errno.ENODEV):
                raise

    def unmount(self) -> None:
        """Takes it away, whoever still looks at it."""
        unmount(self._at)

    def close(self) -> None:
        """Lets go of the line; call it when `next` has said None."""
        os.close(self._line)


def unmount(at: Path) -> None:
    """Takes a mounted file system away. Raises OSError."""
    _call(_libc.umount2(os.fsencode(at), _FORCE | _DETACH))


def greeting(request: Request) -> bytes:
    """The answer to INIT."""
    _, _, readahead, offered = request.fields("4I")
    wanted = offered & (_ASYNC_READ | _BIG_WRITES | _PARALLEL_FOLDERS | _MAX_PAGES)
    head = struct.pack("<4I2H2I2H", 7, _MINOR, readahead, wanted, 12, 9, MAX_WRITE, 1, MAX_WRITE // 4096, 0)
    return head.ljust(64, b"\0")


def attributes(number: int, size: int, mode: int, links: int, written: int) -> bytes:
    """A `fuse_attr`."""
    seconds, rest = divmod(written, 10**9)
    return struct.pack(
        "<6Q10I", number, size, -(-size // 512), seconds, seconds, seconds,
        rest, rest, rest, mode, links, os.getuid(), os.getgid(), 0, 4096, 0,
    )  # fmt: skip


def entry(number: int, about: bytes) -> bytes:
    """A `fuse_entry_out`: nobody but the kernel changes anything, so that it may remember for ever."""
    return struct.pack("<4Q2I", number, 1, _FOR_EVER, _FOR_EVER, 0, 0) + about


def about(attributes_: bytes) -> bytes:
    """A `fuse_attr_out`."""
    return struct.pack("<Q2I", _FOR_EVER, 0, 0) + attributes_


def named(number: int, position: int, kind: int, name: bytes) -> bytes:
    """A `fuse_dirent`."""
    return struct.pack("<QQII", number, position, len(name), kind) + name.ljust(-(-len(name) // 8) * 8, b"\0")


def _call(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
