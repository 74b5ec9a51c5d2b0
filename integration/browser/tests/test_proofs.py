"""Acts that want to know anew who is here, and a device that another one replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from integration.bad_days.clocks import FastClocks, needs_faketime
from integration.browser.stage import Stage, stage
from integration.browser.visitor import PHONE, Visitor
from integration.owner import Owner

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
_HURRY = 100


@asynccontextmanager
async def hurried(home: Stage, folder: Path) -> AsyncIterator[FastClocks]:
    """The founder's gateway with clocks that can be hurried; its own again afterwards."""
    device = home.made.owners[0].device
    own, clocks = dict(device.environment), FastClocks.at(folder / "clocks")
    clocks.give(device)
    try:
        await device.stop(["gateway"])
        await device.run({"gateway": device.settings("gateway")})
        yield clocks
    finally:
        device.environment.clear()
        device.environment.update(own)
        await device.stop(["gateway"])
        await device.run({"gateway": device.settings("gateway")})
        await home.made.owners[0].api.log_in()


async def until_stale(visitor: Visitor, clocks: FastClocks) -> None:
    """Lets the ten minutes pass in which a login is proof enough.

    So hurried, the gateway's patience with services and connections is a hundredth, too: that is no answer.
    """
    clocks.run(_HURRY)
    async with asyncio.timeout(120):
        while await _refusal(visitor) != "PROOF_NEEDED":
            continue
    clocks.run(1)
    async with asyncio.timeout(120):
        while not await _keeps_time(visitor):
            continue


async def _keeps_time(visitor: Visitor) -> bool:
    """Whether a second of the gateway's is one of ours again: it hears of that within one."""
    clock = asyncio.get_running_loop()
    begun, first = clock.time(), await _time(visitor)
    await asyncio.sleep(0.2)
    passed = await _time(visitor) - first
    return 0 < passed < 2 * (clock.time() - begun)


async def _time(visitor: Visitor) -> float:
    with suppress(PlaywrightError):
        answer = await visitor.page.request.get(f"{visitor.url}/api/v1/machine")
        return float((await answer.json())["time"])
    return 0.0


async def _refusal(visitor: Visitor) -> str:
    with suppress(PlaywrightError):
        answer = await visitor.page.request.post(f"{visitor.url}/api/v1/factors/recovery-codes")
        return str((await answer.json())["reason"])
    return ""


@needs_faketime
async def test_an_act_asks_who_is_here_and_goes_on_with_the_answer(home: Stage, tmp_path: Path) -> None:
    clock = hurried(home, tmp_path)
    async with clock as clocks, home.enter("/security", size=PHONE, reduced_motion="reduce") as visitor:
        page = visitor.page
        await until_stale(visitor, clocks)
        await page.get_by_role("button", name="Make a token").click()
        await page.get_by_label("What is it for?").fill("proven")
        await page.get_by_role("dialog").get_by_role("button", name="Make a token").click()
        asked = page.get_by_role("dialog", name="Is it you?")
        await asked.locator("input[type=password]").fill("not the passphrase")
        go = asked.get_by_role("button", name="Go on")
        await go.click()
        await expect(asked.get_by_role("alert")).to_contain_text("That is not the passphrase.")
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("proof")
        await asked.locator("input[type=password]").fill(home.made.passphrase)
        await expect(go).to_be_enabled()
        await go.click()
        await expect(page.locator("dialog[open] pre").first).to_contain_text("piccolo_")
        await expect(asked).to_have_count(0)
        told: dict[str, Any] = await (await page.request.get(f"{visitor.url}/api/v1/tokens")).json()
        assert [one["name"] for one in told["tokens"]] == ["proven"]


async def test_a_device_that_was_replaced_says_so_before_anybody_logs_in(tmp_path: Path) -> None:
    async with stage(tmp_path, 3) as scene:
        old = scene.made.owners[2]
        await old.api.put("/kept.txt", b"kept")
        await old.api.backed_up()
        newer = Owner.of(scene.made.new_device(20), scene.made.passphrase)
        scene.made.owners.append(newer)
        newer.api.words = old.api.words
        await newer.start()
        await newer.api.recover()
        async with asyncio.timeout(60):
            while not (await old.api.ask("GET", "/status"))["replaced"]:  # noqa: ASYNC110 - it hears of it
                await asyncio.sleep(0.2)
        async with scene.visit(old) as visitor:
            await visitor.open()
            note = visitor.page.get_by_text("A newer device of yours has taken over.")
            await expect(note).to_be_visible()
            await expect(visitor.page.get_by_text("somebody else has your 24 words")).to_be_visible()
            await visitor.accessible()
            await visitor.screen("replaced")
