"""Root's part of the data partition, over its socket: one line asked, one line answered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.keys.disk import DiskAnswer

_SECONDS: Final = 140.0


class NoDisk:
    """A device without such a partition: a process on somebody's computer."""

    async def enrol(self, key: bytes) -> DiskAnswer:
        """As the port says."""
        return DiskAnswer.NONE

    async def open(self, key: bytes) -> DiskAnswer:
        """As the port says."""
        return DiskAnswer.NONE


class RootsDisk:
    """The socket; it lets in one at a time."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def enrol(self, key: bytes) -> DiskAnswer:
        """As the port says."""
        return await self._ask("enrol", key)

    async def open(self, key: bytes) -> DiskAnswer:
        """As the port says."""
        return await self._ask("open", key)

    async def _ask(self, act: str, key: bytes) -> DiskAnswer:
        try:
            async with asyncio.timeout(_SECONDS):
                said = await self._talk(f"{act} {key.hex()}\n".encode("ascii"))
        except (OSError, TimeoutError) as failed:
            raise _away() from failed
        try:
            return DiskAnswer(said.decode("ascii").strip())
        except ValueError as nothing:
            raise PiccoloError(
                Kind.UNAVAILABLE, "DISK_BUSY", "The data partition is being worked on. Try again in a moment."
            ) from nothing

    async def _talk(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            writer.write(line)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()


def _away() -> PiccoloError:
    return PiccoloError(
        Kind.UNAVAILABLE,
        "DISK_AWAY",
        "The part of this device that opens its data does not answer. Start the device again.",
    )
