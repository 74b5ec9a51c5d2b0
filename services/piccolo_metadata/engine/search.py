"""Finding entries by a part of their name.

Rules:
* Results come in path order, in pages that go on after the last path.
* Common names are found by walking, because the page is soon full; rare ones by the index, because few have
  to be put in order. Which one it is shows after a short walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from piccolo_metadata.core.entries import Entry
from piccolo_metadata.core.pages import Page, take
from piccolo_metadata.core.paths import Path, fold
from piccolo_metadata.engine import search_index, tree
from piccolo_metadata.engine.search_index import Candidate
from piccolo_metadata.engine.walk import Found, walk
from piccolo_metadata.ports import Rows

_SHORT_WALK: Final = 2_000
_RARE: Final = 10_000


def search(rows: Rows, query: str, under: Path, after: Path | None, most: int) -> Page[Entry]:
    """A page of the entries below `under` whose name holds `query`, those after the path `after`.

    Raises PiccoloError NOT_FOUND (ENTRY_NOT_FOUND) or PRECONDITION (NOT_A_DIRECTORY) for `under`.
    """
    top = tree.find_directory(rows, under)
    folded = fold(query)
    place = after.parts[len(under.parts) :] if after else ()
    short = _ShortWalk(walk(rows, top, under, place))
    page = _page(_holding(short, folded), most)
    if page.more or not short.cut:
        return page
    candidates = search_index.candidates(rows, folded, _RARE)
    if len(candidates) == _RARE:
        return _page(_holding(walk(rows, top, under, place), folded), most)
    return _page(_in_order(rows, candidates, folded, under, after), most)


def _page(found: Iterator[Found], most: int) -> Page[Entry]:
    return take((node.entry(path) for path, node in found), most, lambda entry: entry.weight)


class _ShortWalk:
    """The first entries of a walk; `cut` says whether there may be more."""

    def __init__(self, found: Iterator[Found]) -> None:
        self._found = found
        self.cut = False

    def __iter__(self) -> Iterator[Found]:
        yield from islice(self._found, _SHORT_WALK)
        self.cut = next(self._found, None) is not None


def _holding(found: Iterable[Found], folded: str) -> Iterator[Found]:
    return ((path, node) for path, node in found if folded in fold(node.name))


def _in_order(
    rows: Rows, candidates: list[Candidate], folded: str, under: Path, after: Path | None
) -> Iterator[Found]:
    """The candidates that do hold the query and lie where they should."""
    known: dict[int, Path | None] = {}
    found: list[tuple[Path, int]] = []
    for number, parent, name in candidates:
        above = tree.path_of_parent(rows, parent, known) if folded in fold(name) else None
        if above is not None and above.within(under):
            path = above / name
            if after is None or path > after:
                found.append((path, number))
    found.sort()
    return ((path, tree.by_id(rows, number)) for path, number in found)
