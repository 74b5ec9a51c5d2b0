"""Walking a subtree in path order, from any place on.

Only one open cursor a level is in memory, however much there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine.tree import COLUMNS, Node, child
from piccolo_metadata.ports import Rows

Place: TypeAlias = tuple[str, ...]
Found: TypeAlias = tuple[Path, Node]

_CHILDREN: Final = f"SELECT {COLUMNS} FROM entry WHERE parent = ? AND name > ? ORDER BY name"  # noqa: S608


def children(rows: Rows, directory: int, after: str = "") -> Iterator[Node]:
    """A directory's entries in name order, those after a name."""
    return (Node(*row) for row in rows.each(_CHILDREN, directory, after))


def walk(rows: Rows, start: Node, path: Path, after: Place = ()) -> Iterator[Found]:
    """All entries below a directory in path order.

    Args:
        rows: where to look.
        start: the directory; it is not among the results.
        path: its path.
        after: only what comes after this place (names from `start` on); it need not exist any more.
    """
    levels = _resume(rows, start, path, after)
    while levels:
        above, entries = levels[-1]
        node = next(entries, None)
        if node is None:
            levels.pop()
            continue
        here = above / node.name
        yield here, node
        if node.is_directory:
            levels.append((here, children(rows, node.id)))


def _resume(rows: Rows, start: Node, path: Path, after: Place) -> list[tuple[Path, Iterator[Node]]]:
    levels: list[tuple[Path, Iterator[Node]]] = []
    node: Node | None = start
    for name in after:
        if node is None or not node.is_directory:
            return levels
        levels.append((path, children(rows, node.id, name)))
        node, path = child(rows, node.id, name), path / name
    if node is not None and node.is_directory:
        levels.append((path, children(rows, node.id)))
    return levels
