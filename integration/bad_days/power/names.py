"""Folders and the names in them: as they are, as they are for certain, and the changes between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from integration.bad_days.power.content import Content


@dataclass(eq=False, slots=True)
class Folder:
    """A folder: the names that are there, and those that a power cut leaves for certain."""

    number: int
    mode: int
    names: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)
    written: int = field(default_factory=time.time_ns)


Node: TypeAlias = Folder | Content


@dataclass(frozen=True, slots=True)
class Edit:
    """A name that gets a node, or loses its own."""

    folder: Folder
    name: str
    node: Node | None


Change: TypeAlias = tuple[Edit, ...]
"""Edits of one step: all of them survive, or none."""


@dataclass(slots=True)
class Names:
    """The tree below one root."""

    root: Folder
    pending: list[Change] = field(default_factory=list)

    def change(self, *edits: Edit) -> None:
        """Does one step; it is not durable yet."""
        for edit in edits:
            _count(edit.folder.names.get(edit.name), -1)
            _count(edit.node, 1)
            _apply(edit, edit.folder.names)
            edit.folder.written = time.time_ns()
        self.pending.append(edits)

    def sync(self, folder: Folder) -> None:
        """Makes durable what happened in a folder, and what that stands on in others."""
        touched, due = {id(folder)}, []
        for change in reversed(self.pending):
            if touched.isdisjoint(id(edit.folder) for edit in change):
                continue
            touched.update(id(edit.folder) for edit in change)
            due.append(change)
        self._settle(due[::-1])

    def sync_all(self) -> None:
        """Makes every change durable."""
        self._settle(list(self.pending))

    def cut(self, chance: Random) -> int:
        """The power goes; returns how many changes were lost."""
        share, lost, due = chance.choice((0.0, 0.5, 0.9, 1.0)), set[int](), []
        for change in self.pending:
            folders = {id(edit.folder) for edit in change}
            if lost.isdisjoint(folders) and chance.random() < share:
                due.append(change)
            else:
                lost |= folders
        count = len(self.pending) - len(due)
        self._settle(due)
        self.pending.clear()
        self._revert()
        return count

    def nodes(self) -> Iterator[Node]:
        """Everything that has a name, the root first."""
        waiting: list[Node] = [self.root]
        seen = set[int]()
        while waiting:
            if (node := waiting.pop()).number in seen:
                continue
            seen.add(node.number)
            yield node
            if isinstance(node, Folder):
                waiting.extend(node.names.values())

    def _settle(self, changes: list[Change]) -> None:
        for change in changes:
            for edit in change:
                _apply(edit, edit.folder.durable)
        done = {id(change) for change in changes}
        self.pending = [change for change in self.pending if id(change) not in done]

    def _revert(self) -> None:
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            folder.names = dict(folder.durable)
            waiting.extend(node for node in folder.names.values() if isinstance(node, Folder))
        for node in self.nodes():
            if isinstance(node, Content):
                node.links = 0
        for node in self.nodes():
            if isinstance(node, Folder):
                for named in node.names.values():
                    _count(named, 1)


def _apply(edit: Edit, names: dict[str, Node]) -> None:
    if edit.node is None:
        names.pop(edit.name, None)
    else:
        names[edit.name] = edit.node


def _count(node: Node | None, by: int) -> None:
    if isinstance(node, Content):
        node.links += by
