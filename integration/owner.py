"""A person and the device on the shelf: what befalls the box, and the way in through its public API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

from integration.client import Client
from integration.device import Device


@dataclass(slots=True)
class Owner:
    """A device's owner; `api` is open while the device is meant to run."""

    device: Device
    api: Client

    @classmethod
    def of(cls, device: Device, passphrase: str) -> Self:
        """The owner of a box that was just bought."""
        return cls(device, Client(device.url, device.certificate, device.name, passphrase))

    async def start(self) -> None:
        """Switches the device on."""
        await self.device.start()
        await self.api.open()

    async def burn(self) -> None:
        """Loses the device and all that is on it; what starts in its place is a blank one."""
        await self.api.close()
        await self.device.kill()
        await asyncio.to_thread(self.device.wipe)

    async def close(self) -> None:
        """Leaves no process and no connection behind."""
        await self.api.close()
        await self.device.close()
