"""Home, unlocking, and the pages for what is not there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import expect

from integration.browser.stage import Stage
from integration.browser.visitor import PHONE, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]


async def test_home_says_what_everything_survives(home: Stage) -> None:
    await home.made.owners[0].api.put("/notes/first.txt", b"the first words")
    async with home.enter() as visitor:
        heading = visitor.page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("Your file survives the loss of any device.")
        await home.made.owners[0].api.put("/notes/second.txt", b"and more of them")
        await expect(heading).to_have_text("All 2 files survive the loss of any device.")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_home(home: Stage, look: dict[str, Any]) -> None:
    async with home.visit(**look) as visitor:
        await visitor.open()
        await expect(visitor.page.locator("input[type=password]")).to_be_focused()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("unlock")
        await visitor.login(home.made.passphrase)
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await expect(visitor.page.locator("section.card").first).to_be_visible()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("home")


async def test_a_wrong_passphrase_is_told_at_the_field(home: Stage) -> None:
    async with home.visit() as visitor:
        await visitor.open()
        await visitor.page.locator("input[type=password]").fill("not the passphrase")
        await visitor.page.keyboard.press("Enter")
        alert = visitor.page.get_by_role("alert")
        await expect(alert).to_contain_text("That is not the passphrase.")
        await visitor.screen("unlock-wrong")


async def test_an_address_that_leads_nowhere(home: Stage) -> None:
    async with home.enter("/no/such/place") as visitor:
        await expect(visitor.page.get_by_role("heading")).to_have_text("There is nothing here")
        await visitor.accessible()
        await visitor.screen("missing")
        await visitor.page.get_by_role("link", name="Go to Home").click()
        await expect(visitor.page).to_have_url(re.compile("/$"))


async def test_a_session_that_ends_asks_for_the_passphrase_where_one_was(home: Stage) -> None:
    async with home.enter("/") as visitor:
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await visitor.page.context.clear_cookies()
        await visitor.page.reload()
        await expect(visitor.page.locator("input[type=password]")).to_be_visible()
