"""Releases on a device under QEMU."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from integration.machines import publisher
from integration.machines.images import Image
from integration.machines.qemu import Qemu, device


@asynccontextmanager
async def running(development: Image, settled: Path, name: str) -> AsyncIterator[Qemu]:
    """A device that has started, as that snapshot of one was."""
    async with device(development, name, begin=settled) as made:
        await made.start()
        yield made


async def install(made: Qemu, site: Path) -> str:
    """Installs the newest release of a site; returns what the updater said. Raises SilentError."""
    async with publisher.served(site) as url:
        return await made.inside("piccolo-updater", "install", f"{url}/ostree")


async def version(made: Qemu) -> str:
    """Which version runs."""
    return await made.inside("sh", "-c", ". /usr/lib/os-release; echo $IMAGE_VERSION")


async def entries(made: Qemu) -> list[str]:
    """What the boot loader may start."""
    return (await made.inside("ls", "/efi/EFI/Linux")).split()


async def restart(made: Qemu) -> None:
    """Shuts it down and starts it; all its units run."""
    await made.stop()
    made.forget()
    await made.start()
    assert await made.booted() == "running"
