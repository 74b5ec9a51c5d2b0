"""What the engine needs of the world."""

from __future__ import annotations

from typing import Protocol

from piccolo_provision.core.seed import Answer


class Site(Protocol):
    """Where configurations lie."""

    async def fetch(self, address: str) -> Answer:
        """The answer at an address, and its signature beside it.

        Raises RefusedError, SITE_UNREACHABLE, SITE_UNKNOWN or SITE_TOO_LARGE.
        """
        ...
