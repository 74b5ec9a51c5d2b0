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
    """Fragment ids, by their first eight bytes: they are random, so no two are alike."""

    def __init__(self, ids: array[int]) -> None:
        self._ids = ids

    @classmethod
    async def load(cls, context: Context, more: Iterable[Layout] = ()) -> Known:
        """Reads the ids of all layouts in force, and of these others. Raises what metadata raises."""
        ids: array[int] = array("Q")
        for layout in more:
            ids.extend(_ids(layout))
        token = ""
        while True:
            page, token = await context.objects.list_objects(page_token=token)
            for stored in page:
                ids.extend(_ids(read_layout(stored.layout)))
            if not token:
                return cls(array("Q", sorted(ids)))

    def __contains__(self, fragment_id: bytes) -> bool:
        wanted = _short(fragment_id)
        at = bisect_left(self._ids, wanted)
        return at < len(self._ids) and self._ids[at] == wanted


def _ids(layout: Layout) -> Iterable[int]:
    return (_short(layout.fragment_id(index)) for index in range(layout.m))


def _short(fragment_id: bytes) -> int:
    return int.from_bytes(fragment_id[:8])
