"""Settings: language, look, what is kept, the ways out; every look of these pages and of Security."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

import pytest
from playwright.async_api import Page, expect

from integration.browser.stage import Stage
from integration.browser.visitor import PHONE, WIDE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]
PAGES = {
    "/settings": ("Settings", "Einstellungen"),
    "/settings/general": ("General", "Allgemein"),
    "/settings/files": ("Versions, trash and fragments", "Versionen, Papierkorb und Fragmente"),
    "/settings/storage": ("Space for others", "Platz für andere"),
    "/settings/trust": ("Trust this device", "Diesem Gerät vertrauen"),
    "/settings/about": ("About this device", "Über dieses Gerät"),
    "/security": ("Security", "Sicherheit"),
    "/security/log": ("Audit log", "Protokoll"),
    "/security/words": ("New recovery words", "Neue Wiederherstellungswörter"),
}


async def settled(visitor: Visitor, title: str) -> None:
    """Waits until a page shows what it asked the device for."""
    page = visitor.page
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    loading = page.get_by_text("Einen Moment" if visitor.language == "de" else "One moment", exact=True)
    await expect(loading).to_have_count(0)


async def setting(home: Stage, name: str) -> Any:
    told = await home.made.owners[0].api.ask("GET", "/settings")
    return next(one["value"] for one in told["settings"] if one["name"] == name)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look(home: Stage, look: dict[str, Any]) -> None:
    async with home.enter("/settings", **look) as visitor:
        for path, titles in PAGES.items():
            await visitor.open(path)
            await settled(visitor, titles[look["language"] == "de"])
            await visitor.accessible()
            await visitor.fits()
            await visitor.screen(path.strip("/").replace("/", "-"))


async def test_the_language_changes_on_every_page_while_it_is_looked_at(home: Stage) -> None:
    async with home.enter("/settings/general") as visitor:
        other = await visitor.page.context.new_page()
        for path, (english, german) in PAGES.items():
            await other.goto(f"{visitor.url}{path}")
            heading = other.get_by_role("heading", level=1)
            await expect(heading).to_have_text(english)
            await visitor.page.get_by_text("Deutsch", exact=True).click()
            await expect(heading).to_have_text(german)
            await expect(other.locator("html")).to_have_attribute("lang", "de")
            await visitor.page.get_by_text("English", exact=True).click()
            await expect(heading).to_have_text(english)


async def test_the_theme_and_the_motion_are_chosen_and_stay(home: Stage) -> None:
    async with home.enter("/settings/general", theme="light") as visitor:
        page = visitor.page
        light = await ground(page)
        await page.get_by_text("Dark", exact=True).click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert await ground(page) != light
        await page.get_by_role("group", name="Motion").get_by_text("None").click()
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await expect(page.locator("html")).to_have_attribute("data-motion", "still")
        await expect(page.get_by_role("radio", name="Dark")).to_be_checked()
        await page.get_by_role("radio", name="Dark").focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")


async def ground(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))


async def test_the_device_is_called_otherwise_and_others_hear_of_it(home: Stage) -> None:
    first, second = home.made.owners[:2]
    async with home.enter("/settings/general") as visitor:
        page = visitor.page
        field = page.get_by_label("Name of this device")
        before = await field.input_value()
        await field.fill("Attic")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status").get_by_text("The device has its new name.")).to_be_visible()
        await second.api.knows_name(await first.api.owner_id(), "Attic")
        await page.get_by_role("button", name="Undo").click()
        await expect(field).to_have_value(before)


async def test_a_setting_is_saved_and_taken_back(home: Stage) -> None:
    async with home.enter("/settings/files") as visitor:
        page = visitor.page
        field = page.get_by_label("Time in the trash")
        await expect(field).to_have_value("30")
        await field.fill("45")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status").get_by_text("Saved.")).to_be_visible()
        assert await setting(home, "trash.days") == 45
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_text("As it was before.")).to_be_visible()
        assert await setting(home, "trash.days") == 30
        await expect(field).to_have_value("30")


async def test_what_would_be_wrong_is_not_saved(home: Stage) -> None:
    async with home.enter("/settings/files") as visitor:
        page = visitor.page
        field = page.get_by_label("Fragments of a file")
        await field.fill("many")
        await expect(page.get_by_role("alert")).to_have_text("This must be a whole number.")
        await expect(page.get_by_role("button", name="Save")).to_be_disabled()
        await field.fill("1")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("alert")).to_contain_text("must be at least 2")
        assert await setting(home, "storage.m") == 0


async def test_about_tells_what_the_device_tells(home: Stage) -> None:
    facts = await home.made.owners[0].api.ask("GET", "/facts")
    async with home.enter("/settings/about") as visitor:
        page = visitor.page
        await expect(page.get_by_text(facts["version"], exact=True)).to_be_visible()
        for name in facts["services"]:
            await expect(page.get_by_role("listitem").filter(has_text=name)).to_contain_text("Answers")
        async with page.expect_download() as download:
            await page.get_by_role("link", name=re.compile("Download the API.s document")).click()
        document = json.loads((await (await download.value).path()).read_text())
        assert document["openapi"].startswith("3.1")


async def test_the_support_bundle_holds_nothing_of_the_owner(home: Stage) -> None:
    await home.made.owners[0].api.put("/diary/unmistakable.txt", b"nobody reads this")
    async with home.enter("/settings/about") as visitor:
        await expect(visitor.page.get_by_text("no key, no secret")).to_be_visible()
        async with visitor.page.expect_download() as download:
            await visitor.page.get_by_role("link", name="Save the support bundle").click()
        with zipfile.ZipFile(await (await download.value).path()) as bundle:
            told = b"".join(bundle.read(name) for name in bundle.namelist()).decode()
    assert "fragment" in told
    for own in (home.made.passphrase, "unmistakable", home.made.owners[0].api.name):
        assert own not in told


async def test_locking_closes_the_files(home: Stage) -> None:
    async with home.enter("/settings") as visitor:
        await visitor.page.get_by_role("button", name="Lock now").click()
        await expect(visitor.page.locator("input[type=password]")).to_be_visible()
        status = await home.made.owners[0].api.status()
        assert status["keys"] == "locked"
        await visitor.login(home.made.passphrase, "/settings")
        await expect(visitor.page).to_have_url(re.compile("/settings$"))
        assert (await home.made.owners[0].api.status())["keys"] == "unlocked"


async def test_logging_out_ends_this_session_only(home: Stage) -> None:
    async with home.enter("/settings") as visitor:
        await visitor.page.get_by_role("button", name="Log out").click()
        await expect(visitor.page.locator("input[type=password]")).to_be_visible()
        assert (await home.made.owners[0].api.ask("GET", "/sessions"))["sessions"]
