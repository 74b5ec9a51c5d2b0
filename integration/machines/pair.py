"""A circle of two: a device under QEMU, and one of processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from integration.client import Client
from integration.device import Device, free_port
from integration.machines.circle import PASSPHRASE, Member
from integration.machines.images import Image
from integration.machines.network import network
from integration.machines.qemu import device
from integration.owner import Owner

_PATIENCE_SECONDS: Final = 1200.0


@asynccontextmanager
async def pair(image: Image, name: str, folder: Path) -> AsyncIterator[tuple[Member, Owner]]:
    """A device under QEMU, and another one of processes; the first one is off, the second one on."""
    async with network() as net:
        here = str(net.here.ip)
        peers = f"{here}:{free_port()}"
        other = Device("other", folder, asyncio.Semaphore(2))
        other.reached_at = f"{here}:{other.peers_port}"
        other.tuning["fragment-store"] = {"address": other.reached_at}
        owner = Owner.of(other, PASSPHRASE)
        settings = {"fragment-store": {"endpoint": peers, "offer_bytes": 1 << 30}}
        try:
            async with device(image, name, ports={7443: peers}, settings=settings) as made:
                await owner.start()
                client = Client(made.url, made.certificate, "first", PASSPHRASE)
                member = Member(made, client, _PATIENCE_SECONDS)
                try:
                    yield member, owner
                finally:
                    await member.api.close()
        finally:
            await owner.close()


async def make_circle(first: Member, second: Owner) -> None:
    """Both are set up; the first one founds, the second one joins."""
    await asyncio.gather(first.api.set_up(), second.api.set_up())
    await first.api.found(at_risk=True)
    await second.api.join(await first.api.invite())
    await first.api.knows_members(2)
    await second.api.knows_members(2)
