"""What a test asks of a device, whatever it runs in."""

from __future__ import annotations

from typing import Protocol


class Machine(Protocol):
    """A device that can be switched on and off; it never outlives its test."""

    async def start(self) -> None:
        """Switches it on."""

    async def booted(self) -> str:
        """Waits until systemd has started all; returns its state: running or degraded."""

    async def inside(self, *program: str, check: bool = True) -> str:
        """Runs a program in it; returns what it printed."""

    async def stop(self) -> None:
        """Shuts it down in order."""

    async def cut_power(self) -> None:
        """Takes its plug out."""

    async def close(self) -> None:
        """Leaves nothing behind but its folder."""
