"""Somebody who looks at a device in a browser: Debian's Chromium, driven by Playwright.

Screenshots are kept in `build/screens` of the checkout: `<name>-<width>-<theme>-<language>.png`.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from playwright.async_api import Browser, Page, async_playwright, expect

ROOT: Final = Path(__file__).resolve().parent.parent.parent
CHROMIUM: Final = shutil.which("chromium")
_SCREENS: Final = ROOT / "build" / "screens"
_AXE: Final = ROOT / "services/piccolo_gateway/ui/node_modules/axe-core/axe.min.js"
_RESTS: Final = """Promise.allSettled(
    document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)
).then(() => null)"""
# the device's certificate is its own; what is behind it is tested elsewhere
_ARGUMENTS: Final = ["--no-sandbox", "--ignore-certificate-errors"]
_PATIENCE: Final = 30_000.0
Theme = Literal["light", "dark"]
_OTHER: Final[dict[Theme, Theme]] = {"light": "dark", "dark": "light"}
WIDE: Final = (1280, 860)
PHONE: Final = (360, 740)


@dataclass(slots=True)
class Visitor:
    """One browser profile with one tab; `wrong` collects what the page itself complains of."""

    url: str
    page: Page
    size: tuple[int, int]
    theme: Theme
    language: str
    wrong: list[str] = field(default_factory=list)

    async def open(self, path: str = "/") -> None:
        """Goes to an address of the device."""
        await self.page.goto(f"{self.url}{path}")

    async def login(self, passphrase: str, path: str = "/") -> None:
        """Opens an address and unlocks with the passphrase."""
        await self.open(path)
        await self.unlock(passphrase)

    async def at_home(self) -> bool:
        """Whether the page, once it is there, knows who is before it."""
        inside = self.page.get_by_role("navigation").first
        await expect(inside.or_(self.page.locator("input[type=password]")).first).to_be_visible()
        return await inside.is_visible()

    async def unlock(self, passphrase: str) -> None:
        """Gives the passphrase that the page asks for."""
        await self.page.locator("input[type=password]").fill(passphrase)
        # after a wrong guess the button waits its time, and Enter does nothing meanwhile
        await self.page.locator("button[type=submit]").click()
        await expect(self.page.get_by_role("navigation").first).to_be_visible()

    async def screen(self, name: str) -> None:
        """Keeps a picture of the whole page."""
        _SCREENS.mkdir(parents=True, exist_ok=True)
        where = _SCREENS / f"{name}-{self.size[0]}-{self.theme}-{self.language}.png"
        await self.page.screenshot(path=where, full_page=True)

    async def accessible(self) -> None:
        """Fails on any violation that axe finds on the page as it is, in its theme and in the other one."""
        if not await self.page.evaluate("typeof axe !== 'undefined'"):
            await self.page.evaluate(_AXE.read_text())
        for theme in (self.theme, _OTHER[self.theme]):
            await self._wear(theme)
            found: list[dict[str, Any]] = await self.page.evaluate("axe.run().then((r) => r.violations)")
            told = [f"{one['id']}: {one['help']} {[node['html'] for node in one['nodes']]}" for one in found]
            assert not told, f"{self.page.url}, {theme}: {told}"
        await self._wear(self.theme)

    async def _wear(self, theme: Theme) -> None:
        """Puts the system's theme on, and waits until the colours have come to rest."""
        await self.page.emulate_media(color_scheme=theme)
        await self.page.evaluate(_RESTS)

    async def fits(self) -> None:
        """Fails when the page is wider than the window."""
        over = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, f"{self.page.url} is {over} px too wide at {self.size[0]} px"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser that ends with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = WIDE,
    theme: Theme = "light",
    language: str = "en",
    **options: Any,
) -> AsyncIterator[Visitor]:
    """A fresh profile at a device's address; what the page throws fails the test at the end."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        locale=language,
        ignore_https_errors=True,
        **options,
    )
    context.set_default_timeout(_PATIENCE)
    page = await context.new_page()
    made = Visitor(url, page, size, theme, language)
    page.on("pageerror", lambda error: made.wrong.append(str(error)))
    page.on("console", lambda said: made.wrong.append(said.text) if _policy(said.text) else None)
    page.on("request", lambda asked: made.wrong.append(asked.url) if _elsewhere(asked.url, url) else None)
    try:
        yield made
    finally:
        await context.close()
    assert not made.wrong, made.wrong


def _elsewhere(asked: str, url: str) -> bool:
    """Whether a page asks anybody but its device for anything."""
    return not asked.startswith((f"{url}/", "blob:", "data:"))


def _policy(text: str) -> bool:
    return "Content Security Policy" in text or "Trusted" in text
