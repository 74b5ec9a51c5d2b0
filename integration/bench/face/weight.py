"""What a browser fetches before somebody sees the page, as it travels (Resource Timing, encodedBodySize)."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import Browser, expect

from integration.browser.visitor import Visitor, visitor

_FETCHED = """() => Object.fromEntries(['navigation', 'resource'].flatMap((kind) =>
  performance.getEntriesByType(kind).map((one) => [one.name, one.encodedBodySize])))"""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one page took, compressed bytes."""

    page: str
    script: int
    style: int
    all: int


async def weigh(browser: Browser, url: str, passphrase: str) -> list[Weight]:
    """Unlock and Home, each as a browser that was never here before sees them."""
    async with visitor(browser, url, service_workers="block") as made:
        await made.open()
        await expect(made.page.locator("input[type=password]")).to_be_visible()
        unlock = await _weight(made, "unlock")
        await made.login(passphrase)
        await expect(made.page.get_by_role("heading", level=1)).to_be_visible()
        return [unlock, await _weight(made, "unlock and home")]


async def _weight(made: Visitor, page: str) -> Weight:
    sizes: dict[str, int] = await made.page.evaluate(_FETCHED)
    script = sum(size for name, size in sizes.items() if name.endswith(".js"))
    style = sum(size for name, size in sizes.items() if name.endswith(".css"))
    return Weight(page, script, style, sum(sizes.values()))
