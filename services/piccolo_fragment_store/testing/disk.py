"""A disk in memory that forgets what was not made durable, fills up, or stops, when it is told to.

Rules of its power cut, which are those of a journaling file system and no kinder:
* Names change in order: after a cut some first part of the changes that were not synced is there.
  Syncing a folder makes everything up to its last change durable.
* Bytes that were not synced are there, or not, or a part of them with zeros behind.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.fragment import Stamp
from piccolo_fragment_store.ports import Entry

Names = dict[str, "Inode"]
Change = tuple[frozenset[str], Callable[[Names, set[str]], None]]


class PowerCut(Exception):  # noqa: N818 - it is what happens, not an error of ours
    """The power is gone: every operation raises this until `restart`."""


@dataclass(eq=False, slots=True)
class Inode:
    """A file's bytes, and those of them that a power cut leaves for certain."""

    number: int
    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    written: int = 0

    @property
    def stamp(self) -> Stamp:
        """Which file it is. A power cut changes no stamp: it says nothing of what was durable."""
        return Stamp(self.number, self.written)


class SimulatedDisk:
    """See the module's rules.

    Attributes:
        operations: how many operations that change something were begun.
        stop_at: the operation at which the power goes; None for never.
        full_at: operations that fail because the disk is full.
        capacity: bytes that all files together may have.
    """

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.operations = 0
        self.stop_at: int | None = None
        self.full_at: frozenset[int] = frozenset()
        self.capacity = capacity
        self.names: Names = {}
        self._folders: set[str] = {""}
        self._durable_names: Names = {}
        self._durable_folders: set[str] = {""}
        self._pending: list[Change] = []
        self._lock = threading.RLock()

    # --- what a test does to it ---

    def restart(self, chance: random.Random) -> None:
        """Brings the power back: what was not durable is there as far as chance has it."""
        with self._lock:
            self._settle(chance.randint(0, len(self._pending)))
            self._pending.clear()
            self.names, self._folders = dict(self._durable_names), set(self._durable_folders)
            for inode in set(self.names.values()):
                inode.data = bytearray(_after_cut(inode, chance))
                inode.durable = bytes(inode.data)
            self.stop_at = None

    def content(self, path: str) -> bytearray:
        """A file's bytes, to be read or spoilt."""
        return self.names[path].data

    def spoil(self, path: str, at: int) -> None:
        """Flips bits of a byte that was durable already."""
        inode = self.names[path]
        inode.data[at] ^= 0x55
        inode.durable = bytes(inode.data)

    # --- the port ---

    def create(self, path: str) -> SimulatedFile:
        """Opens a new file for writing, emptying one that is there."""
        with self._changing(path):
            self._need_folder(path)
            inode = self.names.get(path) or Inode(self.operations)
            inode.data.clear()
            inode.written = self.operations
            if path not in self.names:
                self._change({path}, lambda names, _: names.__setitem__(path, inode))
            return SimulatedFile(self, path, inode)

    def edit(self, path: str) -> SimulatedFile:
        """Opens a file that is there for reading and writing."""
        return self.open(path)

    def open(self, path: str) -> SimulatedFile:
        """Opens a file for reading."""
        with self._lock:
            self._alive()
            if path not in self.names:
                raise missing(path)
            return SimulatedFile(self, path, self.names[path])

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        with self._lock:
            self._alive()
            return path in self.names

    def entries(self, folder: str) -> list[Entry]:
        """What a folder holds, in the order of names."""
        with self._lock:
            self._alive()
            files = [
                Entry(_name(path), False, len(inode.data), inode.stamp)
                for path, inode in self.names.items()
                if _parent(path) == folder
            ]
            folders = [
                Entry(_name(each), True, 0) for each in self._folders if each and _parent(each) == folder
            ]
            return sorted(files + folders, key=lambda entry: entry.name)

    def make_folder(self, folder: str) -> None:
        """Makes a folder and those above it, durably."""
        if not folder or folder in self._folders:
            return
        self.make_folder(_parent(folder))
        with self._changing(folder):
            self._change({folder}, lambda _, folders: folders.add(folder))
        self.sync_folder(_parent(folder))

    def remove_folder(self, folder: str) -> None:
        """Removes an empty folder."""
        with self._changing(folder):
            if not self.entries(folder):
                self._change({folder}, lambda _, folders: folders.discard(folder))

    def rename(self, old: str, new: str) -> None:
        """Moves a file, in one step, over one that may be there."""
        with self._changing(old):
            if old not in self.names:
                raise missing(old)
            self._need_folder(new)
            self._change({old, new}, lambda names, _: names.__setitem__(new, names.pop(old)))

    def unlink(self, path: str) -> None:
        """Removes a file; it may be gone already."""
        with self._changing(path, frees=True):
            if path in self.names:
                self._change({path}, lambda names, _: names.__delitem__(path))

    def sync_folder(self, folder: str) -> None:
        """Makes the names in a folder durable, and every change before its last one."""
        with self._changing(folder):
            if folder not in self._folders:
                raise missing(folder)
            touched = [number for number, (paths, _) in enumerate(self._pending, 1) if folder in paths]
            self._settle(max(touched, default=0))

    def free(self) -> int:
        """Bytes free for us."""
        with self._lock:
            return max(0, self.capacity - self.used())

    # --- for the files ---

    def used(self) -> int:
        """Bytes of all files."""
        return sum(len(inode.data) for inode in set(self.names.values()))

    def begin(self, path: str, *, frees: bool = False) -> None:
        """Counts an operation that changes something; raises what a test asked for."""
        self._alive()
        self.operations += 1
        if self.stop_at is not None and self.operations >= self.stop_at:
            raise PowerCut(f"at operation {self.operations}, {path}")
        if self.operations in self.full_at and not frees:
            raise refusals.disk_full(0)

    def _changing(self, path: str, *, frees: bool = False) -> threading.RLock:
        with self._lock:
            self.begin(path, frees=frees)
        return self._lock

    def _alive(self) -> None:
        if self.stop_at is not None and self.operations >= self.stop_at:
            raise PowerCut

    def _change(self, paths: set[str], apply: Callable[[Names, set[str]], None]) -> None:
        self._pending.append((frozenset(map(_parent, paths)), apply))
        apply(self.names, self._folders)

    def _settle(self, count: int) -> None:
        for _, apply in self._pending[:count]:
            apply(self._durable_names, self._durable_folders)
        del self._pending[:count]

    def _need_folder(self, path: str) -> None:
        if _parent(path) not in self._folders:
            raise missing(path)


class SimulatedFile:
    """An open file."""

    def __init__(self, disk: SimulatedDisk, path: str, inode: Inode) -> None:
        self._disk, self._path, self._inode = disk, path, inode

    def append(self, data: bytes | memoryview) -> None:
        """Writes at the end."""
        self._disk.begin(self._path)
        if len(data) > self._disk.free():
            raise refusals.disk_full(self._disk.free())
        self._inode.data += data
        self._inode.written = self._disk.operations

    def write_at(self, offset: int, data: bytes) -> None:
        """Overwrites bytes that are there."""
        self._disk.begin(self._path)
        self._inode.data[offset : offset + len(data)] = data
        self._inode.written = self._disk.operations

    def read_at(self, offset: int, count: int) -> bytes:
        """At most `count` bytes."""
        return bytes(self._inode.data[offset : offset + count])

    def size(self) -> int:
        """Bytes in the file."""
        return len(self._inode.data)

    def stamp(self) -> Stamp:
        """Which file it is."""
        return self._inode.stamp

    def forget(self) -> None:
        """Nothing: there is no memory beside the disk."""

    def truncate(self, size: int) -> None:
        """Cuts the file."""
        self._disk.begin(self._path, frees=True)
        del self._inode.data[size:]
        self._inode.written = self._disk.operations

    def sync(self) -> None:
        """Makes what was written durable."""
        self._disk.begin(self._path)
        self._inode.durable = bytes(self._inode.data)

    def close(self) -> None:
        """Lets go of the file."""


def missing(path: str) -> PiccoloError:
    """What a disk says of a file that is not there."""
    return PiccoloError(Kind.NOT_FOUND, "FILE_MISSING", f"{path} is not on the disk.", {"path": path})


def _after_cut(inode: Inode, chance: random.Random) -> bytes:
    new, old = bytes(inode.data), inode.durable
    if len(new) < len(old):
        return chance.choice((old, new))
    begin = chance.choice((old, new[: len(old)]))
    cut = chance.choice((len(old), len(new), chance.randint(len(old), len(new))))
    zeros = bytes(chance.choice((0, len(new) - cut)))
    return begin + new[len(old) : cut] + zeros


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
