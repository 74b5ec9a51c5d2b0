"""What this device keeps for others: the fragment-store's KeeperService."""

from __future__ import annotations

from typing import Protocol

from piccolo_gateway.core.bodies.care import Keeping


class KeepingPort(Protocol):
    """This device's keeper. All methods raise PiccoloError as the fragment-store says."""

    async def status(self) -> Keeping:
        """What is kept here, and how it is."""
        ...

    async def scrub(self) -> None:
        """Reads everything that is kept here now."""
        ...
