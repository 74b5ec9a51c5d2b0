"""A device that goes and comes back while somebody looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from integration.browser.stage import Stage
from integration.device import Device

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def away(device: Device) -> AsyncIterator[None]:
    """The device's gateway is off meanwhile."""
    await device.stop(["gateway"])
    try:
        yield
    finally:
        await device.run({"gateway": device.settings("gateway")})


async def test_a_device_that_goes_away_is_told_and_comes_back_by_itself(home: Stage) -> None:
    device = home.made.owners[0].device
    async with home.enter() as visitor:
        page = visitor.page
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        async with away(device):
            await expect(page.get_by_text("The device does not answer. Trying again.")).to_be_visible()
            await visitor.accessible()
            await visitor.screen("home-away")
            await page.reload()
            await expect(page.get_by_role("heading")).to_have_text("The device does not answer")
            await visitor.accessible()
            await visitor.screen("away")
        await expect(page.locator("input[type=password]")).to_be_visible()  # sessions end with the gateway
        await page.locator("input[type=password]").fill(home.made.passphrase)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("navigation")).to_be_visible()
        await expect(page.get_by_text("does not answer")).to_have_count(0)


async def test_a_page_that_was_not_loaded_before_waits_for_the_device(home: Stage) -> None:
    async with home.enter() as visitor:
        page = visitor.page
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_be_visible()
        async with away(home.made.owners[0].device):
            await page.get_by_role("navigation").get_by_role("link", name="Settings").click()
            await expect(heading).to_have_text("The device does not answer")
            await expect(page).to_have_url(f"{visitor.url}/settings")
            await visitor.accessible()
            await visitor.screen("away-part")
        await visitor.unlock(home.made.passphrase)  # sessions end with the gateway
        await expect(heading).to_have_text("Settings")


async def test_a_language_that_was_not_loaded_before_waits_for_the_device(home: Stage) -> None:
    async with home.visit() as visitor:
        page = visitor.page
        await visitor.open()
        await expect(page.locator("input[type=password]")).to_be_visible()
        async with away(home.made.owners[0].device):
            await page.get_by_role("button", name="Deutsch").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("The device does not answer")
        await page.get_by_role("button", name="Deutsch").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Willkommen zurück")


async def test_a_service_that_restarts_is_not_noticed_but_for_a_moment(home: Stage) -> None:
    device = home.made.owners[0].device
    async with home.enter() as visitor:
        heading = visitor.page.get_by_role("heading", level=1)
        await expect(heading).to_be_visible()
        await device.kill(["metadata"])
        await device.run({"metadata": device.settings("metadata")})
        await visitor.page.reload()
        await expect(heading).to_be_visible()
