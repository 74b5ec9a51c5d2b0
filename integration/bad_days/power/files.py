"""The file system: what each question of the kernel means for contents and names."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from integration.bad_days.power import kernel
from integration.bad_days.power.content import Content
from integration.bad_days.power.kernel import Op, Request
from integration.bad_days.power.names import Edit, Folder, Names, Node

_ROOT: Final = 1
_SIZE, _MODE, _TIME, _TIME_NOW = 1 << 3, 1 << 0, 1 << 5, 1 << 8
_NO_REPLACE: Final = 1
_BLOCK: Final = 4096
_ENDLESS: Final = 1 << 40

CHANGING: Final = frozenset(
    {
        Op.SETATTR, Op.MKDIR, Op.UNLINK, Op.RMDIR, Op.RENAME, Op.RENAME2, Op.LINK, Op.CREATE, Op.WRITE,
        Op.FALLOCATE, Op.FSYNC, Op.FSYNCDIR,
    }
)  # fmt: skip
"""What changes something or makes it durable: the moments between these are those at which a cut differs."""


@dataclass(slots=True)
class Files:
    """A file system on a backing folder.

    Attributes:
        capacity: bytes that all files together may have.
    """

    backing: Path
    capacity: int = _ENDLESS
    _names: Names = field(init=False)
    _nodes: dict[int, Node] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(_ROOT + 1))

    def __post_init__(self) -> None:
        root = Folder(_ROOT, stat.S_IFDIR | 0o700)
        self._names = Names(root)
        self._nodes[_ROOT] = root

    def answer(self, request: Request) -> bytes:
        """Does what is asked. Raises OSError."""
        handler = _HANDLERS.get(request.op)
        if handler is None:
            raise OSError(errno.ENOSYS, "not offered")
        return handler(self, request)

    def cut(self, chance: Random) -> dict[str, int]:
        """The power goes; returns what was at stake: changes of names lost, files torn."""
        lost = self._names.cut(chance)
        alive = {node.number: node for node in self._names.nodes()}
        torn = 0
        for number in sorted(self._nodes):
            node = self._nodes[number]
            if number in alive and isinstance(node, Content):
                torn += node.cut(chance)
            elif isinstance(node, Content):
                node.backing.unlink()
        self._nodes = alive
        return {"names": lost, "files": torn}

    def used(self) -> int:
        """Bytes of all files that have a name or are open."""
        return sum(
            node.size
            for node in self._nodes.values()
            if isinstance(node, Content) and node.links + node.handles
        )

    # --- names ---

    def lookup(self, request: Request) -> bytes:
        return self._entry(self._named(request, request.names()[0]))

    def make_folder(self, request: Request) -> bytes:
        made = Folder(next(self._numbers), stat.S_IFDIR | (request.fields("2I")[0] & 0o7777))
        return self._add(request, request.names(8)[0], made)

    def create(self, request: Request) -> bytes:
        flags, mode = request.fields("2I")
        number = next(self._numbers)
        made = Content(number, self.backing / str(number), stat.S_IFREG | (mode & 0o7777))
        return self._add(request, request.names(16)[0], made) + self._opened(made, flags)

    def link(self, request: Request) -> bytes:
        return self._add(request, request.names(8)[0], self._node(request.fields("Q")[0]))

    def unlink(self, request: Request) -> bytes:
        name = request.names()[0]
        node = self._named(request, name)
        if isinstance(node, Folder) and (node.names or request.op == Op.UNLINK):
            raise OSError(errno.ENOTEMPTY if node.names else errno.EISDIR, name)
        self._names.change(Edit(self._folder(request.node), name, None))
        return b""

    def rename(self, request: Request) -> bytes:
        return self._rename(request, self._folder(request.fields("Q")[0]), request.names(8), 0)

    def rename2(self, request: Request) -> bytes:
        target, flags = request.fields("QI")
        return self._rename(request, self._folder(target), request.names(16), flags)

    def _rename(self, request: Request, target: Folder, names: list[str], flags: int) -> bytes:
        (old, new), source = names, self._folder(request.node)
        node, there = self._named(request, old), target.names.get(new)
        if flags & ~_NO_REPLACE:
            raise OSError(errno.EINVAL, new)
        if there is not None and flags:
            raise OSError(errno.EEXIST, new)
        if isinstance(there, Folder) and there.names:
            raise OSError(errno.ENOTEMPTY, new)
        if there is not node:
            self._names.change(Edit(source, old, None), Edit(target, new, node))
        return b""

    def entries(self, request: Request) -> bytes:
        _, position, room = request.fields("QQI")
        found, answer = list(self._folder(request.node).names.items()), b""
        for at, (name, node) in enumerate(found[position:], position + 1):
            one = kernel.named(node.number, at, node.mode >> 12, os.fsencode(name))
            if len(answer) + len(one) > room:
                break
            answer += one
        return answer

    def sync_folder(self, request: Request) -> bytes:
        self._names.sync(self._folder(request.node))
        return b""

    # --- contents ---

    def open(self, request: Request) -> bytes:
        return self._opened(self._content(request.node), request.fields("I")[0])

    def release(self, request: Request) -> bytes:
        self._content(request.node).handles -= 1
        return b""

    def read(self, request: Request) -> bytes:
        _, offset, count = request.fields("QQI")
        return self._content(request.node).read(offset, count)

    def write(self, request: Request) -> bytes:
        _, offset, count, _, _, flags = request.fields("QQIIQI")
        content = self._content(request.node)
        self._room(offset + count - content.size)
        content.write(offset, request.body[40 : 40 + count])
        if flags & os.O_DSYNC:
            content.sync()
        return struct.pack("<II", count, 0)

    def reserve(self, request: Request) -> bytes:
        _, offset, length, mode = request.fields("QQQI")
        content = self._content(request.node)
        if mode:
            raise OSError(errno.EOPNOTSUPP, "only what makes a file longer")
        if offset + length > content.size:
            self._room(offset + length - content.size)
            content.resize(offset + length)
        return b""

    def sync(self, request: Request) -> bytes:
        self._content(request.node).sync()
        return b""

    def sync_all(self, _: Request | None = None) -> bytes:
        """Makes everything durable."""
        self._names.sync_all()
        for node in self._nodes.values():
            if isinstance(node, Content):
                node.sync()
        return b""

    # --- what is known of them ---

    def attributes(self, request: Request) -> bytes:
        return kernel.about(_attributes(self._node(request.node)))

    def set_attributes(self, request: Request) -> bytes:
        valid, _, _, size, *_, mode = request.fields("IIQQQQQQIIII")
        seconds, nanoseconds = request.fields("Q", 40)[0], request.fields("I", 60)[0]
        node = self._node(request.node)
        if valid & _MODE:
            node.mode = stat.S_IFMT(node.mode) | (mode & 0o7777)
        if valid & _SIZE:
            content = self._content(request.node)
            self._room(size - content.size)
            content.resize(size)
        if valid & _TIME and not valid & _TIME_NOW:
            node.written = seconds * 10**9 + nanoseconds
        return self.attributes(request)

    def room(self, _: Request) -> bytes:
        free = max(0, self.capacity - self.used()) // _BLOCK
        return struct.pack(
            "<5Q4I24x", self.capacity // _BLOCK, free, free, 1 << 20, 1 << 20, _BLOCK, 255, _BLOCK, 0
        )

    # --- helpers ---

    def _add(self, request: Request, name: str, node: Node) -> bytes:
        folder = self._folder(request.node)
        if name in folder.names:
            raise OSError(errno.EEXIST, name)
        self._room(1)
        self._nodes[node.number] = node
        self._names.change(Edit(folder, name, node))
        return self._entry(node)

    def _opened(self, content: Content, flags: int) -> bytes:
        content.handles += 1
        if flags & os.O_TRUNC:
            content.resize(0)
        return struct.pack("<QII", 0, 2, 0)  # 2: what the kernel has in its cache is true

    def _room(self, more: int) -> None:
        if more > 0 and self.capacity != _ENDLESS and self.used() + more > self.capacity:
            raise OSError(errno.ENOSPC, "full")

    def _entry(self, node: Node) -> bytes:
        return kernel.entry(node.number, _attributes(node))

    def _named(self, request: Request, name: str) -> Node:
        if (found := self._folder(request.node).names.get(name)) is None:
            raise OSError(errno.ENOENT, name)
        return found

    def _node(self, number: int) -> Node:
        if (found := self._nodes.get(number)) is None:
            raise OSError(errno.ESTALE, str(number))
        return found

    def _folder(self, number: int) -> Folder:
        if not isinstance(found := self._node(number), Folder):
            raise OSError(errno.ENOTDIR, str(number))
        return found

    def _content(self, number: int) -> Content:
        if not isinstance(found := self._node(number), Content):
            raise OSError(errno.EISDIR, str(number))
        return found


def _attributes(node: Node) -> bytes:
    if isinstance(node, Folder):
        return kernel.attributes(node.number, _BLOCK, node.mode, 2, node.written)
    return kernel.attributes(node.number, node.size, node.mode, node.links, node.written)


def _nothing(_: Files, __: Request) -> bytes:
    return b""


def _folder_opened(_: Files, __: Request) -> bytes:
    return struct.pack("<QII", 0, 0, 0)


_HANDLERS: Final[dict[int, Callable[[Files, Request], bytes]]] = {
    Op.INIT: lambda _, request: kernel.greeting(request),
    Op.LOOKUP: Files.lookup,
    Op.GETATTR: Files.attributes,
    Op.SETATTR: Files.set_attributes,
    Op.MKDIR: Files.make_folder,
    Op.UNLINK: Files.unlink,
    Op.RMDIR: Files.unlink,
    Op.RENAME: Files.rename,
    Op.RENAME2: Files.rename2,
    Op.LINK: Files.link,
    Op.OPEN: Files.open,
    Op.READ: Files.read,
    Op.WRITE: Files.write,
    Op.STATFS: Files.room,
    Op.RELEASE: Files.release,
    Op.FSYNC: Files.sync,
    Op.OPENDIR: _folder_opened,
    Op.READDIR: Files.entries,
    Op.RELEASEDIR: _nothing,
    Op.FSYNCDIR: Files.sync_folder,
    Op.CREATE: Files.create,
    Op.FALLOCATE: Files.reserve,
    Op.SYNCFS: Files.sync_all,
    Op.DESTROY: _nothing,
}
