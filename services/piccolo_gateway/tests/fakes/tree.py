"""Names, versions and contents in memory, as metadata and the vault together have them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from piccolo.metadata.v1 import file_pb2 as pb
from piccolo_chassis.errors import Kind, PiccoloError

KEPT: Final = 64 << 20
_NOW: Final = 1_790_000_000


@dataclass(frozen=True, slots=True)
class Content:
    """One version's bytes: `unit` again and again, up to `size`. Larger ones than KEPT have no unit."""

    version_id: bytes
    size: int
    unit: bytes
    modified: int
    media: str

    def read(self, offset: int, length: int) -> Iterator[bytes]:
        """Bytes in pieces of at most 1 MiB."""
        if self.size and not self.unit:
            raise PiccoloError(Kind.DATA_LOSS, "NOT_KEPT", "This fake has not kept so many bytes.")
        end = offset + length
        while offset < end:
            at = offset % len(self.unit)
            piece = self.unit[at : at + min(1 << 20, end - offset)]
            yield piece
            offset += len(piece)


@dataclass(slots=True)
class Node:
    """What has a name: a file with its versions, the current one last, or a directory."""

    revision: int
    versions: list[Content] = field(default_factory=list)
    entry_id: int = field(default_factory=count(1).__next__)
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether it has a content."""
        return bool(self.versions)


@dataclass(slots=True)
class Removed:
    """A subtree in the trash."""

    path: str
    nodes: dict[str, Node]


class Tree:
    """The owner's names."""

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self._told = told
        self.nodes: dict[str, Node] = {"/": Node(0)}
        self.trash: dict[int, Removed] = {}
        self.revision = 0
        self._version = 0
        self.pages: int | None = None
        """So many more pages can be listed; None: any number."""

    def bump(self) -> int:
        """The next revision."""
        self.revision += 1
        self._told()
        return self.revision

    def find(self, path: str) -> Node:
        """What has a path."""
        node = self.nodes.get(norm(path))
        if node is None:
            raise PiccoloError(Kind.NOT_FOUND, "ENTRY_NOT_FOUND", f"There is nothing named {path}.")
        return node

    def find_file(self, path: str) -> Node:
        """The file of a path."""
        node = self.find(path)
        if not node.is_file:
            raise PiccoloError(Kind.PRECONDITION, "IS_A_DIRECTORY", f"{path} is a directory.")
        return node

    def check(self, path: str, expected: int | None) -> None:
        """Refuses a revision that is not the present one; 0 is that nothing must be there."""
        node = self.nodes.get(norm(path))
        if expected is not None and (node.revision if node else 0) != expected:
            raise PiccoloError(Kind.CONFLICT, "REVISION_CONFLICT", f"{path} has changed since it was read.")

    def put(self, path: str, content: Content, expected: int | None = None) -> Node:
        """A new version of a file."""
        path = norm(path)
        self.check(path, expected)
        present = self.nodes.get(path)
        if present is not None and not present.is_file:
            raise PiccoloError(Kind.PRECONDITION, "IS_A_DIRECTORY", f"{path} is a directory.")
        self.make_directory(parent(path))
        versions = [*present.versions, content] if present else [content]
        node = Node(self.bump(), versions)
        if present:
            node.entry_id, node.properties = present.entry_id, present.properties
        self.nodes[path] = node
        return node

    def content(self, unit: bytes, size: int, modified: int = 0, media: str = "") -> Content:
        """A new content."""
        self._version += 1
        return Content(self._version.to_bytes(16), size, unit, modified or _NOW, media)

    def make_directory(self, path: str) -> Node:
        """A directory and its parents."""
        path = norm(path)
        if path not in self.nodes:
            self.make_directory(parent(path))
            self.nodes[path] = Node(self.bump())
        if self.nodes[path].is_file:
            raise PiccoloError(Kind.PRECONDITION, "NOT_A_DIRECTORY", f"{path} is a file.")
        return self.nodes[path]

    def below(self, path: str) -> dict[str, Node]:
        """An entry and all that is in it."""
        path = norm(path)
        prefix = path.rstrip("/") + "/"
        return {name: node for name, node in self.nodes.items() if name == path or name.startswith(prefix)}

    def take(self, path: str, *, recursive: bool, expected: int | None) -> dict[str, Node]:
        """Takes an entry out."""
        self.find(path)
        self.check(path, expected)
        taken = self.below(path)
        if norm(path) == "/" or (len(taken) > 1 and not recursive):
            raise PiccoloError(Kind.PRECONDITION, "DIRECTORY_NOT_EMPTY", f"{path} is not empty.")
        self.bump()
        for name in taken:
            del self.nodes[name]
        return taken

    def place(
        self,
        nodes: dict[str, Node],
        old: str,
        new: str,
        *,
        overwrite: bool = False,
        replace: bool = False,
        copy: bool = False,
    ) -> None:
        """Puts nodes under another name."""
        old, new = norm(old), norm(new)
        present = self.nodes.get(new)
        if present is not None and not (replace or (overwrite and present.is_file)):
            raise PiccoloError(Kind.ALREADY_EXISTS, "ENTRY_EXISTS", f"{new} exists already.")
        for name in self.below(new):
            del self.nodes[name]
        self.make_directory(parent(new))
        for name, node in nodes.items():
            made = Node(self.bump(), [*node.versions], properties={**node.properties})
            made.entry_id = made.entry_id if copy else node.entry_id
            self.nodes[new + name.removeprefix(old)] = made

    def entry(self, path: str) -> pb.Entry:
        """An entry as it travels."""
        return entry(norm(path), self.find(path))

    def restore(self, path: str, version_id: bytes) -> None:
        """Makes a version the current one."""
        node = self.find_file(path)
        chosen = [one for one in node.versions if one.version_id == version_id]
        if not chosen:
            raise PiccoloError(Kind.NOT_FOUND, "VERSION_NOT_FOUND", "There is no such version.")
        again = replace(chosen[0], version_id=self.content(b"", 0).version_id)
        self.put(path, again)


def entry(path: str, node: Node, *, noted: bool = False) -> pb.Entry:
    """A node as it travels."""
    made = _entry(path, node)
    if noted:
        for name, value in sorted(node.properties.items()):
            made.properties.add(name=name, value=value)
    return made


def _entry(path: str, node: Node) -> pb.Entry:
    if not node.is_file:
        return pb.Entry(
            path=path,
            kind=pb.ENTRY_KIND_DIRECTORY,
            revision=node.revision,
            modified=_NOW,
            entry_id=node.entry_id,
        )
    current = node.versions[-1]
    return pb.Entry(
        path=path,
        kind=pb.ENTRY_KIND_FILE,
        revision=node.revision,
        version_id=current.version_id,
        size=current.size,
        modified=current.modified,
        media=current.media,
        versions=len(node.versions),
        entry_id=node.entry_id,
    )


def norm(path: str) -> str:
    """The path in NFC; refuses what is none."""
    made = unicodedata.normalize("NFC", path)
    names = made[1:].split("/") if made != "/" else []
    good = made.startswith("/") and all(
        name not in {"", ".", ".."} and "\0" not in name and len(name.encode()) <= 255 for name in names
    )
    if not good or len(made.encode()) > 4096:
        raise PiccoloError(Kind.INVALID, "PATH_INVALID", "The path cannot be used.")
    return made


def parent(path: str) -> str:
    """The directory that a path lies in."""
    return path.rpartition("/")[0] or "/"
