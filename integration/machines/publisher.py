"""A release site for machines: releases of this checkout, served on this machine's loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from piccolo_image import __main__ as image
from piccolo_image.keys import Keys
from piccolo_image.release import Newest, Site, describe
from piccolo_image.root import Variant
from piccolo_image.workshop import Workshop
from piccolo_updater.core.manifest import Manifest

CHANNEL: Final = "stable"
_HOST: Final = "10.0.2.2"  # this machine, to a guest of QEMU's user network


async def publish(
    workshop: Workshop,
    signing: Keys,
    folder: Path,
    version: str,
    alter: Callable[[Path], None] = lambda tree: None,
) -> tuple[Newest, Manifest]:
    """Adds a release for development to a site; `alter` may change its root first."""
    made = await image.build(workshop, signing, Variant("development", version), alter)
    manifest = await describe(workshop, signing, made, CHANNEL)
    return await Site(folder, workshop, signing).publish(made, manifest), manifest


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """Serves a folder; yields the address under which a guest finds it."""
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        (port,) = {address[1] for address in runner.addresses}
        yield f"http://{_HOST}:{port}"
    finally:
        await runner.cleanup()
