"""A circle and a browser before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

from playwright.async_api import Browser, expect

from integration.browser.visitor import Visitor, chromium, visitor
from integration.circle import Circle, circle
from integration.owner import Owner

expect.set_options(timeout=30_000)
_SESSION_SECONDS: Final = 240.0  # well within those for which a login counts as a fresh proof


@dataclass(slots=True)
class Stage:
    """What a test of the UI plays on."""

    made: Circle
    browser: Browser
    _cookies: list[Any] = field(default_factory=list)
    _since: float = 0.0

    @asynccontextmanager
    async def visit(self, owner: Owner | None = None, **options: Any) -> AsyncIterator[Visitor]:
        """Somebody at an owner's device (the founder's when none is named), not logged in."""
        device = (owner or self.made.owners[0]).device
        async with visitor(self.browser, device.url, **options) as made:
            yield made

    @asynccontextmanager
    async def enter(self, path: str = "/", *, anew: bool = False, **options: Any) -> AsyncIterator[Visitor]:
        """The founder at home, logged in: in the session of whoever was here before, if it is still good.

        To log in takes the passphrase's slow hash each time; `anew` does it all the same.
        """
        async with self.visit(**options) as made:
            if not anew and monotonic() - self._since < _SESSION_SECONDS:
                await made.page.context.add_cookies(self._cookies)
            await made.open(path)
            if not await made.at_home():
                await made.unlock(self.made.passphrase)
                self._cookies, self._since = await made.page.context.cookies(), monotonic()
            yield made


@asynccontextmanager
async def stage(folder: Path, devices: int, **options: Any) -> AsyncIterator[Stage]:
    """A circle of that many devices, and a browser; all ends with the block. Options: those of `circle`."""
    async with circle(folder, devices, **options) as made, chromium() as browser:
        yield Stage(made, browser)
