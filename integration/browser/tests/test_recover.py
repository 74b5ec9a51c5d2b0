"""An owner comes back on a blank device, in a browser, from the words alone."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from piccolo_formats.digests import digest
from piccolo_formats.kek import Kek
from playwright.async_api import Page, expect

from integration.browser.entry import PASSPHRASE, choose_passphrase, press, title
from integration.browser.stage import Stage, stage
from integration.browser.visitor import PHONE
from integration.device import Cloud
from integration.owner import Owner
from integration.tests.test_backup_doubted import copied, left, log_end, put_back

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
FILES = {
    "/notes/small.txt": "kleine Grüße".encode(),
    "/photos/large.jpg": os.urandom(2_500_000),
    "/empty": b"",
}


@contextmanager
def unheard(home: Stage, owner: Owner) -> Iterator[None]:
    """The other members do not answer: a recovery goes on, and waits for them."""
    others = [one.device.services["fragment-store"].pid for one in home.made.owners if one is not owner]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


async def replaced(owner: Owner) -> None:
    """The device burns; a blank one stands in its place."""
    await owner.burn()
    await owner.start()


async def give_words(page: Page, words: str) -> None:
    """From the first page to the last question."""
    await press(page, "Bring everything back")
    await page.get_by_label("Word 1", exact=True).fill(words)
    await expect(page.get_by_text("24 of 24 words")).to_be_visible()
    await press(page, "Next")
    await expect(title(page, "A new passphrase")).to_be_visible()
    await choose_passphrase(page)
    await press(page, "Next")
    await expect(title(page, "Ready to bring everything back")).to_be_visible()


async def log_in(page: Page) -> None:
    """With the passphrase that was chosen."""
    await page.locator("input[type=password]").fill(PASSPHRASE)
    await press(page, "Open my files")
    await expect(page.get_by_role("navigation").first).to_be_visible()


async def holds(page: Page, url: str, files: dict[str, bytes]) -> None:
    """Every file comes out byte for byte."""
    for path, data in files.items():
        answer = await page.request.get(f"{url}/api/v1/files{path}")
        assert await answer.body() == data, path


async def test_a_mistyped_word_is_found_out_before_anything_is_sent(home: Stage) -> None:
    owner = home.made.owners[2]
    words = owner.api.words.split()
    device = home.made.new_device(20)
    try:
        await device.start()
        async with home.visit(Owner.of(device, "")) as visitor:
            page = visitor.page
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            await visitor.open("/welcome?at=recover")
            swapped = [words[1], words[0], *words[2:]] if words[0] != words[1] else words[::-1]
            await page.get_by_label("Word 1", exact=True).fill("1. " + "\n2. ".join(swapped).upper())
            await expect(page.get_by_role("alert")).to_contain_text("do not add up")
            await expect(page.get_by_role("button", name="Next")).to_be_disabled()
            await page.get_by_label("Word 7", exact=True).fill("piccolo")
            await expect(page.get_by_label("Word 7", exact=True)).to_have_attribute("aria-invalid", "true")
            await expect(page.get_by_text("23 of 24 words")).to_be_visible()
            await visitor.accessible()
            await visitor.screen("recover-mistyped")
            await page.get_by_label("Word 3", exact=True).fill(" ".join(words))
            await expect(page.get_by_role("button", name="Next")).to_be_enabled()
            assert not [url for url in asked if "/api/v1/recovery" in url or "words/test" in url]
    finally:
        await device.close()


async def test_an_owner_comes_back_through_a_reload_with_every_byte(home: Stage) -> None:
    owner = home.made.owners[1]
    for path, data in FILES.items():
        await owner.api.put(path, data)
    await owner.api.backed_up()
    await replaced(owner)
    async with home.visit(owner) as visitor:
        page = visitor.page
        await visitor.open()
        await give_words(page, owner.api.words)
        with unheard(home, owner):
            await press(page, "Bring everything back")
            await expect(title(page, "Everything is coming back")).to_be_visible()
            await visitor.open("/files")
            await expect(title(page, "Everything is coming back")).to_be_visible()
            await expect(page.get_by_role("progressbar")).to_be_visible()
            stage_now = page.locator("li[aria-current=step]")
            await expect(stage_now).to_contain_text("Take the old device", timeout=90_000)
            await visitor.accessible()
            await visitor.screen("recovery")
        await expect(title(page, "Everything is back")).to_be_visible(timeout=180_000)
        await expect(page.get_by_text("3 files are here again.")).to_be_visible()
        await visitor.accessible()
        await visitor.screen("recovered")
        await page.reload()
        await expect(title(page, "Everything is back")).to_be_visible()
        await log_in(page)
        await holds(page, visitor.url, FILES)


async def test_another_browser_goes_on_with_the_same_words(home: Stage) -> None:
    """Who has no session of the recovery gives the words again, and sees how far it is."""
    owner = home.made.owners[1]
    await replaced(owner)
    async with home.visit(owner) as first, home.visit(owner, size=PHONE, theme="dark") as second:
        await first.open()
        await give_words(first.page, owner.api.words)
        with unheard(home, owner):
            await press(first.page, "Bring everything back")
            await expect(title(first.page, "Everything is coming back")).to_be_visible()
            await second.open()
            await expect(second.page.get_by_text("A recovery was begun on this device.")).to_be_visible()
            await second.page.get_by_label("Word 1", exact=True).fill(owner.api.words)
            await press(second.page, "Next")
            await choose_passphrase(second.page)
            await press(second.page, "Next")
            await press(second.page, "Bring everything back")
            await expect(title(second.page, "Everything is coming back")).to_be_visible()
            await second.fits()
        await expect(title(second.page, "Everything is back")).to_be_visible(timeout=180_000)
        await second.fits()
        await second.accessible()
        await log_in(second.page)
        await holds(second.page, second.url, FILES)


async def test_words_without_a_backup_change_nothing(home: Stage) -> None:
    device = home.made.new_device(21)
    try:
        await device.start()
        async with home.visit(Owner.of(device, "")) as visitor:
            await visitor.open()
            await give_words(visitor.page, f"{'abandon ' * 23}art")
            await press(visitor.page, "Bring everything back")
            note = visitor.page.locator("[data-reason=NOTHING_BACKED_UP]")
            await expect(note).to_contain_text("there is no backup under them")
            await visitor.accessible()
            await visitor.screen("recovery-nothing")
            await visitor.page.reload()
            await expect(note).to_be_visible()
            await press(visitor.page, "Give the words again")
            await press(visitor.page, "Back")
            await expect(visitor.page.get_by_role("button", name="Set up this device")).to_be_visible()
    finally:
        await device.close()


async def test_names_are_those_of_an_older_restore_point(home: Stage) -> None:
    owner = home.made.owners[2]
    then, since = {"/letters/draft.txt": b"dear all", "/letters/old.txt": b"of then"}, {"/since.txt": b"now"}
    for path, data in then.items():
        await owner.api.put(path, data)
    await owner.api.backed_up()
    point = int((await owner.api.backup())["seq"])
    renamed = {"source": "/letters/draft.txt", "destination": "/letters/sent.txt"}
    await owner.api.ask("POST", "/move", renamed)
    await owner.api.delete("/letters/old.txt")
    for path, data in since.items():
        await owner.api.put(path, data)
    await owner.api.backed_up()
    assert int((await owner.api.backup())["seq"]) > point
    await replaced(owner)
    async with home.visit(owner) as visitor:
        page = visitor.page
        await visitor.open()
        await give_words(page, owner.api.words)
        number = page.get_by_label("Number of the restore point")
        await expect(number).to_be_hidden()
        await page.get_by_text("Go back to an earlier point").click()
        await number.fill("0")
        await page.get_by_text("Go back to an earlier point").click()
        await press(page, "Bring everything back")
        await expect(page.get_by_role("alert")).to_have_text(
            "Give a whole number, 1 or higher, or leave the field empty."
        )
        await visitor.accessible()
        await visitor.screen("recover-point-wrong")
        await number.fill(str(point))
        await expect(page.get_by_role("alert")).to_be_hidden()
        await visitor.fits()
        await press(page, "Bring everything back")
        await expect(title(page, "Everything is back")).to_be_visible(timeout=180_000)
        await log_in(page)
        await visitor.open("/files/letters")
        await expect(page.get_by_role("link", name="draft.txt", exact=True)).to_be_visible()
        await expect(page.get_by_role("link", name="old.txt", exact=True)).to_be_visible()
        await expect(page.get_by_role("link", name="sent.txt", exact=True)).to_have_count(0)
        await holds(page, visitor.url, then | since)


async def spoil(cloud: Cloud, words: str) -> None:
    """The newest entry of an owner's backup is not what was written any more."""
    log = digest("locator", Kek.from_words(words).locator().public).hex()
    await cloud.kill()
    newest = max(cloud.state("cloud").glob(f"objects/{log}/log/*"))
    content = newest.read_bytes()
    newest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    await cloud.start()


async def test_a_damaged_backup_is_gone_on_with_from_its_newest_whole_point(tmp_path: Path) -> None:
    newer = {"/new.bin": os.urandom(300_000)}
    async with stage(tmp_path, 3) as scene:
        owner: Any = scene.made.owners[0]
        for path, data in (FILES | newer).items():
            await owner.api.put(path, data)
            await owner.api.backed_up()
        await replaced(owner)
        await spoil(scene.made.cloud, owner.api.words)
        async with scene.visit(size=PHONE) as visitor:
            page = visitor.page
            await visitor.open()
            await give_words(page, owner.api.words)
            await page.get_by_text("Go back to an earlier point").click()
            number = page.get_by_label("Number of the restore point")
            await number.fill("999999")
            await press(page, "Bring everything back")
            await expect(page.locator("[data-reason=POINT_MISSING]")).to_contain_text("of this number")
            await expect(number).to_have_value("999999")
            await number.fill("")
            await press(page, "Try again")
            doubt = page.locator("[data-reason=CHAIN_BROKEN]")
            await expect(doubt).to_contain_text("Nothing was claimed or changed.")
            await expect(number).to_have_value(re.compile(r"^\d+$"))
            await expect(page.get_by_text(f"Up to point {await number.input_value()}")).to_be_visible()
            await visitor.accessible()
            await visitor.fits()
            await visitor.screen("recovery-damaged")
            await press(page, "Go on with this point")
            await expect(title(page, "Everything is back")).to_be_visible(timeout=180_000)
            await log_in(page)
            await holds(page, visitor.url, FILES | newer)


async def test_a_cloud_that_went_back_is_told_and_decided(tmp_path: Path) -> None:
    newer = {"/notes/small.txt": b"as it is now", "/new.bin": os.urandom(300_000)}
    async with stage(tmp_path, 3) as scene:
        owner: Any = scene.made.owners[0]
        for path, data in FILES.items():
            await owner.api.put(path, data)
        await owner.api.backed_up()
        await copied(scene.made.cloud, tmp_path / "then")
        await scene.made.cloud.start()
        for path, data in newer.items():
            await owner.api.put(path, data)
        await left(scene.made, await log_end(owner.api))
        await put_back(scene.made.cloud, tmp_path / "then")
        await scene.made.cloud.start()
        await replaced(owner)
        async with scene.visit() as visitor:
            page = visitor.page
            await visitor.open()
            await give_words(page, owner.api.words)
            await press(page, "Bring everything back")
            doubt = page.locator("[data-reason=ROLLED_BACK]")
            await expect(doubt).to_contain_text("older backup than the one your device wrote")
            await expect(doubt).to_contain_text("Nothing was claimed or changed.")
            await visitor.accessible()
            await visitor.screen("recovery-rolled-back")
            await press(page, "Go on with the older backup")
            dialog = page.get_by_role("dialog")
            await expect(dialog).to_contain_text("lost for good")
            await dialog.get_by_role("button", name="Go on with the older backup").click()
            await expect(title(page, "Everything is back")).to_be_visible(timeout=180_000)
            await expect(page.get_by_text("was older than what your circle knows")).to_be_visible()
            await log_in(page)
            await holds(page, visitor.url, FILES | newer)
