"""What was typed into a form when the session ended is in it again after the login, and nothing else is."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from playwright.async_api import Locator, Page, expect

from integration.browser.entry import press
from integration.browser.stage import Stage
from integration.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
_STORED = "() => JSON.stringify([{...localStorage}, {...sessionStorage}])"


async def end(visitor: Visitor) -> None:
    """Ends the session behind the page's back, as its time or another tab does."""
    assert (await visitor.page.request.delete(f"{visitor.url}/api/v1/sessions/current")).ok


async def noticed(page: Page) -> None:
    """The page looks, and finds that its session has ended."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await told(page)


async def told(page: Page) -> None:
    await expect(page.get_by_text("Your session has ended.")).to_be_visible()


async def back(page: Page, passphrase: str) -> None:
    """Logs in at the page that is shown."""
    await page.locator("input[type=password]").fill(passphrase)
    await page.locator("button[type=submit]").click()
    await expect(page.get_by_role("navigation").first).to_be_visible()


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


async def test_a_token_half_named_is_there_again_and_gone_once_it_is_made(home: Stage) -> None:
    passphrase = home.made.passphrase
    async with home.enter("/security") as visitor:
        page = visitor.page
        await press(page, "Make a token")
        await dialog(page).get_by_label("What is it for?").fill("half a name")
        await dialog(page).get_by_role("checkbox").nth(1).check()
        await dialog(page).get_by_role("radio").nth(0).check(force=True)
        await end(visitor)
        await dialog(page).get_by_role("button", name="Make a token").click()  # its answer: no session
        await told(page)
        assert "half a name" not in await page.evaluate(_STORED)
        await back(page, passphrase)
        await expect(dialog(page).get_by_label("What is it for?")).to_have_value("half a name")
        await expect(dialog(page).get_by_role("checkbox").nth(1)).to_be_checked()
        await expect(dialog(page).get_by_role("radio").nth(0)).to_be_checked()
        await visitor.accessible()
        await dialog(page).get_by_role("button", name="Make a token").click()
        await dialog(page).get_by_role("button", name="I have copied it").click()
        await end(visitor)
        await noticed(page)
        await back(page, passphrase)
        await press(page, "Make a token")
        await expect(dialog(page).get_by_label("What is it for?")).to_have_value("")


async def test_a_folder_whose_making_found_the_session_over_is_made_after_it(home: Stage) -> None:
    await home.made.owners[0].api.put("/Drafts/one.txt", b"one")
    async with home.enter("/files/Drafts") as visitor:
        page = visitor.page
        await expect(page.get_by_role("row").nth(1)).to_be_visible()
        await press(page, "New folder")
        await dialog(page).get_by_label("Name of the folder").fill("Summer at the lake")
        await end(visitor)
        await dialog(page).get_by_role("button", name="Create").click()
        await told(page)
        await back(page, home.made.passphrase)
        await expect(dialog(page).get_by_label("Name of the folder")).to_have_value("Summer at the lake")
        await expect(page.locator("[data-reason]")).to_have_count(0)
        await dialog(page).get_by_role("button", name="Create").click()
        await expect(page.get_by_role("link", name="Summer at the lake")).to_be_visible()


async def test_a_links_limits_are_kept_and_its_password_is_not(home: Stage) -> None:
    await home.made.owners[0].api.put("/Drafts/gift.txt", b"for you")
    async with home.enter("/files/Drafts") as visitor:
        page = visitor.page
        await press(page, "gift.txt")
        await press(page, "Make a link")
        await page.get_by_label("Works for").select_option(label="30 days")
        await page.get_by_label("Downloads at most").fill("7")
        await page.get_by_label("Password, if you like").fill("between us two")
        await end(visitor)
        await noticed(page)
        await back(page, home.made.passphrase)
        await expect(page.get_by_label("Downloads at most")).to_have_value("7")
        await expect(page.get_by_label("Works for").locator("option:checked")).to_have_text("30 days")
        await expect(page.get_by_label("Password, if you like")).to_have_value("")


async def test_a_factors_new_name_waits_for_its_owner(home: Stage) -> None:
    owner = home.made.owners[1]
    await owner.api.log_in()
    begun = await owner.api.ask("POST", "/factors/totp", {"name": "my phone"})
    said: dict[str, Any] = {"enrolment": begun["enrolment"], "code": pyotp.TOTP(begun["secret"]).now()}
    factor = await owner.api.ask("POST", "/factors/totp/confirm", said)
    codes = (await owner.api.ask("POST", "/factors/recovery-codes"))["codes"]
    try:
        async with home.visit(owner) as visitor:
            page = visitor.page
            await visitor.open("/security")
            await with_code(page, home.made.passphrase, codes[0])
            await press(page, "Rename “my phone”")
            await expect(dialog(page).get_by_role("textbox")).to_have_value("my phone")
            await dialog(page).get_by_role("textbox").fill("my old phone")
            await end(visitor)
            await noticed(page)
            await with_code(page, home.made.passphrase, codes[1])
            await expect(dialog(page).get_by_role("textbox")).to_have_value("my old phone")
            await dialog(page).get_by_role("button", name="Save").click()
            await expect(page.get_by_text("my old phone", exact=True)).to_be_visible()
    finally:
        await owner.api.ask("DELETE", f"/factors/{factor['factor_id']}")


async def with_code(page: Page, passphrase: str, code: str) -> None:
    """Logs in with the passphrase and a recovery code."""
    await page.locator("input[type=password]").fill(passphrase)
    await page.locator("button[type=submit]").click()
    await press(page, "Recovery code")
    await page.get_by_label("Recovery code").fill(code)
    await press(page, "Go on")
    await expect(page.get_by_role("navigation").first).to_be_visible()


async def test_a_setting_half_changed_is_kept_as_long_as_its_tab(home: Stage) -> None:
    passphrase = home.made.passphrase
    async with home.enter("/settings/general") as visitor:
        page = visitor.page
        name = page.locator("[data-setting='device.name'] input")
        before = await name.input_value()
        await name.fill("another name")
        await end(visitor)
        await noticed(page)
        await back(page, passphrase)
        await expect(name).to_have_value("another name")
        await end(visitor)
        await noticed(page)
        await page.reload()
        await back(page, passphrase)
        await expect(name).to_have_value(before)
