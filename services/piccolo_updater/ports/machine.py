"""What a boot came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Units(Protocol):
    """The service manager."""

    async def states(self) -> Mapping[str, str]:
        """By unit that Piccolo consists of: active, activating, failed, or another of systemd's states.

        One that a condition of its own kept from starting is skipped.
        """


class Boot(Protocol):
    """How this boot came by its data."""

    def missing(self) -> str:
        """Why there is none, as the initrd says it; empty when it is there."""


class Face(Protocol):
    """The device's face."""

    async def answers(self) -> bool:
        """Whether it answers over HTTPS on this device."""
