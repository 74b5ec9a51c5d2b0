"""Uploads: folders of every script, pauses, a reload in the middle, names that exist."""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Dialog, Locator, Page, Request, expect

from integration.browser.folders import written
from integration.browser.stage import Stage
from integration.browser.visitor import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
_MB = 1_000_000


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


async def slow(page: Page, per_second: float) -> None:
    """Lets the browser send no more than that; 0 takes the limit away."""
    session = await page.context.new_cdp_session(page)
    await session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": per_second or -1},
    )


async def stored(stage: Stage, folder: str) -> dict[str, bytes]:
    """All files below a folder, by their path there, as the API tells them."""
    api = stage.made.owners[0].api
    entries = [entry async for entry in api.list(folder)]
    return {
        one["path"].removeprefix(f"{folder}/"): await api.get(one["path"])
        for one in entries
        if one["kind"] == "file"
    }


async def test_a_folder_of_every_script_goes_up_and_down_unchanged(home: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "Ordner ünd mehr"
    content = written(folder)
    async with home.enter("/files") as visitor:
        page = visitor.page
        await page.locator("[data-upload=folder]").set_input_files(folder)
        queue = page.get_by_role("region", name="Uploads")
        await expect(queue.get_by_text(f"{len(content)} files are stored")).to_be_visible(timeout=120_000)
        await visitor.accessible()
        await visitor.screen("files-uploaded")
        assert await stored(home, "/Ordner ünd mehr") == content

        await row(page, "Ordner ünd mehr").get_by_role("checkbox").click()
        async with page.expect_download() as going:
            await page.get_by_role("link", name="Download as ZIP").click()
        archive = zipfile.ZipFile(io.BytesIO(Path(await (await going.value).path()).read_bytes()))
        assert archive.testzip() is None
        sizes = sorted(one.file_size for one in archive.infolist() if not one.is_dir())
        assert sizes == sorted(map(len, content.values()))

        await row(page, "Ordner ünd mehr").get_by_role("link").click()
        await row(page, "日本語の手紙.txt").get_by_role("checkbox").click()
        async with page.expect_download() as going:
            await page.get_by_role("link", name="Download", exact=True).click()
        assert Path(await (await going.value).path()).read_bytes() == content["日本語の手紙.txt"]


async def test_what_is_dropped_is_uploaded_where_it_was_dropped(home: Stage) -> None:
    await home.made.owners[0].api.put("/Dropped/here.txt", b"a place")
    async with home.enter("/files/Dropped") as visitor:
        page = visitor.page
        await expect(row(page, "here.txt")).to_be_visible()
        transfer = await page.evaluate_handle(
            "() => { const t = new DataTransfer(); t.items.add(new File(['let go'], 'fallen.txt'));"
            " return t; }"
        )
        await page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
        await expect(page.get_by_text("Drop to upload into Dropped")).to_be_visible()
        await page.dispatch_event("body", "drop", {"dataTransfer": transfer})
        await expect(row(page, "fallen.txt")).to_be_visible()
    assert await home.made.owners[0].api.get("/Dropped/fallen.txt") == b"let go"


async def test_a_pause_keeps_what_was_sent(home: Stage, tmp_path: Path) -> None:
    content = os.urandom(12 * _MB)
    (tmp_path / "film.bin").write_bytes(content)
    async with home.enter("/files") as visitor:
        page = visitor.page
        offsets = watched(page)
        await slow(page, 2 * _MB)
        await page.locator("[data-upload=files]").set_input_files(tmp_path / "film.bin")
        await half(page)
        await page.get_by_role("button", name="Pause: film.bin").click()
        await expect(page.locator("li[data-stage=paused]")).to_contain_text("film.bin")
        await expect(page.locator("strong", has_text="Paused")).to_be_visible()
        await visitor.screen("files-paused")
        await slow(page, 0)
        await page.get_by_role("button", name="Resume: film.bin").click()
        await expect(page.get_by_text("1 file is stored")).to_be_visible(timeout=60_000)
    assert offsets[0] == 0, offsets
    assert offsets[-1] > 0, offsets
    assert await home.made.owners[0].api.get("/film.bin") == content


async def test_an_upload_goes_on_after_a_reload(home: Stage, tmp_path: Path) -> None:
    content = os.urandom(12 * _MB)
    (tmp_path / "holiday.bin").write_bytes(content)
    async with home.enter("/files") as visitor:
        page = visitor.page
        await slow(page, 2 * _MB)
        await page.locator("[data-upload=files]").set_input_files(tmp_path / "holiday.bin")
        await half(page)
        warned: list[str] = []

        async def leave(dialog: Dialog) -> None:
            warned.append(dialog.type)
            await dialog.accept()

        page.once("dialog", leave)
        await page.reload()
        assert warned == ["beforeunload"]
        again = page.get_by_role("group", name="Choose 1 file again")
        await expect(again).to_contain_text("holiday.bin")
        await visitor.accessible()
        await visitor.screen("files-again")
        (tmp_path / "other.bin").write_bytes(b"something else")
        await page.locator("[data-again=files]").set_input_files(tmp_path / "other.bin")
        await expect(again.get_by_role("alert")).to_contain_text("None of these are missing")
        offsets = watched(page)
        await slow(page, 0)
        await page.locator("[data-again=files]").set_input_files(tmp_path / "holiday.bin")
        await expect(page.get_by_text("1 file is stored")).to_be_visible(timeout=60_000)
        assert offsets, "nothing was sent after the reload"
        assert offsets[0] > 0, offsets
    assert await home.made.owners[0].api.get("/holiday.bin") == content


async def test_the_queue_is_on_every_page_and_survives_a_reload_there(home: Stage, tmp_path: Path) -> None:
    content = os.urandom(12 * _MB)
    (tmp_path / "everywhere.bin").write_bytes(content)
    async with home.enter("/files", size=PHONE) as visitor:
        page = visitor.page
        queue = page.get_by_role("region", name="Uploads")
        await slow(page, 2 * _MB)
        await page.locator("[data-upload=files]").set_input_files(tmp_path / "everywhere.bin")
        await half(page)
        await page.get_by_role("navigation").get_by_role("link", name="Circle").click()
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(queue.get_by_text("1 file is being uploaded")).to_be_visible()
        await expect(queue.get_by_role("listitem")).to_have_count(0)
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("queue-elsewhere")
        page.once("dialog", lambda dialog: dialog.accept())
        await page.reload()
        await expect(queue.get_by_text("1 file needs you")).to_be_visible()
        await queue.get_by_role("button", name="Show the list").click()
        await expect(queue.get_by_role("group", name="Choose 1 file again")).to_contain_text("everywhere.bin")
        await visitor.accessible()
        await visitor.screen("queue-elsewhere-open")
        await slow(page, 0)
        await page.locator("[data-again=files]").set_input_files(tmp_path / "everywhere.bin")
        await expect(queue.get_by_text("1 file is stored")).to_be_visible(timeout=60_000)
        await expect(page).to_have_url(re.compile("/circle$"))
    assert await home.made.owners[0].api.get("/everywhere.bin") == content


async def test_names_that_exist_are_asked_for_once(home: Stage, tmp_path: Path) -> None:
    api = home.made.owners[0].api
    for name in ("one.txt", "two.txt"):
        await api.put(f"/Names/{name}", b"the first")
        (tmp_path / name).write_bytes(b"the second")
    (tmp_path / "three.txt").write_bytes(b"only here")
    chosen = [tmp_path / name for name in ("one.txt", "two.txt", "three.txt")]
    async with home.enter("/files/Names") as visitor:
        page = visitor.page
        for choice, files in (("Skip", 1), ("Keep both", 3), ("Replace as a new version", 3)):
            await page.locator("[data-upload=files]").set_input_files(chosen)
            dialog = page.get_by_role("dialog")
            await expect(dialog).to_contain_text("exist already")
            await visitor.accessible()
            await dialog.get_by_role("radio", name=choice).check()
            await dialog.get_by_role("button", name="Next").click()
            done = page.get_by_text(f"{files} file is stored" if files == 1 else f"{files} files are stored")
            await expect(done).to_be_visible()
            await page.get_by_role("button", name="Close the list").click()
        await visitor.screen("files-names")
    assert await stored(home, "/Names") == {
        "one.txt": b"the second",
        "one (2).txt": b"the second",
        "two.txt": b"the second",
        "two (2).txt": b"the second",
        "three.txt": b"only here",
        "three (2).txt": b"only here",
    }
    versions: dict[str, Any] = await api.ask("GET", "/versions/Names/one.txt")
    assert len(versions["versions"]) == 2


def watched(page: Page) -> list[int]:
    """The offsets from which the page sends parts of files, as it does."""
    offsets: list[int] = []

    def saw(request: Request) -> None:
        sends = request.method in {"PATCH", "POST"} and "/api/v1/uploads" in request.url
        if sends and (offset := request.headers.get("upload-offset")) is not None:
            offsets.append(int(offset))

    page.on("request", saw)
    return offsets


async def half(page: Page) -> None:
    """Returns when a good part of the one upload is sent, and not all."""
    bar = page.locator("li[data-stage=sending] [role=progressbar]")
    await expect(bar).to_have_attribute("aria-valuenow", re.compile("^[3-7][0-9]$"), timeout=60_000)
