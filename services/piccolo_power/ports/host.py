"""The running system."""

from __future__ import annotations

from typing import Protocol


class Host(Protocol):
    """What the initrd told, and its ends, which return as soon as they have begun, or raise PiccoloError."""

    def state(self) -> str:
        """What the initrd told of the data: sealed, degraded, opened; empty: nothing."""
        ...

    async def restart(self) -> None:
        """Stops everything in order, and starts again."""
        ...

    async def shut_down(self) -> None:
        """Stops everything in order, and switches off."""
        ...
