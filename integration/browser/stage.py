"""A circle and a browser before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from integration.browser.visitor import Visitor, chromium, visitor
from integration.circle import Circle, circle
from integration.owner import Owner

expect.set_options(timeout=30_000)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a test of the UI plays on."""

    made: Circle
    browser: Browser

    @asynccontextmanager
    async def visit(self, owner: Owner | None = None, **options: Any) -> AsyncIterator[Visitor]:
        """Somebody at an owner's device (the founder's when none is named), not logged in."""
        device = (owner or self.made.owners[0]).device
        async with visitor(self.browser, device.url, **options) as made:
            yield made

    @asynccontextmanager
    async def enter(self, path: str = "/", **options: Any) -> AsyncIterator[Visitor]:
        """The founder at home, logged in."""
        async with self.visit(**options) as made:
            await made.login(self.made.passphrase, path)
            yield made


@asynccontextmanager
async def stage(folder: Path, devices: int, **options: Any) -> AsyncIterator[Stage]:
    """A circle of that many devices, and a browser; all ends with the block. Options: those of `circle`."""
    async with circle(folder, devices, **options) as made, chromium() as browser:
        yield Stage(made, browser)
