"""Fragments whose keepers were wrong about them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_DISTRUSTED: Final = 10_000


class Distrust:
    """Fragments that showed wrong bytes or a receipt that does not hold, the latest ones."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def add(self, fragment_id: bytes) -> None:
        """Notes a fragment."""
        self._known[fragment_id] = None
        if len(self._known) > _DISTRUSTED:
            self._known.popitem(last=False)

    def trust(self, fragment_id: bytes) -> None:
        """Takes a fragment off: it was rebuilt, and a block of it was right."""
        self._known.pop(fragment_id, None)

    def __contains__(self, fragment_id: bytes) -> bool:
        return fragment_id in self._known
