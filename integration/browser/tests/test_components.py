"""Every component in every state: the page of the development build, looked at by axe, kept as pictures."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from integration.browser.visitor import PHONE, ROOT, WIDE, chromium, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
UI: Final = ROOT / "services/piccolo_gateway/ui"
# what frames a whole page, and what needs a camera, a session or a device that lacks its data, is looked at
# where it is used
ELSEWHERE: Final = {"BootNote", "Front", "OpenData", "ProofDialog", "Scanner", "Section", "Shell", "Wrong"}
LOOKS: Final[list[dict[str, Any]]] = [
    {"size": size, "theme": theme} for size in (WIDE, PHONE) for theme in ("light", "dark")
]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder's files, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gallery() -> AsyncIterator[tuple[Browser, str]]:
    """A browser, and the address of the page of all components, freshly built."""
    path = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    building = await asyncio.create_subprocess_exec(
        *("npm", "--prefix", str(UI), "run", "-s", "gallery"),
        env={**os.environ, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await building.communicate()
    assert building.returncode == 0, told.decode()
    with served(UI / "build/gallery") as url:
        async with chromium() as browser:
            yield browser, url


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_every_component(gallery: tuple[Browser, str], look: dict[str, Any]) -> None:
    browser, url = gallery
    async with visitor(browser, url, **look) as made:
        await made.open("/gallery.html")
        page = made.page
        await expect(page.locator("[data-component=SecondFactor]")).to_be_visible()
        await made.accessible()
        await made.fits()
        await made.screen("components")
        for button, name in (
            ("Open a dialog", "dialog"),
            ("Open a sheet", "sheet"),
            ("Ask before it is gone", "confirm"),
        ):
            await page.get_by_role("button", name=button).click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            await made.accessible()
            await page.screenshot(path=ROOT / f"build/screens/{name}-{look['size'][0]}-{look['theme']}.png")
            await page.keyboard.press("Escape")
            await expect(page.get_by_role("dialog")).to_be_hidden()
        await page.get_by_role("button", name="Say something").click()
        await expect(page.get_by_role("button", name="Undo")).to_be_visible()
        await made.accessible()


@pytest.mark.parametrize("kind", ["primary", "quiet", "danger", "plain"])
async def test_a_button_shows_where_one_is(gallery: tuple[Browser, str], kind: str) -> None:
    browser, url = gallery
    async with visitor(browser, url) as made:
        await made.open("/gallery.html")
        button = made.page.locator(f"[data-component=Button] button.{kind}").first

        async def look() -> str:
            return str(
                await button.evaluate(
                    "(it) => { const s = getComputedStyle(it);"
                    " return [s.backgroundColor, s.outlineStyle, s.outlineWidth].join(' ') }"
                )
            )

        await made.page.locator("html").evaluate("(it) => (it.dataset.motion = 'still')")
        rest = await look()
        await button.hover()
        assert await look() != rest
        await made.page.mouse.move(0, 0)
        await button.focus()
        await made.page.keyboard.press("Shift+Tab")
        await made.page.keyboard.press("Tab")
        assert await look() != rest


async def test_no_component_is_missing_and_none_is_shipped_for_developers(
    gallery: tuple[Browser, str],
) -> None:
    browser, url = gallery
    async with visitor(browser, url) as made:
        await made.open("/gallery.html")
        shown = made.page.locator("[data-component]")
        await expect(shown.last).to_be_visible()
        names = {str(await one.get_attribute("data-component")) for one in await shown.all()}
    files = {path.stem for path in (UI / "src/components").glob("*.svelte")}
    assert files - ELSEWHERE == names
    bundle = list((UI / "dist").rglob("*.js"))
    assert bundle
    assert not [path for path in bundle if "data-component" in path.read_text()]
