"""Ending the device from its settings: only where it is one, and the page that waits until it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import expect

from integration.browser.entry import title
from integration.browser.stage import Stage
from integration.browser.visitor import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
PLACE = "Restart, shut down, reset"


@dataclass(slots=True)
class Root:
    """Root's part, played: it says that the device ends; what that means is done by the test."""

    asked: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        self.asked.put_nowait((await reader.readline()).decode())
        writer.write(b"ending\n")
        writer.close()

    async def hears(self) -> str:
        """What it was asked for."""
        async with asyncio.timeout(30):
            return await self.asked.get()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def root(home: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Root]:
    """The founder's device as one of the image: its gateway has somebody to ask."""
    made, socket = Root(), tmp_path_factory.mktemp("power") / "power.sock"
    server = await asyncio.start_unix_server(made.serve, socket)
    device = home.made.owners[0].device
    device.tuning["gateway"] = {**device.tuning.get("gateway", {}), "power": str(socket)}
    await device.stop(["gateway"])
    await device.run({"gateway": device.settings("gateway")})
    async with server:
        yield made


@asynccontextmanager
async def away(home: Stage) -> AsyncIterator[None]:
    """The founder's device is off for the block, and on after it."""
    device = home.made.owners[0].device
    await device.stop()
    yield
    await device.start()


async def test_programs_on_a_computer_offer_no_end(home: Stage) -> None:
    async with home.enter("/settings") as visitor:
        page = visitor.page
        await expect(page.get_by_role("link", name="About this device")).to_be_visible()
        await expect(page.get_by_role("link", name=PLACE)).to_have_count(0)
        await visitor.open("/settings/device")
        await expect(page.get_by_text("no device of its own")).to_be_visible()
        for name in ("Restart", "Shut down", "Factory reset"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "de")])
async def test_every_look(home: Stage, root: Root, theme: str, language: str) -> None:
    async with home.enter("/settings", size=PHONE, theme=theme, language=language) as visitor:
        page = visitor.page
        await page.locator("a[href='/settings/device']").click()
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        buttons = page.locator("main .danger button, main section.card button")
        await expect(buttons).to_have_count(3)
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("settings-device")
        await page.locator(".danger button").click()
        await expect(page.locator("dialog[open] dd")).to_have_count(5)
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("reset")


async def test_after_a_restart_the_page_comes_back_by_itself(home: Stage, root: Root) -> None:
    async with home.enter("/settings", size=PHONE) as visitor:
        page = visitor.page
        await page.get_by_role("link", name=PLACE).click()
        await page.get_by_role("button", name="Restart").click()
        asked = page.get_by_role("dialog", name="Restart this device?")
        await asked.get_by_role("button", name="Cancel").click()
        assert root.asked.empty()
        await page.get_by_role("button", name="Restart").click()
        await asked.get_by_role("button", name="Restart").click()
        assert await root.hears() == "restart\n"
        await expect(page.get_by_role("heading", level=1)).to_have_text("The device restarts")
        async with away(home):
            await expect(page.get_by_role("heading", level=1)).to_have_text("The device starts")
            await visitor.accessible()
            await visitor.fits()
            await visitor.screen("restarting")
        await expect(page.locator("input[type=password]")).to_be_visible()
        await visitor.login(home.made.passphrase, "/security/log")
        await expect(page.get_by_text("The device was asked to restart.")).to_be_visible()


async def test_a_device_that_is_shut_down_is_waited_for(home: Stage, root: Root) -> None:
    async with home.enter("/settings/device") as visitor:
        page = visitor.page
        await page.get_by_role("button", name="Shut down").click()
        await page.get_by_role("dialog").get_by_role("button", name="Shut down").click()
        assert await root.hears() == "shutdown\n"
        async with away(home):
            await expect(page.get_by_text("Its power button brings it back")).to_be_visible()
        await expect(page.locator("input[type=password]")).to_be_visible()


async def test_a_reset_wants_the_name_typed_and_ends_at_the_first_visit(home: Stage, root: Root) -> None:
    owner, other, _ = home.made.owners
    await other.api.put("/theirs.txt", b"theirs")
    async with home.enter("/settings/device") as visitor:
        page = visitor.page
        await page.get_by_role("button", name="Factory reset").click()
        asked = page.get_by_role("dialog")
        for told in ("Gone for good, at once", "of 1 member", "they lie with the members", "24 words bring"):
            await expect(asked.get_by_text(told).first).to_be_visible()
        now, name = asked.get_by_role("button", name="Reset it now"), asked.get_by_role("textbox")
        for odd in ("", owner.api.name.upper(), f"{owner.api.name}x"):
            await name.fill(odd)
            await expect(now).to_be_disabled()
        await name.fill(owner.api.name)
        await now.click()
        assert await root.hears() == "reset\n"
        await expect(page.get_by_role("heading", level=1)).to_have_text("The device forgets everything")
        async with away(home):
            await expect(page.get_by_role("heading", level=1)).to_have_text("The device begins anew")
            await visitor.accessible()
            await visitor.screen("resetting")
            await asyncio.to_thread(owner.device.wipe)
        await expect(title(page, "A cloud of your own")).to_be_visible()
