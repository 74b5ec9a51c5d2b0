"""The home's network: who else is there, and what this device is called in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Household(Protocol):
    """The neighbours, while one speaks to them."""

    claimed: asyncio.Event
    """Set when another device says that it has our name."""

    async def taken(self, label: str) -> bool:
        """Whether another device has a name."""
        ...

    async def announce(self, label: str) -> None:
        """Has the name from now on."""
        ...

    def others(self) -> list[str]:
        """The addresses at which others have the name too."""
        ...


class Neighbours(Protocol):
    """What announces this device."""

    def at(self, addresses: Sequence[str], port: int) -> AbstractAsyncContextManager[Household]:
        """The neighbours of some of this machine's addresses; what was announced is taken back at the end.

        Raises OSError when they cannot be spoken to, on the way in or later.
        """
        ...


class Interfaces(Protocol):
    """This machine's addresses."""

    def addresses(self) -> list[str]:
        """Those that others in the home's network reach."""
        ...

    def changes(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set whenever one comes or goes; whoever saw it clears it."""
        ...


class Names(Protocol):
    """What the owner calls this device."""

    def watch(self) -> AsyncIterator[str]:
        """The name now, and after each change."""
        ...
