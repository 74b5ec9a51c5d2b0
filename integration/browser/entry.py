"""What a newcomer does in a browser, one step after the other."""

from __future__ import annotations

from typing import Final

from playwright.async_api import Locator, Page, expect

from integration.browser.visitor import Visitor

PASSPHRASE: Final = "gartenzaun wolke kupfer leise"
NAME: Final = "Device\u2019s name"


def title(page: Page, words: str) -> Locator:
    """The heading of the step that is shown."""
    return page.get_by_role("heading", level=1, name=words, exact=True)


async def press(page: Page, name: str) -> None:
    """Presses a button by its name."""
    await page.get_by_role("button", name=name).click()


async def choose_passphrase(page: Page, passphrase: str = PASSPHRASE) -> None:
    """Types a new passphrase into both fields."""
    fields = page.locator("input[autocomplete=new-password]")
    await fields.nth(0).fill(passphrase)
    await fields.nth(1).fill(passphrase)


async def make_keys(visitor: Visitor, name: str) -> list[str]:
    """From the first page to the 24 words, which are returned; `name` is the device's."""
    page = visitor.page
    await press(page, "Set up this device")
    await page.get_by_label(NAME).fill(name)
    await press(page, "Next")
    await choose_passphrase(page)
    await press(page, "Make my keys")
    await expect(title(page, "Write down these 24 words")).to_be_visible()
    words = await page.locator("ol .word").all_text_contents()
    assert len(words) == 24
    return words


async def asked(page: Page) -> list[int]:
    """Which words are asked back, from 1."""
    fields = page.get_by_role("combobox")
    await expect(fields).to_have_count(3)
    labels = await page.locator("label").all_text_contents()
    return [int(label.removeprefix("Word ")) for label in labels]


async def give_back(page: Page, words: list[str]) -> None:
    """Types the three words that are asked."""
    for number in await asked(page):
        await page.get_by_label(f"Word {number}", exact=True).fill(words[number - 1])
    await press(page, "Finish")


async def set_up(visitor: Visitor, name: str) -> list[str]:
    """From the first page to the choice of a circle; returns the words."""
    words = await make_keys(visitor, name)
    await press(visitor.page, "I have them on paper")
    await give_back(visitor.page, words)
    await expect(title(visitor.page, "Your circle")).to_be_visible()
    return words
