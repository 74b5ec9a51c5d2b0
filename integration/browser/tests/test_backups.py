"""Backups and recovery: how the backup is, whether the words are right, whether all files are still there."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from integration.bench.waiting import until
from integration.browser.stage import Stage, stage
from integration.browser.visitor import PHONE, WIDE
from integration.device import Device
from integration.owner import Owner

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]
_SECONDS: Final = 60.0
_SOUND: Final = "Every fragment is where it should be."
_OTHERS: Final = " ".join(["abandon"] * 23 + ["art"])
_PAGES: Final = 3
_PAGE: Final = 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A circle of three with a few files: each has a fragment with both others, and either is enough."""
    async with stage(tmp_path_factory.mktemp("circle"), 3) as made:
        first = made.made.owners[0]
        await first.api.reaches_all()
        await first.api.put("/film", os.urandom(3_000_000))
        await first.api.put("/letters/first.txt", b"dear circle")
        yield made


def card(page: Page, title: str) -> Locator:
    """The card of that title."""
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


def fragment(keeper: Owner, owner_id: str) -> Path:
    """The file in which a device keeps the largest of an owner's fragments."""
    folder = keeper.device.state("fragment-store") / "live" / owner_id
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".record"]
    return max(files, key=lambda path: path.stat().st_size)


def flip(path: Path) -> None:
    """Changes one bit in the first block, as a disk does: without a word about the time."""
    about = path.stat()
    with path.open("r+b") as file:
        file.seek(1000)
        (byte,) = file.read(1)
        file.seek(1000)
        file.write(bytes([byte ^ 4]))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


@contextmanager
def frozen(device: Device) -> Iterator[None]:
    """What a device keeps for others is out of reach meanwhile: it takes calls and does not answer."""
    pid = device.services["fragment-store"].pid
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGCONT)


async def test_home_leads_to_the_backup_and_a_new_one_is_made(three: Stage) -> None:
    api = three.made.owners[0].api
    await api.backed_up()
    async with three.enter("/") as visitor:
        page = visitor.page
        await page.get_by_role("link", name="Backups and recovery").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Backups and recovery")
        backup = card(page, "The backup")
        await expect(backup).to_contain_text("Last backup: ")
        await expect(backup).to_contain_text("Everything is in it.")
        await expect(backup).to_contain_text("2 of 2 members know of your newest backup")
        before = (await api.backup())["seq"]
        await backup.get_by_role("button", name="Back everything up anew").click()
        await expect(page.get_by_text(f"Backed up anew, as point {before + 1}.")).to_be_visible()
        points = card(page, "States that can be restored")
        await expect(points.get_by_role("listitem").first).to_contain_text(f"Point {before + 1} · whole")
        await points.get_by_text("How a point is restored").click()
        await expect(points).to_contain_text("a point is restored only on a blank device")
        await expect(points).to_contain_text("open “Go back to an earlier point” and give the number")
    told = await api.ask("GET", "/recovery/points")
    assert (told["points"][0]["seq"], told["points"][0]["base"]) == (before + 1, before + 1)


async def test_words_are_told_right_from_wrong(three: Stage) -> None:
    words = three.made.owners[0].api.words
    async with three.enter("/backups") as visitor:
        page = visitor.page
        test = card(page, "Test your recovery words")
        dialog = page.get_by_role("dialog", name="Test your recovery words")
        first, button = dialog.get_by_label("Word 1", exact=True), dialog.get_by_role("button", name="Test")
        await expect(card(page, "The backup")).to_contain_text("members know")  # the page stands still now
        await test.get_by_role("button", name="Enter the words").click()
        await first.fill(words.rsplit(" ", 1)[0])
        await expect(dialog.get_by_role("status")).to_have_text("23 of 24 words")
        await expect(button).to_be_disabled()
        await first.fill(words.upper().replace(" ", "\n"))
        await visitor.accessible()
        await button.click()
        await expect(test).to_contain_text("These are your words.")
        await expect(dialog).to_be_hidden()
        await test.get_by_role("button", name="Test again").click()
        await expect(first).to_have_value("")
        await first.fill(_OTHERS.replace("art", "abandon"))
        await expect(dialog.get_by_role("alert")).to_contain_text("together they do not add up")
        await expect(button).to_be_disabled()
        await first.fill(_OTHERS)
        await button.click()
        await expect(test).to_contain_text("but not those of this device")
        await visitor.accessible()
        await visitor.screen("backups-words-wrong")


async def test_a_check_finds_what_a_disk_changed_and_the_repair_mends_it(three: Stage) -> None:
    owner, keeper = three.made.owners[:2]
    data = await owner.api.get("/film")
    async with three.enter("/backups") as visitor:
        page = visitor.page
        check = card(page, "Check all files")
        await check.get_by_label("Read all of it").check()
        await check.get_by_role("button", name="Check now").click()
        await expect(check).to_contain_text(_SOUND)
        await expect(check).to_contain_text("all right.")
        flip(fragment(keeper, await owner.api.owner_id()))
        await check.get_by_role("button", name="Check now").click()
        await expect(check).to_contain_text("1 fragment was wrong")
        await expect(check).to_contain_text("Nothing is lost; they wait for repair.")
        await visitor.screen("backups-damaged")
        await check.get_by_role("button", name="Repair now").click()
        await expect(check.locator("[data-repair=succeeded]")).to_be_visible()

        async def whole() -> bool | None:
            return True if (await owner.api.check(100))["result"].find('"damaged": 0') >= 0 else None

        await until(whole, _SECONDS, "whole store")
        await expect(check).to_contain_text(_SOUND)
    assert await owner.api.get("/film") == data


async def test_a_check_goes_on_while_the_page_is_loaded_anew(three: Stage) -> None:
    owner, keeper = three.made.owners[:2]
    for number in range(_PAGES * _PAGE):  # one after the other, so that each is an object of its own
        await owner.api.put(f"/many/{number}", b"%d" % number)
    objects = (await owner.api.ask("GET", "/health"))["objects"]
    assert objects > (_PAGES - 1) * _PAGE
    async with three.enter("/backups") as visitor:
        page = visitor.page
        check = card(page, "Check all files")
        with frozen(keeper.device):  # each page of objects now takes as long as a keeper is waited for
            await check.get_by_role("button", name="Check now").click()
            await expect(check.get_by_role("progressbar")).to_be_visible()
            await page.reload()
            await expect(check.get_by_role("progressbar")).to_be_visible()
            await visitor.accessible()
            await visitor.screen("backups-checking")
        await expect(check.locator("[data-check=succeeded]")).to_be_visible()
        await owner.api.reaches_all()
        await check.get_by_role("button", name="Check now").click()
        await expect(check).to_contain_text(_SOUND)


async def test_a_check_is_stopped(three: Stage) -> None:
    keeper = three.made.owners[1]
    async with three.enter("/backups") as visitor:
        check = card(visitor.page, "Check all files")
        with frozen(keeper.device):
            await check.get_by_role("button", name="Check now").click()
            await check.get_by_role("button", name="Stop").click()
            await expect(check).to_contain_text("The last check was stopped.")
    (newest, *_) = (await three.made.owners[0].api.ask("GET", "/operations"))["operations"]
    assert (newest["kind"], newest["state"]) == ("check", "cancelled")


async def test_files_that_nobody_can_bring_back_are_named(three: Stage) -> None:
    owner, *keepers = three.made.owners
    await owner.api.put("/gone for ever", os.urandom(6_000_000))
    for keeper in keepers:
        flip(fragment(keeper, await owner.api.owner_id()))
    async with three.enter("/backups") as visitor:
        check = card(visitor.page, "Check all files")
        await check.get_by_label("Read all of it").check()
        await check.get_by_role("button", name="Check now").click()
        await expect(check).to_contain_text("1 piece of storage cannot be brought back")
        await expect(check.get_by_role("listitem")).to_have_text("/gone for ever")
        await visitor.accessible()
        await visitor.screen("backups-lost")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_the_backups(three: Stage, look: dict[str, Any]) -> None:
    async with three.enter("/backups", **look) as visitor:
        await expect(visitor.page.locator("ol > li").first).to_be_visible()
        await visitor.page.locator("summary").click()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("backups")
