"""The pages of files: looks, keys, names, versions, what a file bears, the trash, links, the search."""

from __future__ import annotations

import os
import re
from pathlib import Path
from time import time
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from integration.browser.stage import Stage
from integration.browser.visitor import PHONE, WIDE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


async def names(stage: Stage, folder: str) -> set[str]:
    entries = [entry async for entry in stage.made.owners[0].api.list(folder)]
    return {one["path"].removeprefix(f"{folder}/") for one in entries}


async def looked_at(visitor: Visitor, name: str) -> None:
    await visitor.accessible()
    await visitor.fits()
    await visitor.screen(name)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_files(home: Stage, look: dict[str, Any]) -> None:
    api = home.made.owners[0].api
    long = "A file whose name is far too long for any column that a telephone could have.tar.gz"
    for path in ("/Looks/notes.md", f"/Looks/{long}", "/Looks/below/x.txt", "/Gone/y.txt"):
        await api.put(path, os.urandom(2000))
    await api.delete("/Gone", recursive=True)
    async with home.enter("/files/Looks", **look) as visitor:
        page = visitor.page
        await expect(row(page, "notes.md")).to_be_visible()
        await looked_at(visitor, "files")
        await row(page, "notes.md").get_by_role("checkbox").click()
        await looked_at(visitor, "files-chosen")
        await visitor.open("/files/Looks?at=notes.md")
        await expect(page.locator("dialog svg.ring")).to_be_visible()
        await looked_at(visitor, "files-details")
        await visitor.open("/files/Looks")
        await page.locator(".views button").last.click()
        await expect(page.get_by_role("option")).to_have_count(3)
        await looked_at(visitor, "files-pictures")
        await visitor.open("/trash")
        await expect(page.get_by_role("listitem").filter(has_text="Gone").first).to_be_visible()
        await looked_at(visitor, "trash")
        await visitor.open("/search?q=notes")
        await expect(page.get_by_role("link", name="notes.md")).to_be_visible()
        await looked_at(visitor, "search")


async def test_names_are_changed_by_keys_alone_and_taken_back(home: Stage) -> None:
    api = home.made.owners[0].api
    for name in ("a.txt", "b.txt", "c.txt"):
        await api.put(f"/Keys/{name}", name.encode())
    await api.put("/Keys/target/z.txt", b"z")
    async with home.enter("/files/Keys") as visitor:
        page = visitor.page
        grid = page.get_by_role("grid", name="Keys")
        await grid.focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await expect(row(page, "a.txt")).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("F2")
        await page.get_by_label("Name", exact=True).fill("no/slash")
        await expect(page.get_by_text("A name must not hold a slash.")).to_be_visible()
        await page.get_by_label("Name", exact=True).fill("renamed.txt")
        await page.keyboard.press("Enter")
        await expect(row(page, "renamed.txt")).to_be_visible()
        assert await api.get("/Keys/renamed.txt") == b"a.txt"
        await page.get_by_role("button", name="Undo").click()
        await expect(row(page, "a.txt")).to_be_visible()

        await grid.focus()
        await page.keyboard.press("ControlOrMeta+a")
        await expect(page.get_by_text("4 chosen")).to_be_visible()
        await page.keyboard.press("End")
        await page.keyboard.press("Shift+ArrowUp")
        await expect(page.get_by_text("2 chosen")).to_be_visible()
        await page.keyboard.press("Delete")
        await expect(row(page, "c.txt")).to_have_count(0)
        await expect(page.get_by_text("2 entries are in the trash.")).to_be_visible()
        assert await names(home, "/Keys") == {"a.txt", "target", "target/z.txt"}
        await page.get_by_role("button", name="Undo").last.click()
        await expect(row(page, "c.txt")).to_be_visible()
        await expect(row(page, "b.txt")).to_be_visible()

        await grid.focus()
        await page.keyboard.type("target")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("target")
        await page.get_by_role("grid").focus()
        await page.keyboard.press("Backspace")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Keys")


async def test_entries_move_and_come_back_and_a_taken_name_is_told(home: Stage) -> None:
    api = home.made.owners[0].api
    await api.put("/Moves/one.txt", b"one")
    await api.put("/Moves/into/other.txt", b"other")
    async with home.enter("/files/Moves") as visitor:
        page = visitor.page
        dialog = page.get_by_role("dialog")
        await row(page, "one.txt").get_by_role("checkbox").click()
        await page.get_by_role("button", name="Move", exact=True).click()
        await expect(dialog.get_by_role("button", name="Move here")).to_be_disabled()
        await dialog.get_by_role("button", name="into").click()
        await dialog.get_by_role("button", name="Move here").click()
        await expect(row(page, "one.txt")).to_have_count(0)
        assert await api.get("/Moves/into/one.txt") == b"one"
        await page.get_by_role("button", name="Undo").click()
        await expect(row(page, "one.txt")).to_be_visible()
        await api.put("/Moves/into/one.txt", b"in the way")
        await row(page, "one.txt").get_by_role("checkbox").click()
        await page.get_by_role("button", name="Copy", exact=True).click()
        await dialog.get_by_role("button", name="into").click()
        await dialog.get_by_role("button", name="Copy here").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert await api.get("/Moves/into/one.txt") == b"in the way"
        await visitor.screen("files-taken")
        await page.get_by_role("button", name="Choose none").click()
        await page.get_by_role("button", name="New folder").click()
        await page.get_by_label("Name of the folder").fill("made here")
        await page.keyboard.press("Enter")
        await expect(row(page, "made here")).to_be_visible()


async def test_an_older_version_is_fetched_and_made_current(home: Stage) -> None:
    api = home.made.owners[0].api
    for content in (b"the first words", b"the second words"):
        await api.put("/Versions/essay.txt", content)
    async with home.enter("/files/Versions?at=essay.txt") as visitor:
        page = visitor.page
        async with page.expect_download() as going:
            await page.get_by_role("link", name=re.compile("Download the version")).click()
        assert Path(await (await going.value).path()).read_bytes() == b"the first words"
        await page.get_by_role("button", name=re.compile("Restore the version")).click()
        await expect(page.get_by_text("That version is the current one again.")).to_be_visible()
    assert await api.get("/Versions/essay.txt") == b"the first words"
    told: dict[str, Any] = await api.ask("GET", "/versions/Versions/essay.txt")
    assert sum(one["current"] for one in told["versions"]) == 1


async def test_the_ring_turns_amber_exactly_when_the_file_would_be_at_risk(home: Stage) -> None:
    await home.made.owners[0].api.put("/Ring/kept.bin", os.urandom(300_000))
    health = await home.made.owners[0].api.health("/Ring/kept.bin")
    async with home.enter("/files/Ring?at=kept.bin") as visitor:
        page = visitor.page
        verdict = page.locator("[data-mood]")
        switches = page.get_by_role("switch")
        await expect(verdict).to_have_attribute("data-mood", "safe")
        await expect(page.get_by_text("Filled arcs")).to_be_visible()
        for fallen in range(health.survives + 1):
            mood = "safe" if fallen < health.survives else "risk"
            await expect(verdict).to_have_attribute("data-mood", mood)
            await switches.nth(fallen).press("Enter")
            await expect(switches.nth(fallen)).to_have_attribute("aria-checked", "false")
        await expect(verdict).to_have_attribute("data-mood", "act")
        await expect(verdict).to_contain_text("cannot be read")
        await visitor.accessible()
        await visitor.screen("files-ring")
        await page.get_by_role("button", name="Switch all on again").click()
        await expect(verdict).to_have_attribute("data-mood", "safe")


async def test_the_trash_gives_back_and_ends_for_good(home: Stage) -> None:
    api = home.made.owners[0].api
    for name in ("back.txt", "end.txt"):
        await api.put(f"/Bin/{name}", name.encode())
        await api.delete(f"/Bin/{name}")
    await api.put("/Bin/end.txt", b"its name is another file's now")
    await api.ask("PATCH", "/settings", {"values": {"trash.days": 3}})
    async with home.enter("/trash") as visitor:
        page = visitor.page
        kept: int = (await api.ask("GET", "/trash"))["removed"][0]["kept_until"]
        assert 2 * 86_400 < kept - time() <= 3 * 86_400
        day = await page.evaluate("(seconds) => new Date(seconds * 1000).getDate()", kept)
        entry = page.get_by_role("listitem").filter(has_text="back.txt")
        await expect(entry).to_contain_text(re.compile(rf"kept until .*\b{day}\b"))
        await page.get_by_role("button", name="Restore: back.txt").click()
        await expect(page.get_by_text("back.txt is back in its place.")).to_be_visible()
        assert await api.get("/Bin/back.txt") == b"back.txt"
        await page.get_by_role("button", name="Delete for good: end.txt").click()
        dialog = page.get_by_role("dialog")
        go = dialog.get_by_role("button", name="Delete for good")
        await expect(go).to_be_disabled()
        await dialog.get_by_role("textbox").fill("delete")
        await visitor.accessible()
        await visitor.screen("trash-purge")
        changes: list[str] = []
        page.on("request", lambda one: changes.append(one.method) if one.method != "GET" else None)
        await go.click()
        await expect(page.get_by_text("1 file is gone for good.")).to_be_visible()
        await expect(page.get_by_text("end.txt")).to_have_count(0)
        assert changes == ["DELETE"]
    left: dict[str, Any] = await api.ask("GET", "/trash")
    assert not [one for one in left["removed"] if one["entry"]["path"] == "/Bin/end.txt"]
    assert await api.get("/Bin/end.txt") == b"its name is another file's now"
    assert await names(home, "/Bin") == {"back.txt", "end.txt"}
    await api.ask("PATCH", "/settings", {"values": {"trash.days": None}})


async def test_a_link_is_made_shown_once_and_ended(home: Stage) -> None:
    await home.made.owners[0].api.put("/Shared/gift.txt", b"for you")
    async with home.enter("/files/Shared?at=gift.txt") as visitor:
        page = visitor.page
        await page.get_by_role("button", name="Make a link").click()
        await page.get_by_label("Downloads at most").fill("3")
        await page.get_by_role("button", name="Make a link").click()
        shown = page.locator("[data-link]")
        await expect(shown).to_contain_text("/s/")
        await visitor.accessible()
        await visitor.screen("files-shared")
        link = await shown.inner_text()
        async with home.visit() as stranger:
            answer = await stranger.page.goto(link)
            assert answer is not None
            assert answer.status == 200
            await expect(stranger.page.get_by_role("heading", name="gift.txt")).to_be_visible()
        await expect(page.get_by_text("0 of 3 downloads")).to_be_visible()
        await page.get_by_role("button", name="End this link").click()
        await expect(page.get_by_text("The link leads nowhere any more.")).to_be_visible()
        await expect(page.get_by_role("button", name="End this link")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_a_stranger_is_received_as_the_owner_would_be(home: Stage, look: dict[str, Any]) -> None:
    api, name = home.made.owners[0].api, f"Nachtigall {look['theme']} {look['size'][0]}.txt"
    await api.put(f"/Given/{name}", b"song")
    asked = {"path": f"/Given/{name}", "password": "right", "downloads": 3}
    made: dict[str, Any] = await api.ask("POST", "/shares", asked)
    async with home.visit(**look) as stranger:
        page = stranger.page
        button = page.get_by_role("button")
        await stranger.open(made["address"])
        await expect(page.locator("html")).to_have_attribute("lang", look["language"])
        await expect(page.locator("body")).to_have_css("font-family", re.compile("Figtree"))
        await expect(page.locator("time")).to_have_text(re.compile(r"^in 7 (days|Tagen) \("))
        await looked_at(stranger, "share")
        await page.locator("input").fill("wrong")
        await button.click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await looked_at(stranger, "share-wrong")
        await page.locator("input").fill("right")
        async with page.expect_download() as going:
            await button.click()
        assert Path(await (await going.value).path()).read_bytes() == b"song"
        made = await api.ask("POST", "/shares", {"path": f"/Given/{name}"})
        await stranger.open(made["address"])
        await expect(page.get_by_role("heading", level=1)).to_have_text(name)
        await looked_at(stranger, "share-open")
        await api.ask("DELETE", f"/shares/{made['share_id']}")
        await page.reload()
        await expect(page.get_by_role("alert")).to_be_visible()
        await looked_at(stranger, "share-over")


async def test_the_search_finds_by_a_part_and_leads_to_the_file(home: Stage) -> None:
    await home.made.owners[0].api.put("/Sought/deep/Nachtigall.txt", b"song")
    async with home.enter("/search") as visitor:
        page = visitor.page
        await page.get_by_label("A part of a name").fill("nachti")
        await expect(page.get_by_role("link", name="Sought/deep")).to_be_visible()
        await expect(page).to_have_url(re.compile(r"\?q=nachti"))
        await page.get_by_role("link", name="Nachtigall.txt").click()
        await expect(page.get_by_role("dialog")).to_contain_text("Nachtigall.txt")
        await expect(row(page, "Nachtigall.txt")).to_have_attribute("aria-selected", "true")
        await visitor.open("/search?q=%22nothing%20has%20this%22")
        await expect(page.get_by_text("No name holds")).to_be_visible()


async def test_what_could_run_is_only_downloaded(home: Stage) -> None:
    api = home.made.owners[0].api
    hostile = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    await api.put("/Hostile/picture.svg", hostile)
    async with home.enter("/files/Hostile?at=picture.svg") as visitor:
        page = visitor.page
        await expect(page.get_by_role("dialog").get_by_role("link", name="Download")).to_be_visible()
        await expect(page.locator("img[src*=Hostile]")).to_have_count(0)
        await expect(page.get_by_role("link", name="Open in a new tab")).to_have_count(0)
