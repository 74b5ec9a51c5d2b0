"""The disk, in the few operations that a crash can come between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from piccolo_fragment_store.core.fragment import NO_FILE, Stamp


class File(Protocol):
    """An open file. Reading and writing have positions of their own; nothing is durable before `sync`."""

    def append(self, data: bytes | memoryview) -> None:
        """Writes at the end."""

    def write_at(self, offset: int, data: bytes) -> None:
        """Overwrites bytes that are there."""

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes; fewer only at the end of the file.

        Raises PiccoloError DATA_LOSS, ROT, without a block, when the disk cannot read them any more.
        """

    def size(self) -> int:
        """Bytes in the file."""

    def stamp(self) -> Stamp:
        """Which file it is. Moving it changes nothing about that, writing to it does."""

    def forget(self) -> None:
        """Makes the system forget what it has of the file in memory: the next read is one of the disk."""

    def truncate(self, size: int) -> None:
        """Cuts the file."""

    def sync(self) -> None:
        """Makes what was written durable."""

    def close(self) -> None:
        """Lets go of the file. May be called twice."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: str
    is_folder: bool
    size: int
    stamp: Stamp = NO_FILE


class Disk(Protocol):
    """The state folder. Paths are relative to it, with slashes."""

    def create(self, path: str) -> File:
        """Opens a new file for writing, emptying one that is there."""

    def edit(self, path: str) -> File:
        """Opens a file that is there for reading and writing."""

    def open(self, path: str) -> File:
        """Opens a file for reading."""

    def has(self, path: str) -> bool:
        """Whether there is such a file."""

    def entries(self, folder: str) -> list[Entry]:
        """What a folder holds, in the order of names; nothing when there is no such folder."""

    def make_folder(self, folder: str) -> None:
        """Makes a folder and those above it, durably; it may be there already."""

    def remove_folder(self, folder: str) -> None:
        """Removes an empty folder; one that is not empty, or not there, is left alone."""

    def rename(self, old: str, new: str) -> None:
        """Moves a file, in one step, over one that may be there. Durable after `sync_folder`."""

    def unlink(self, path: str) -> None:
        """Removes a file; it may be gone already. Durable after `sync_folder`."""

    def sync_folder(self, folder: str) -> None:
        """Makes the names in a folder durable."""

    def free(self) -> int:
        """Bytes free for us."""
