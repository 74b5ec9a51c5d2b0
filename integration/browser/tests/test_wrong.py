"""What the page shows while it waits, and where it fails itself: never nothing, nor a program's words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, Request, Route, expect

from integration.browser.entry import press, title
from integration.browser.stage import Stage
from integration.browser.visitor import PHONE, ROOT, WIDE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: Final[list[dict[str, Any]]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]
WORDS: Final = {
    "en": {"wrong": "Something went wrong", "incident": "Incident", "told": "For whoever helps you"},
    "de": {"wrong": "Etwas ist schiefgegangen", "incident": "Vorfall", "told": "Für alle, die dir helfen"},
}
WRONG: Final = WORDS["en"]["wrong"]
ERROR: Final = "undefined is not a function"
# requests that a worker answers are not seen by routes
NO_WORKER: Final[dict[str, Any]] = {"service_workers": "block"}
PART: Final = re.compile(r"/assets/Settings-[\w-]+\.js$")
DIST: Final = ROOT / "services/piccolo_gateway/ui/dist"
FIRST_LOAD: Final = 120_000  # bytes of script and style, as gzip sends them
_GIVEN_UP: Final = """new Promise((heard) => {
    addEventListener("unhandledrejection", () => setTimeout(heard), { once: true });
    void Promise.reject(new DOMException("given up", "AbortError"));
})"""


async def fail(page: Page) -> None:
    """Something of the page fails that nobody waits for."""
    await page.evaluate(f"void Promise.reject(new TypeError('{ERROR}'))")


async def at_settings(page: Page) -> None:
    """Returns when that page is there, of which nothing was loaded before."""
    await expect(title(page, "Settings")).to_be_visible()


async def to_settings(page: Page) -> None:
    """Goes there by the rail."""
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()


@asynccontextmanager
async def held(page: Page, pattern: str | re.Pattern[str]) -> AsyncIterator[None]:
    """What is asked for at these addresses is answered when the block has ended."""
    free = asyncio.Event()

    async def wait(route: Route) -> None:
        await free.wait()
        await route.continue_()

    await page.route(pattern, wait)
    try:
        yield
    finally:
        free.set()


def sent(path: Path) -> int:
    """How many bytes a file of the build is, as gzip sends it; the smallest ones are sent as they are."""
    packed = path.with_name(f"{path.name}.gz")
    return (packed if packed.exists() else path).stat().st_size


def told_of(visitor: Visitor, error: str) -> None:
    """The page has complained of this error, as it should."""
    assert visitor.wrong == [error]
    visitor.wrong.clear()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_what_nobody_foresaw_is_told_in_words(home: Stage, look: dict[str, Any]) -> None:
    words = WORDS[look["language"]]
    clipboard = ["clipboard-read", "clipboard-write"]
    async with home.enter(**look, permissions=clipboard) as visitor:
        page = visitor.page
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await fail(page)
        await expect(title(page, words["wrong"])).to_be_visible()
        alert = page.get_by_role("alert").filter(has=title(page, words["wrong"]))
        number = re.compile(rf"{words['incident']} ([0-9A-F]{{4}})$")
        await expect(alert).to_have_text(number)
        await expect(page.get_by_text("TypeError")).to_be_hidden()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("wrong")
        await page.get_by_text(words["told"]).click()
        await expect(page.get_by_text(f"TypeError: {ERROR}")).to_be_visible()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("wrong-told")
        await page.get_by_role("button", name=words["incident"]).click()
        found = number.search(await alert.inner_text())
        copied = str(await page.evaluate("navigator.clipboard.readText()"))
        assert found
        assert copied.startswith(f"{found[1]} ")
        assert f"TypeError: {ERROR}" in copied
        told_of(visitor, ERROR)


async def test_a_handler_that_fails_is_told_and_left_by_any_way(home: Stage) -> None:
    async with home.enter() as visitor:
        page = visitor.page
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_be_visible()
        throws = f"() => {{ throw new Error('{ERROR}') }}"
        await page.evaluate(f"document.addEventListener('click', {throws}, {{ once: true }})")
        await heading.click()
        await expect(title(page, WRONG)).to_be_visible()
        told_of(visitor, ERROR)
        await to_settings(page)
        await at_settings(page)
        await expect(title(page, WRONG)).to_have_count(0)
        await fail(page)
        await press(page, "Go to Home")
        await expect(page).to_have_url(f"{visitor.url}/")
        await expect(page.locator("section.card").first).to_be_visible()
        await expect(title(page, WRONG)).to_have_count(0)
        told_of(visitor, ERROR)
        await fail(page)
        await press(page, "Load anew")
        await expect(page.locator("section.card").first).to_be_visible()
        told_of(visitor, ERROR)


async def test_a_page_that_cannot_be_drawn_is_told_as_well(home: Stage) -> None:
    async with home.enter(**NO_WORKER) as visitor:
        page = visitor.page
        await page.route("**/api/v1/facts", lambda route: route.fulfill(json={"version": "of another world"}))
        await visitor.open("/settings/about")
        await expect(title(page, WRONG)).to_be_visible()
        await expect(page.get_by_text("RangeError")).to_be_hidden()
        await visitor.accessible()
        await page.unroute("**/api/v1/facts")
        await press(page, "Load anew")
        await expect(title(page, "About this device")).to_be_visible()


async def test_what_was_given_up_is_no_incident(home: Stage) -> None:
    async with home.enter() as visitor:
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await visitor.page.evaluate(_GIVEN_UP)
        await expect(title(visitor.page, WRONG)).to_have_count(0)


async def test_a_part_that_an_update_replaced_is_loaded_with_the_new_page(home: Stage) -> None:
    async with home.enter(**NO_WORKER) as visitor:
        page = visitor.page
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        loaded: list[str] = []

        def look(asked: Request) -> None:
            if asked.is_navigation_request():
                loaded.append(asked.url)

        async def gone_until_loaded_anew(route: Route) -> None:
            await (route.continue_() if loaded else route.fulfill(status=404))

        page.on("request", look)
        await page.route(PART, gone_until_loaded_anew)
        await to_settings(page)
        await at_settings(page)
        assert loaded == [f"{visitor.url}/settings"]


async def test_a_part_that_is_gone_for_good_is_told_after_one_more_try(home: Stage) -> None:
    async with home.enter(**NO_WORKER) as visitor:
        page = visitor.page
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.route(PART, lambda route: route.fulfill(status=404))
        await to_settings(page)
        await expect(title(page, WRONG)).to_be_visible()
        await expect(page.get_by_text("Failed to fetch")).to_be_hidden()
        await visitor.accessible()
        await visitor.screen("wrong-part")
        await page.unroute(PART)
        await press(page, "Load anew")
        await at_settings(page)


async def test_the_first_page_is_there_before_the_device_has_answered(home: Stage) -> None:
    async with home.visit(**NO_WORKER, theme="dark", language="de") as visitor:
        page = visitor.page
        waiting = page.get_by_role("progressbar", name="Piccolo")
        async with held(page, "**/api/**"):
            async with held(page, "**/assets/*.js"):
                await page.goto(visitor.url, wait_until="commit")
                await expect(waiting).to_be_visible()
                await expect(page.get_by_text("Piccolo", exact=True)).to_be_visible()
                mark = page.locator("#first img")
                await expect(mark).not_to_have_js_property("naturalWidth", 0)
                await visitor.screen("first")
            await expect(page.locator("#first").get_by_role("status")).to_have_text("Einen Moment")
            await visitor.screen("first-words")
        await expect(page.locator("input[type=password]")).to_be_visible()
        await expect(waiting).to_have_count(0)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_a_page_that_comes_late_is_announced(home: Stage, motion: str) -> None:
    async with home.enter(**NO_WORKER, reduced_motion=motion) as visitor:
        page = visitor.page
        before = page.locator("section.card").first
        await expect(before).to_be_visible()
        waiting = page.get_by_role("progressbar", name="One moment")
        await expect(waiting).to_have_count(0)
        async with held(page, PART):
            await to_settings(page)
            await expect(waiting).to_be_visible()
            await expect(before).to_be_visible()
            moves = await waiting.evaluate("(it) => getComputedStyle(it, '::after').animationName !== 'none'")
            assert moves == (motion == "no-preference")
            await visitor.accessible()
            await visitor.screen(f"late-{motion}")
        await at_settings(page)
        await expect(waiting).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "de"])
async def test_what_is_loaded_at_first_is_small(home: Stage, language: str) -> None:
    async with home.visit(**NO_WORKER, language=language) as visitor:
        page = visitor.page
        loaded: set[str] = set()
        page.on("request", lambda asked: loaded.add(asked.url.removeprefix(visitor.url)))
        await visitor.login(home.made.passphrase)
        await expect(page.locator("section.card").first).to_be_visible()
    parts = [DIST / path.lstrip("/") for path in loaded if path.endswith((".js", ".css"))]
    sizes = {path.name: sent(path) for path in parts}
    assert any(name.startswith("Home-") for name in sizes)
    assert sum(sizes.values()) <= FIRST_LOAD, sorted(sizes.items(), key=lambda one: -one[1])
