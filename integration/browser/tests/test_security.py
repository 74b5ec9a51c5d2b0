"""Security: sessions, tokens, second factors, the audit log, the passphrase, new recovery words."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pyotp
import pytest
from piccolo_formats.client_seal import Purpose
from playwright.async_api import Page, expect

from integration.browser.stage import Stage
from integration.browser.visitor import PHONE, Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
NEXT = "correct violet horse battery 91"


async def curl(certificate: Path, secret: str, *arguments: str) -> str:
    """The HTTP status that curl is answered with."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(certificate)),
        *("-H", f"Authorization: Bearer {secret}", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    return told.decode()


def card(page: Page, title: str) -> Any:
    """A part of the page, by its title."""
    return page.get_by_role("region", name=title, exact=True)


async def test_a_token_is_made_used_and_revoked(home: Stage) -> None:
    device = home.made.owners[0].device
    files = f"{device.url}/api/v1/directories/"
    async with home.enter("/security") as made:
        page = made.page
        await card(page, "Tokens for programs").get_by_role("button", name="Make a token").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Make a token").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("Begin with a letter or digit")
        await made.accessible()
        await dialog.get_by_label("What is it for?").fill("nightly copy")
        await dialog.get_by_role("button", name="Make a token").click()
        secret = (await dialog.locator("pre").first.inner_text()).strip()
        assert re.fullmatch("piccolo_[0-9a-f]{64}", secret)
        await expect(dialog.locator("pre").nth(1)).to_contain_text(f"Bearer {secret}")
        await made.accessible()
        await made.screen("token-made")
        await dialog.get_by_role("button", name="I have copied it").click()
        assert await curl(device.certificate, secret, files) == "200"
        assert await curl(device.certificate, secret, "-X", "DELETE", f"{device.url}/api/v1/files/x") == "403"
        await page.get_by_role("button", name="Revoke the token “nightly copy”").click()
        await expect(dialog).to_contain_text("what it does for you stops")
        await dialog.get_by_role("button", name="Revoke", exact=True).click()
        await expect(page.get_by_text("No program has a token.")).to_be_visible()
        assert secret not in await page.content()
    assert await curl(device.certificate, secret, files) == "401"


async def test_a_session_that_is_ended_elsewhere_is_noticed_in_both_its_tabs(home: Stage) -> None:
    async with home.enter("/security") as here, home.enter("/settings", anew=True) as there:
        other = await there.page.context.new_page()
        await other.goto(f"{there.url}/settings/general")
        await expect(other.get_by_role("heading", level=1)).to_have_text("General")
        sessions = card(here.page, "Sessions")
        await here.page.reload()
        await expect(sessions.get_by_text("This browser")).to_have_count(1)
        await sessions.get_by_role("button", name=re.compile("^End (the other one|all)")).click()
        await expect(here.page.get_by_role("status").get_by_text("ended")).to_be_visible()
        for tab in (there.page, other):
            await expect(tab.locator("input[type=password]")).to_be_visible()
        await expect(sessions.get_by_role("listitem")).to_have_count(1)
        await expect(sessions.get_by_text("This browser")).to_be_visible()
    await home.made.owners[0].api.log_in()


async def test_the_log_tells_filters_verifies_and_is_saved(home: Stage) -> None:
    api = home.made.owners[0].api
    await api.ask("PATCH", "/settings", {"values": {"versions.keep": 12}})
    async with home.enter("/security/log") as made:
        page = made.page
        await expect(page.get_by_text("Settings were changed: versions.keep.").first).to_be_visible()
        await expect(page.get_by_role("heading", name=re.compile("^Today, "))).to_be_visible()
        await page.get_by_label("What", exact=True).select_option("circle")
        await expect(page.get_by_text("The circle was founded.").first).to_be_visible()
        await expect(page.get_by_text("Settings were changed")).to_have_count(0)
        await page.get_by_role("searchbox", name="Search in it").fill("no such words")
        await expect(page.get_by_text("Nothing here fits what you chose.")).to_be_visible()
        await made.accessible()
        await page.get_by_role("button", name="Verify the chain").click()
        await expect(page.get_by_text(re.compile("entries are whole"))).to_be_visible()
        await page.get_by_role("searchbox", name="Search in it").fill("founded")
        await expect(page.get_by_text("Saves only what you chose (Circle, with “founded”)")).to_be_visible()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Save as a table (CSV)").click()
        head, *rows = (await (await download.value).path()).read_text().splitlines()
        assert rows
        assert all("circle.found" in row for row in rows)
        await page.get_by_role("button", name="Clear the filter").click()
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Save as a table (CSV)").click()
        assert (await (await download.value).path()).read_text().splitlines()[0] == head
        rows = (await (await download.value).path()).read_text().splitlines()
        verified = (await api.ask("GET", "/audit/verification"))["verified"]
        assert len(rows) >= verified > 3
        assert any("settings.change" in row for row in rows)


async def test_the_log_is_bounded_by_days_that_are_the_readers(home: Stage) -> None:
    async with home.enter("/security/log", size=PHONE, language="de") as made:
        page = made.page
        entries = page.get_by_role("region", name="Einträge des Protokolls").get_by_role("listitem")
        await expect(entries.first).to_be_visible()
        days: list[str] = await page.evaluate(
            "[-1, 0, 1].map((later) => { const day = new Date(); day.setDate(day.getDate() + later);"
            " return day.toLocaleDateString('sv') })"
        )
        yesterday, today, tomorrow = days
        await page.get_by_label("Von (Tag)").fill(tomorrow)
        await expect(page.get_by_text("Nichts hier passt")).to_be_visible()
        await page.get_by_label("Bis (Tag)").fill(yesterday)
        await expect(page.get_by_text("Das liegt vor dem ersten Tag.")).to_be_visible()
        await made.accessible()
        await made.fits()
        await made.screen("log-days")
        await page.get_by_label("Von (Tag)").fill("")
        await expect(entries).to_have_count(0)
        await page.get_by_label("Von (Tag)").fill(yesterday)
        await page.get_by_label("Bis (Tag)").fill(today)
        await expect(entries.first).to_be_visible()


async def test_what_is_done_meanwhile_stands_at_the_top_of_the_log(home: Stage) -> None:
    async with home.enter("/security/log") as made:
        first = made.page.get_by_role("region", name="Entries of the audit log").get_by_role("listitem").first
        await expect(first).to_contain_text("login")
        await home.made.owners[0].api.ask("PATCH", "/settings", {"values": {"versions.keep": None}})
        await expect(first).to_contain_text("Settings were changed: versions.keep.")


async def test_new_words_are_shown_tested_and_put_in_force(home: Stage) -> None:
    owner = home.made.owners[0]
    await owner.api.put("/notes/before.txt", b"kept under the old words")
    old = owner.api.words
    async with home.enter("/security/words", size=PHONE) as made:
        page = made.page
        await page.get_by_label("Your passphrase, once more").fill("not the passphrase")
        await page.get_by_role("button", name="Show the new words").click()
        await expect(page.get_by_role("alert")).to_contain_text("That is not the passphrase.")
        await page.get_by_label("Your passphrase, once more").fill(home.made.passphrase)
        # the vault lets the next guess wait a little
        await expect(page.get_by_role("button", name="Show the new words")).to_be_enabled()
        await until_shown(page)
        words = await page.locator("ol .word").all_inner_texts()
        assert len(words) == 24
        await made.accessible()
        await made.fits()
        await made.screen("new-words")
        await page.get_by_role("button", name="I have written them down").click()
        fields = page.locator(".asked input")
        await expect(fields).to_have_count(3)
        labels = await page.locator(".asked label").all_inner_texts()
        asked = [int(number) - 1 for label in labels for number in re.findall(r"\d+", label)]
        for at, position in enumerate(asked):
            await fields.nth(at).fill(words[position])
        await page.get_by_role("button", name="Start using them").click()
        await expect(page.get_by_role("region", name=re.compile("New words"))).to_be_visible()
        await page.reload()
        await expect(page.get_by_text("The new words are in force")).to_be_visible(timeout=600_000)
        await made.screen("new-words-done")
    new = " ".join(words)
    assert new != old
    for said, match in ((new, True), (old, False)):
        sealed = await owner.api.sealed(Purpose.WORDS, said)
        assert (await owner.api.ask("POST", "/words/test", {"words": sealed}))["match"] is match
    assert await owner.api.get("/notes/before.txt") == b"kept under the old words"


async def test_words_that_somebody_may_know_are_replaced_and_all_is_sealed_anew(home: Stage) -> None:
    owner = home.made.owners[1]
    await owner.api.put("/notes/secret.txt", b"sealed under words that somebody read")
    async with home.visit(owner, theme="dark", language="de") as made:
        page = made.page
        await made.login(home.made.passphrase, "/security/words")
        exposed = page.get_by_role("radio", name="Jemand könnte die alten kennen")
        await exposed.check()
        await expect(exposed).to_have_accessible_description(re.compile("bleibt .* lesbar"))
        await page.get_by_label("Deine Passphrase, noch einmal").fill(home.made.passphrase)
        await made.accessible()
        await made.screen("exposed")
        await page.get_by_role("button", name="Die neuen Wörter zeigen").click()
        await expect(page.locator("ol .word")).to_have_count(24)
        words = await page.locator("ol .word").all_inner_texts()
        await page.get_by_role("button", name="Ich habe sie aufgeschrieben").click()
        labels = page.locator(".asked label")
        await expect(labels).to_have_count(3)
        for at, label in enumerate(await labels.all_inner_texts()):
            (number,) = re.findall(r"\d+", label)
            await page.locator(".asked input").nth(at).fill(words[int(number) - 1])
        await page.get_by_role("button", name="Ab jetzt verwenden").click()
        await expect(page.get_by_text(re.compile("^Jede Datei ist neu versiegelt"))).to_be_visible(
            timeout=120_000
        )
        await made.accessible()
        await made.screen("exposed-done")
    sealed = await owner.api.sealed(Purpose.WORDS, " ".join(words))
    assert (await owner.api.ask("POST", "/words/test", {"words": sealed}))["match"] is True
    assert await owner.api.get("/notes/secret.txt") == b"sealed under words that somebody read"


async def until_shown(page: Page) -> None:
    """Asks for the words until the vault's delay after the wrong guess is over."""
    shown = page.get_by_role("button", name="I have written them down")
    for _ in range(20):
        await page.get_by_role("button", name="Show the new words").click()
        answered = page.get_by_role("alert").or_(shown)
        await expect(answered.first).to_be_visible()
        if await shown.is_visible():
            return
    await expect(shown).to_be_visible()


async def test_an_app_is_enrolled_asked_for_and_removed(home: Stage) -> None:
    async with home.enter("/security") as made:
        secret, codes = await enrol(made)
        await expect(card(made.page, "Second factors").get_by_text("10 codes are left")).to_be_visible()
        assert len(codes) == 10
        async with home.visit() as again:
            await again.open("/settings")
            await again.page.locator("input[type=password]").fill(home.made.passphrase)
            await again.page.keyboard.press("Enter")
            # the code of enrolment is spent, and so is its step: the next one's counts already
            await again.page.get_by_label("Code of your app").fill(pyotp.TOTP(secret).at(time.time() + 30))
            await again.page.keyboard.press("Enter")
            await expect(again.page.get_by_role("heading", level=1)).to_have_text("Settings")
        await remove(made, "pocket phone")
        await expect(card(made.page, "Second factors").get_by_text("There is none")).to_be_visible()


async def enrol(made: Visitor) -> tuple[str, list[str]]:
    """Adds an app; returns its secret, and the recovery codes that follow on the first factor."""
    page = made.page
    await card(page, "Second factors").get_by_role("button", name="Add an app").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("pocket phone")
    await page.keyboard.press("Enter")
    qr = dialog.get_by_role("img", name=re.compile("secret as a QR code"))
    await expect(qr).to_be_visible()
    assert await qr.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    secret = (await dialog.locator("pre").inner_text()).replace(" ", "").strip()
    await dialog.get_by_label("The code that the app shows now").fill("000000")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await made.accessible()
    await made.screen("totp")
    await dialog.get_by_label("The code that the app shows now").fill(pyotp.TOTP(secret).now())
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    await made.accessible()
    await made.screen("recovery-codes")
    codes = (await dialog.locator("pre").inner_text()).split()
    await dialog.get_by_role("button", name="I have noted them").click()
    return secret, codes


async def remove(made: Visitor, name: str) -> None:
    """Removes a factor."""
    await made.page.get_by_role("button", name=f"Remove “{name}”").click()
    dialog = made.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("the passphrase alone lets you in")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(dialog).to_be_hidden()


async def test_a_passkey_is_made_and_lets_one_in(home: Stage) -> None:
    url = home.made.owners[0].device.url.replace("127.0.0.1", "localhost")
    async with visitor(home.browser, url) as made:
        page = made.page
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        user = {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
        await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, **user}})
        await made.login(home.made.passphrase, "/security")
        await card(page, "Second factors").get_by_role("button", name="Add a passkey").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Name").fill("this laptop")
        await dialog.get_by_role("button", name="Make the passkey").click()
        await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
        await dialog.get_by_role("button", name="I have noted them").click()
        await expect(page.get_by_text("Works at localhost only.")).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await page.locator("input[type=password]").fill(home.made.passphrase)
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Use the passkey").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Security")
        await remove(made, "this laptop")


async def test_the_passphrase_is_changed_and_the_old_one_opens_nothing(home: Stage) -> None:
    still = home.enter("/security", reduced_motion="reduce")  # axe is not to see a button on its way
    async with still as made, home.enter("/settings", anew=True) as elsewhere:
        await change(made, home.made.passphrase, NEXT)
        await expect(elsewhere.page.locator("input[type=password]")).to_be_visible()
        await elsewhere.page.locator("input[type=password]").fill(home.made.passphrase)
        await elsewhere.page.keyboard.press("Enter")
        await expect(elsewhere.page.get_by_text("That is not the passphrase.")).to_be_visible()
        enter = elsewhere.page.get_by_role("button", name="Unlock")
        await elsewhere.page.locator("input[type=password]").fill(NEXT)
        await expect(enter).to_be_enabled()
        await enter.click()
        await expect(elsewhere.page.get_by_role("heading", level=1)).to_have_text("Settings")


async def change(made: Visitor, old: str, new: str) -> None:
    """Changes the passphrase on the page."""
    page = made.page
    await page.get_by_role("button", name="Change the passphrase").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Current passphrase").fill(old)
    await dialog.get_by_label("New passphrase", exact=True).fill(new)
    await dialog.get_by_label("Once more").fill(new)
    await made.accessible()
    await made.screen("passphrase")
    await dialog.get_by_role("button", name="Change the passphrase").click()
    await expect(page.get_by_text("The passphrase is changed.")).to_be_visible()
