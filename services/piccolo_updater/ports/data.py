"""The data partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Data(Protocol):
    """What the services keep on it."""

    def formats(self) -> Mapping[str, int]:
        """By service, the format of its state."""

    def opened(self) -> Mapping[str, int]:
        """By service, the newest format that the running release opens."""

    def room(self) -> int:
        """Bytes that a release may have there."""
