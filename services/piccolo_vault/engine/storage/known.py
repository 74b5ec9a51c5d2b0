"""The ids of all fragments that the memory knows, so small that millions of them fit."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from piccolo_vault.core.storage.manifests import read_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context


class Known:
    """Fragment ids, by their first eight bytes: they are random, so no two are alike.

    With a keeper's id, which is random too, they tell who is named for which.
    """

    def __init__(self, ids: array[int], homes: array[int]) -> None:
        self._ids, self._homes = array("Q", sorted(ids)), array("Q", sorted(homes))

    @classmethod
    async def load(cls, context: Context, more: Iterable[Layout] = ()) -> Known:
        """Reads the ids of all layouts in force, and of these others. Raises what metadata raises."""
        ids, homes = array("Q"), array("Q")
        for layout in more:
            _add(layout, ids, homes)
        token = ""
        while True:
            page, token = await context.objects.list_objects(page_token=token)
            for stored in page:
                _add(read_layout(stored.layout), ids, homes)
            if not token:
                return cls(ids, homes)

    def __contains__(self, fragment_id: bytes) -> bool:
        return _is_in(self._ids, _short(fragment_id))

    def is_named_at(self, fragment_id: bytes, keeper: bytes) -> bool:
        """Returns whether a layout names that keeper for the fragment."""
        return _is_in(self._homes, _short(fragment_id) ^ _short(keeper))


def _add(layout: Layout, ids: array[int], homes: array[int]) -> None:
    for index, keeper in enumerate(layout.keepers):
        short = _short(layout.fragment_id(index))
        ids.append(short)
        if keeper is not None:
            homes.append(short ^ _short(keeper))


def _is_in(found: array[int], wanted: int) -> bool:
    at = bisect_left(found, wanted)
    return at < len(found) and found[at] == wanted


def _short(fragment_id: bytes) -> int:
    return int.from_bytes(fragment_id[:8])
