"""Root's part of ending the device, over its socket: one word asked, one word answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.power import PowerAct, PowerAnswer, no_device

_SECONDS: Final = 280.0


class NoPower:
    """Programs on somebody's computer."""

    def offered(self) -> bool:
        """As the port says."""
        return False

    async def ask(self, act: PowerAct) -> PowerAnswer:
        """As the port says."""
        raise no_device()


class RootsPower:
    """The socket; it lets in one at a time."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def offered(self) -> bool:
        """As the port says."""
        return self._socket.is_socket()

    async def ask(self, act: PowerAct) -> PowerAnswer:
        """As the port says."""
        if not self.offered():
            raise no_device()
        try:
            async with asyncio.timeout(_SECONDS):
                said = await self._talk(f"{act}\n".encode("ascii"))
        except (OSError, TimeoutError) as failed:
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "POWER_AWAY",
                "What can end this device does not answer. Take its power away, and give it back.",
            ) from failed
        try:
            return PowerAnswer(said.decode("ascii").strip())
        except ValueError as nothing:
            raise PiccoloError(
                Kind.UNAVAILABLE, "POWER_BUSY", "The device is asked to end already. Give it a moment."
            ) from nothing

    async def _talk(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()
