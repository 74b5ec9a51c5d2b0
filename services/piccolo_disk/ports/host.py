"""The running system."""

from __future__ import annotations

from typing import Protocol


class Host(Protocol):
    """What is mounted, what runs, and what is told of it. All methods raise PiccoloError."""

    def state(self) -> str:
        """What the initrd told: sealed, degraded, opened; empty: nothing."""
        ...

    async def sound(self) -> bool:
        """Whether the open partition's file system could be mended and mounted."""
        ...

    async def stop(self) -> None:
        """Stops every service that keeps something."""
        ...

    async def take(self) -> None:
        """Puts the open partition in the place of what was in memory."""
        ...

    async def start(self) -> None:
        """Starts the services."""
        ...

    def tell_opened(self) -> None:
        """Tells that the data was opened later."""
        ...
