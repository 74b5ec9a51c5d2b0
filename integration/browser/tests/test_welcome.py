"""The first five minutes: from a blank device to a circle, by founding one and by joining it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from piccolo_formats.kek import Kek
from playwright.async_api import expect

from integration.browser.entry import (
    NAME,
    PASSPHRASE,
    asked,
    choose_passphrase,
    give_back,
    make_keys,
    press,
    set_up,
    title,
)
from integration.browser.stage import Stage, stage
from integration.browser.visitor import PHONE, WIDE, Visitor, visitor
from integration.device import Device

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": "de"} for size in (WIDE, PHONE) for theme in ("light", "dark")
]
_numbers = iter(range(10, 100))


@asynccontextmanager
async def blank(
    home: Stage, *, vault: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Device]:
    """A box that was just bought, switched on."""
    device = home.made.new_device(next(_numbers))
    device.tuning["gateway"] = settings
    device.tuning["vault"] = vault or {}
    try:
        await device.start()
        yield device
    finally:
        await device.close()


@asynccontextmanager
async def before(home: Stage, device: Device, **look: Any) -> AsyncIterator[Visitor]:
    """Somebody before a device."""
    async with visitor(home.browser, device.url, **look) as made:
        await made.open()
        yield made


async def keys(visitor: Visitor) -> str:
    """What the device says of its keys."""
    answer = await visitor.page.request.get(f"{visitor.url}/api/v1/status")
    return str((await answer.json())["keys"])


async def test_a_newcomer_founds_a_circle_and_another_one_joins_it(tmp_path: Path) -> None:
    """Nobody lets the second one in while the first is locked: he waits, and a reload loses nothing."""
    async with (
        stage(tmp_path, 1) as home,
        blank(home) as first,
        blank(home) as second,
        before(home, first) as ana,
        before(home, second) as ben,
    ):
        await set_up(ana, "Ana's box")
        await press(ana.page, "Start a circle")
        await expect(ana.page.get_by_label(NAME)).to_have_value("Ana's box")
        await ana.page.get_by_label("We are only two for now").check()
        await press(ana.page, "Start")
        await expect(title(ana.page, "You are alone in your circle")).to_be_visible()
        made = await ana.page.request.post(f"{ana.url}/api/v1/circle/invitations", data={})
        code = str((await made.json())["link"])

        await set_up(ben, "Ben's box")
        await press(ben.page, "Join with an invitation")
        await ben.page.get_by_label("Invitation", exact=True).fill(code)
        await press(ben.page, "Look at the invitation")
        await expect(title(ben.page, "Ana's box invites you")).to_be_visible()
        await expect(ben.page.get_by_label(NAME)).to_have_value("Ben's box")
        assert (await ana.page.request.post(f"{ana.url}/api/v1/lock")).ok
        await press(ben.page, "Join")
        await expect(title(ben.page, "Waiting to be let in")).to_be_visible()
        await ben.accessible()
        await ben.page.reload()
        await expect(title(ben.page, "Waiting to be let in")).to_be_visible()
        await ana.page.reload()
        await expect(title(ana.page, "Welcome back")).to_be_visible()
        await ana.page.locator("input[type=password]").fill(PASSPHRASE)
        await ana.page.keyboard.press("Enter")
        await expect(ben.page.get_by_role("navigation").first).to_be_visible(timeout=60_000)
        answer = await ben.page.request.get(f"{ben.url}/api/v1/circle")
        names = {member["name"] for member in (await answer.json())["members"]}
        assert names == {"Ana's box", "Ben's box"}
        kept = await ben.page.evaluate("JSON.stringify(sessionStorage)")
        assert "piccolo:join" not in kept


async def test_words_are_asked_back_until_they_are_right(home: Stage) -> None:
    async with blank(home) as device, before(home, device) as newcomer:
        page = newcomer.page
        words = await make_keys(newcomer, "Box")
        await press(page, "I have them on paper")
        numbers = await asked(page)
        right = [words[number - 1] for number in numbers]
        other = next(word for word in ("zebra", "zoo", "abandon") if word not in right)
        fields = page.get_by_role("combobox")
        for at, word in enumerate([right[0], other, right[2]]):
            await fields.nth(at).fill(word)
        await press(page, "Finish")
        await expect(page.get_by_role("alert")).to_contain_text(f"word {numbers[1]}.")
        await expect(fields.nth(1)).to_have_attribute("aria-invalid", "true")
        await expect(fields.nth(0)).to_have_attribute("aria-invalid", "false")
        assert await keys(newcomer) == "unconfirmed"
        await newcomer.accessible()
        await newcomer.screen("words-differ")
        await press(page, "Back")
        assert await page.locator("ol .word").all_text_contents() == words
        await press(page, "I have them on paper")
        await give_back(page, words)
        await expect(title(page, "Your circle")).to_be_visible()


async def test_a_reload_keeps_what_can_be_kept_of_a_setup(home: Stage) -> None:
    """Words cannot be shown again: those on paper still count, or new ones are made."""
    async with blank(home) as device, before(home, device) as newcomer:
        page = newcomer.page
        old = await make_keys(newcomer, "Box")
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await page.reload()
        await expect(title(page, "Setting up was interrupted")).to_be_visible()
        told = set((await page.locator("main").inner_text()).split())
        assert len(told & set(old)) < len(old) // 4  # some of the words are words of sentences too
        await press(page, "Make new words")
        await choose_passphrase(page)
        await press(page, "Make my keys")
        await expect(title(page, "Write down these 24 words")).to_be_visible()
        new = await page.locator("ol .word").all_text_contents()
        assert new != old
        await page.goto(f"{newcomer.url}/files")
        await press(page, "I have the 24 words on paper")
        await give_back(page, new)
        await expect(title(page, "Your circle")).to_be_visible()
        await page.reload()
        await press(page, "Start a circle")
        await expect(page.get_by_label(NAME)).to_have_value("Box")


async def test_passphrases_that_would_be_guessed_are_refused_before_they_are_sent(home: Stage) -> None:
    async with blank(home) as device, before(home, device) as newcomer:
        page = newcomer.page
        await press(page, "Set up this device")
        await page.get_by_label(NAME).fill("Box")
        await press(page, "Next")
        await choose_passphrase(page, "password1")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.context.set_offline(True)
        for bad, why in {"iloveyou1": "lists of stolen", "abcdefghijkl": "pattern", "kurz": "8 char"}.items():
            await choose_passphrase(page, bad)
            await expect(page.get_by_role("alert")).to_contain_text(why)
            await expect(page.get_by_role("button", name="Make my keys")).to_be_disabled()
        await choose_passphrase(page)
        await expect(page.get_by_role("alert")).to_have_count(0)
        await expect(page.get_by_text("Very good.")).to_be_visible()
        await expect(page.get_by_role("button", name="Make my keys")).to_be_enabled()
        await page.get_by_role("button", name="Show the passphrase").first.click()
        await expect(page.get_by_label("Your passphrase")).to_have_attribute("type", "text")


async def test_a_device_with_a_code_is_set_up_by_whoever_has_it(home: Stage, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text("7KDM-Q2RX-9T\n")
    async with blank(home, claim_code=str(code)) as device, before(home, device) as newcomer:
        page = newcomer.page
        await press(page, "Set up this device")
        await page.get_by_label(NAME).fill("Box")
        await press(page, "Next")
        field = page.get_by_role("textbox", name="One-time code")
        await field.fill("7KDM-Q2RX-9U")
        await press(page, "Next")
        await choose_passphrase(page)
        await press(page, "Make my keys")
        await expect(page.get_by_role("alert")).to_contain_text("not the device\u2019s one-time code")
        await field.fill("7kdm q2rx 9t")
        await press(page, "Next")
        await choose_passphrase(page)
        await press(page, "Make my keys")
        await expect(title(page, "Write down these 24 words")).to_be_visible()


async def test_an_invitation_that_is_none_is_told(home: Stage) -> None:
    async with blank(home) as device, before(home, device) as newcomer:
        page = newcomer.page
        await set_up(newcomer, "Box")
        await press(page, "Join with an invitation")
        field = page.get_by_label("Invitation", exact=True)
        await field.fill("piccolo:join?c=12")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("alert")).to_contain_text("a part is missing")
        await field.fill("0123 4567 89AB CDEF GHJK MNPQ RS")
        await press(page, "Look at the invitation")
        await expect(page.locator("[data-reason=INVITATION_NOT_FOUND]")).to_be_visible()
        await expect(page.get_by_role("button", name="camera")).to_have_count(0)
        link = await home.made.owners[0].api.invite()
        await field.fill(link)
        await press(page, "Look at the invitation")
        await expect(title(page, "device-0 invites you")).to_be_visible()
        await press(page, "Join")
        await expect(page.get_by_role("navigation").first).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_the_way_in(home: Stage, look: dict[str, Any]) -> None:
    async with blank(home) as device, before(home, device, **look) as newcomer:
        page = newcomer.page

        async def seen(name: str, heading: str) -> None:
            await expect(title(page, heading)).to_be_visible()
            await newcomer.accessible()
            await newcomer.fits()
            await newcomer.screen(f"welcome-{name}")

        await seen("start", "Eine Cloud, die dir gehört")
        await press(page, "Alles zurückholen")
        await seen("recover", "Deine 24 Wiederherstellungswörter")
        await page.go_back()
        await press(page, "Dieses Gerät einrichten")
        await page.get_by_label("Name des Geräts").fill("Annas Kiste")
        await seen("name", "Wie heißt dieses Gerät?")
        await press(page, "Weiter")
        await choose_passphrase(page, "password1")
        await expect(page.get_by_role("alert")).to_contain_text("Listen gestohlener")
        await seen("passphrase", "Wähle eine Passphrase")
        await choose_passphrase(page)
        await press(page, "Schlüssel machen")
        await seen("words", "Schreib diese 24 Wörter auf")
        words = await page.locator("ol .word").all_text_contents()
        await press(page, "Ich habe sie auf Papier")
        await seen("confirm", "Drei Wörter von deinem Zettel")
        for label in await page.locator("label").all_text_contents():
            number = int(label.removeprefix("Wort "))
            await page.get_by_label(f"Wort {number}", exact=True).fill(words[number - 1])
        await press(page, "Abschließen")
        await seen("circle", "Dein Kreis")
        await press(page, "Mit einer Einladung beitreten")
        await seen("join", "Einem Kreis beitreten")
        await press(page, "Zurück")
        await press(page, "Einen Kreis gründen")
        await seen("found", "Einen Kreis gründen")


async def test_the_printed_sheet_holds_the_words_and_nothing_else(home: Stage) -> None:
    async with blank(home) as device, before(home, device) as newcomer:
        words = await make_keys(newcomer, "Ana's box")
        page = newcomer.page
        await page.emulate_media(media="print")
        sheet = page.get_by_role("region", name="Piccolo recovery words")
        await expect(sheet).to_contain_text("Ana's box")
        await expect(sheet).to_contain_text("show it to nobody")
        await expect(sheet.locator(".word").last).to_have_text(words[23])
        await expect(page.get_by_role("button", name="I have them on paper")).to_be_hidden()
        await expect(title(page, "Write down these 24 words")).to_be_hidden()
        await page.emulate_media(media="screen")
        async with page.expect_download() as saved:
            await press(page, "Save as text")
        text = Path(await (await saved.value).path()).read_text()
        assert [line.split(". ")[1] for line in text.splitlines() if line.strip()[:1].isdigit()] == words


_EYE = """
    const eye = document.createElement("canvas");
    const draw = () => (eye.getContext("2d").fillRect(0, 0, 9, 9), requestAnimationFrame(draw));
    navigator.mediaDevices.getUserMedia = async () => (draw(), (window.seen = eye.captureStream()));
    window.BarcodeDetector = class {
        static getSupportedFormats = async () => ["qr_code"];
        detect = async () => (window.held ? [{ rawValue: "https://not.it" }, { rawValue: window.held }] : []);
    };
"""


async def test_the_camera_reads_an_invitation_where_the_browser_can(home: Stage) -> None:
    """This machine has no camera and its browser no detector: both are stood in for, what follows is real."""
    async with blank(home) as device, before(home, device) as newcomer:
        page = newcomer.page
        await page.add_init_script(_EYE)
        await page.reload()
        await set_up(newcomer, "Box")
        await press(page, "Join with an invitation")
        await press(page, "Read the QR code with the camera")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await newcomer.accessible()
        link = await home.made.owners[0].api.invite()
        await page.evaluate("(link) => (window.held = link)", link)
        await expect(title(page, "device-0 invites you")).to_be_visible()
        assert await page.evaluate("window.seen.getTracks().every((track) => track.readyState === 'ended')")


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=["wide", "phone"])
async def test_who_meets_a_device_that_could_not_open_its_data_is_told_before_anything(
    home: Stage, tmp_path: Path, look: dict[str, Any]
) -> None:
    """Nobody takes it for a new one."""
    state = tmp_path / "boot"
    state.write_text("STATE=degraded\nREASON=tpm-refused\nDATA=yes\n")
    async with blank(home, boot=str(state)) as device, before(home, device, **look) as newcomer:
        told = newcomer.page.locator("[data-reason=TPM_REFUSED]")
        await expect(told).to_contain_text("ist weg, sobald der Strom weg ist")
        await expect(told).to_contain_text("Das TPM hat sie nicht geöffnet")
        await expect(newcomer.page.get_by_text("liegen Daten, die es nicht öffnen konnte")).to_be_visible()
        await expect(newcomer.page.get_by_text("Nur zum Ausprobieren")).to_be_visible()
        await newcomer.accessible()
        await newcomer.fits()
        await newcomer.screen(f"degraded-{look['theme']}")


async def test_a_device_in_memory_says_on_every_page_that_it_keeps_nothing(
    home: Stage, tmp_path: Path
) -> None:
    """To who meets it, in his language, and to its owner; nothing failed, and no words open anything."""
    state = tmp_path / "boot"
    state.write_text("STATE=ram\nREASON=\nDATA=no\n")
    async with blank(home, boot=str(state)) as device:
        async with before(home, device, **LOOKS[3]) as newcomer:
            told = newcomer.page.get_by_role(
                "alert", name="Dieses Gerät behält nichts, wenn der Strom weg ist"
            )
            await expect(told).to_contain_text("Es läuft aus dem Arbeitsspeicher")
            await expect(told.get_by_role("button")).to_have_count(0)
            await expect(newcomer.page.get_by_text("Nur zum Ausprobieren")).to_be_visible()
            await newcomer.accessible()
            await newcomer.fits()
            await newcomer.screen("in-memory")
        async with before(home, device) as owner:
            told = owner.page.get_by_role("alert", name="This device keeps nothing when its power goes")
            await expect(told).to_be_visible()
            await set_up(owner, "Box")
            await press(owner.page, "Start a circle")
            await owner.page.get_by_label("We are only two for now").check()
            await expect(told).to_be_visible()
            await press(owner.page, "Start")
            await expect(title(owner.page, "You are alone in your circle")).to_be_visible()
            for place in ("/", "/files", "/circle", "/settings", "/settings/about", "/security"):
                await owner.open(place)
                await expect(told).to_be_visible()


async def test_the_words_open_the_data_and_wrong_ones_change_nothing(home: Stage, tmp_path: Path) -> None:
    """Root's part is played; what it is told is the key of these very words."""
    state, socket, kek = tmp_path / "boot", tmp_path / "s", Kek(bytes(31) + b"\7")
    state.write_text("STATE=degraded\nREASON=no-tpm\nDATA=yes\n")
    heard: list[bytes] = []

    async def roots(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        right = heard[-1] == f"open {kek.disk().hex()}\n".encode()
        writer.write(b"opened\n" if right else b"wrong\n")
        writer.close()
        if right:
            state.write_text("STATE=opened\nREASON=no-tpm\nDATA=yes\n")

    async with (
        await asyncio.start_unix_server(roots, socket),
        blank(home, vault={"disk": str(socket)}, boot=str(state)) as device,
        before(home, device) as newcomer,
    ):
        page = newcomer.page
        await press(page, "Open the data with the 24 words")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("combobox").first.fill(" ".join(Kek(bytes(32)).to_words()))
        await dialog.get_by_role("button", name="Open", exact=True).click()
        await expect(dialog.get_by_role("alert")).to_contain_text("nothing was changed")
        await newcomer.accessible()
        await newcomer.screen("open-data")
        await dialog.get_by_role("combobox").first.fill(" ".join(kek.to_words()))
        await dialog.get_by_role("button", name="Open", exact=True).click()
        await expect(page.get_by_text("I am new here")).to_be_visible()
        await expect(page.locator("[data-reason=NO_TPM]")).to_have_count(0)
        assert [line[:5] for line in heard] == [b"open "] * 2
