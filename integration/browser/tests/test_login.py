"""Unlocking: a wrong passphrase and its wait, a second proof, a session that ends where one was."""

from __future__ import annotations

import re
from typing import Any

import pyotp
import pytest
from playwright.async_api import expect

from integration.browser.entry import press, title
from integration.browser.stage import Stage
from integration.browser.visitor import PHONE, Visitor
from integration.browser.visitor import visitor as visitor_at

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def give(visitor: Visitor, passphrase: str) -> None:
    await visitor.page.locator("input[type=password]").fill(passphrase)
    await visitor.page.keyboard.press("Enter")


async def test_a_wrong_passphrase_waits_and_the_right_one_opens(home: Stage) -> None:
    async with home.visit(home.made.owners[1], size=PHONE, language="de") as visitor:
        page = visitor.page
        await visitor.open()
        opens = page.get_by_role("button", name="Entsperren")
        timer = page.get_by_role("timer")
        for _ in range(4):  # the first ones wait less than a person takes to type again
            await give(visitor, "das ist sie nicht")
            await expect(page.get_by_role("alert")).to_contain_text("Das ist nicht die Passphrase.")
            await expect(opens).to_be_enabled(timeout=60_000)
            await page.locator("input[type=password]").fill("")
        await give(visitor, "das ist sie auch nicht")
        await expect(timer).to_have_text(re.compile(r"^0:\d\d$"))
        await expect(opens).to_be_disabled()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("login-wait")
        await expect(opens).to_be_enabled(timeout=120_000)
        await expect(timer).to_have_count(0)
        await give(visitor, home.made.passphrase)
        await expect(page.get_by_role("navigation").first).to_be_visible()


async def test_caps_lock_is_told(home: Stage) -> None:
    async with home.visit() as visitor:
        await visitor.open()
        field = visitor.page.locator("input[type=password]")
        await field.dispatch_event("keydown", {"key": "A", "modifierCapsLock": True})
        await expect(visitor.page.get_by_text("Caps Lock is on.")).to_be_visible()
        await field.dispatch_event("keyup", {"key": "a"})
        await expect(visitor.page.get_by_text("Caps Lock is on.")).to_have_count(0)


async def test_a_session_that_ends_brings_one_back_to_where_one_was(home: Stage) -> None:
    async with home.enter("/?from=here") as visitor:
        page = visitor.page
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert (await page.request.delete(f"{visitor.url}/api/v1/sessions/current")).ok
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.get_by_text("Your session has ended.")).to_be_visible()
        await give(visitor, home.made.passphrase)
        await expect(page.get_by_role("navigation").first).to_be_visible()
        await expect(page).to_have_url(f"{visitor.url}/?from=here")


async def test_a_locked_device_says_so_and_opens_again(home: Stage) -> None:
    owner = home.made.owners[0]
    async with home.enter() as visitor:
        await owner.api.lock()
        await visitor.page.reload()
        await expect(visitor.page.get_by_text("This device is locked.")).to_be_visible()
        await visitor.accessible()
        await give(visitor, home.made.passphrase)
        await expect(visitor.page.get_by_role("navigation").first).to_be_visible()
        assert (await owner.api.status())["keys"] == "unlocked"


async def test_a_second_proof_is_asked_by_app_or_by_recovery_code(home: Stage) -> None:
    """In the owner's own time: a code is taken once, so the second login uses a recovery code."""
    owner = home.made.owners[2]
    await owner.api.log_in()
    begun = await owner.api.ask("POST", "/factors/totp", {"name": "my phone"})
    totp = pyotp.TOTP(begun["secret"])
    said: dict[str, Any] = {"enrolment": begun["enrolment"], "code": totp.now()}
    factor = await owner.api.ask("POST", "/factors/totp/confirm", said)
    codes = (await owner.api.ask("POST", "/factors/recovery-codes"))["codes"]
    try:
        async with home.visit(owner) as visitor:
            page = visitor.page
            await visitor.open("/")
            await give(visitor, home.made.passphrase)
            await expect(title(page, "One more proof")).to_be_visible()
            await page.get_by_label("Code of your app").fill("000000")
            await press(page, "Go on")
            await expect(page.locator("[data-reason=FACTOR_WRONG]")).to_be_visible()
            await visitor.accessible()
            await visitor.screen("second-factor")
            await press(page, "Recovery code")
            await page.get_by_label("Recovery code").fill(codes[0])
            await press(page, "Go on")
            await expect(page.get_by_role("navigation").first).to_be_visible()
    finally:
        await owner.api.ask("DELETE", f"/factors/{factor['factor_id']}")


_MAKE_PASSKEY = """async (begun) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options);
    const passkey = (await navigator.credentials.create({ publicKey })).toJSON();
    const sent = { method: "POST", headers: { "Content-Type": "application/json" } };
    const body = JSON.stringify({ enrolment: begun.enrolment, passkey });
    return (await fetch("/api/v1/factors/passkey/confirm", { ...sent, body })).status;
}"""


async def test_a_passkey_is_a_second_proof_at_the_name_it_was_made_for(home: Stage) -> None:
    device = home.made.owners[1].device
    async with visitor_at(home.browser, f"https://localhost:{device.https_port}") as visitor:
        page = visitor.page
        tools = await page.context.new_cdp_session(page)
        await tools.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        unlocked = {"hasUserVerification": True, "isUserVerified": True}
        key = await tools.send("WebAuthn.addVirtualAuthenticator", {"options": options | unlocked})
        await visitor.login(home.made.passphrase)
        asked = await page.request.post(f"{visitor.url}/api/v1/factors/passkey", data={"name": "this laptop"})
        assert await page.evaluate(_MAKE_PASSKEY, await asked.json()) == 201
        try:
            await page.context.clear_cookies()
            await visitor.open()
            await give(visitor, home.made.passphrase)
            await expect(title(page, "One more proof")).to_be_visible()
            await tools.send("WebAuthn.setUserVerified", {**key, "isUserVerified": False})
            await press(page, "Use the passkey")
            await expect(page.get_by_role("alert")).to_contain_text("gave no passkey")
            await visitor.accessible()
            await tools.send("WebAuthn.setUserVerified", {**key, "isUserVerified": True})
            await press(page, "Use the passkey")
            await expect(page.get_by_role("navigation").first).to_be_visible()
        finally:
            factors = await (await page.request.get(f"{visitor.url}/api/v1/factors")).json()
            for factor in factors["factors"]:
                gone = f"{visitor.url}/api/v1/factors/{factor['factor_id']}"
                assert (await page.request.delete(gone)).ok
