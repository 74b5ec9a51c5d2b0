"""The circle's page: who keeps what, how many may fall, who comes and who goes."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from integration.bench.waiting import until
from integration.browser.stage import Stage, stage
from integration.browser.visitor import PHONE, WIDE
from integration.owner import Owner

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]
# four keep fragments, three hold some of each file, two of them rebuild it; looks and patience of seconds
_PACE: Final = {"k": 2, "m": 3, "look_seconds": 1.0, "settle_seconds": 2.0}
_SECONDS: Final = 60.0
_BEARS_ONE: Final = "All your files survive the loss of any device."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def five(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A circle of five that heals within seconds, with files."""
    async with stage(tmp_path_factory.mktemp("circle"), 5, store=_PACE) as made:
        first, second = made.made.owners[:2]
        await first.api.reaches_all()
        for name in ("a", "b", "c"):
            await first.api.put(f"/{name}", os.urandom(1_500_000))
        for number in range(20):  # until the first is among the three of four that keep a file
            await second.api.put(f"/x{number}", os.urandom(100_000))
            if (await first.api.ask("GET", "/keeping"))["owners"]:
                break
        yield made


def card(page: Page, title: str) -> Locator:
    """The card of that title."""
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


def row(page: Page, owner: Owner) -> Locator:
    """A member's row in the list."""
    return page.locator(f'[data-member="{owner.device.name}"]')


async def state_of(owner: Owner, about: Owner, wanted: str) -> None:
    """Returns when a device knows a member in that state."""
    owner_id = await about.api.owner_id()

    async def known() -> bool | None:
        found = [one for one in await owner.api.members() if one["owner_id"] == owner_id]
        return True if found and found[0]["state"] == wanted else None

    await until(known, _SECONDS, f"{wanted} member")


async def test_members_are_switched_off_until_one_more_loss_would_destroy_something(five: Stage) -> None:
    async with five.enter("/circle") as visitor:
        page = visitor.page
        ring = card(page, "How many devices can you lose?")
        said, picture = ring.get_by_role("status"), ring.locator("[data-mood]")
        await expect(said).to_contain_text(_BEARS_ONE)
        await expect(picture).to_have_attribute("data-mood", "safe")
        switches = ring.get_by_role("switch")
        await expect(switches).to_have_count(4)
        await switches.nth(1).click()
        await expect(switches.nth(1)).to_have_attribute("aria-checked", "false")
        await expect(said).to_contain_text("but one more loss may destroy some")
        await expect(picture).to_have_attribute("data-mood", "risk")
        await switches.nth(2).focus()
        await page.keyboard.press("Space")
        await expect(said).to_contain_text("some files may be unreadable until one of these devices is back")
        await expect(picture).to_have_attribute("data-mood", "act")
        await visitor.accessible()
        await visitor.screen("circle-fallen")
        await ring.get_by_role("button", name="Switch all back on").click()
        await expect(said).to_contain_text(_BEARS_ONE)
        await expect(picture).to_have_attribute("data-mood", "safe")


async def test_an_invitation_made_here_lets_a_new_device_in(five: Stage) -> None:
    guest = Owner.of(five.made.new_device(5), five.made.passphrase)
    five.made.owners.append(guest)
    await guest.start()
    await guest.api.set_up()
    async with five.enter("/circle") as visitor:
        page = visitor.page
        await page.get_by_role("button", name="Invite somebody").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Who is it for?").fill("For Ana")
        await dialog.get_by_label("6 hours").check()
        await dialog.get_by_role("button", name="Make the invitation").click()
        letter = await dialog.locator("[data-letter] pre").inner_text()
        await dialog.get_by_text("You are in the same room?").click()
        picture = dialog.get_by_role("img", name="QR code of the invitation")
        await expect(picture).to_be_visible()
        assert await picture.evaluate("image => image.complete && image.naturalWidth > 100")
        await expect(dialog.get_by_role("timer")).to_have_text(re.compile(r"^5:59:\d\d$"))
        link = letter.split()[-1]
        code = await dialog.locator("[data-code] pre").inner_text()
        assert code in link
        assert "https://piccolo.local" in letter
        await visitor.accessible()
        await visitor.screen("circle-invitation")
        await guest.api.join(link)
        joined = f"{guest.device.name} is in the circle."
        await expect(dialog.get_by_role("status").filter(has_text=joined)).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(row(page, guest)).to_be_visible()
        listed = page.locator('[data-invitation="For Ana"]')
        await expect(listed).to_contain_text("Used")
        await expect(listed).to_contain_text(f"{guest.device.name} joined with it")
    members = await five.made.owners[0].api.members()
    assert guest.device.name in [one["name"] for one in members if one["state"] == "active"]


async def test_an_invitation_that_nobody_used_is_revoked(five: Stage) -> None:
    async with five.enter("/circle") as visitor:
        page = visitor.page
        await page.get_by_role("button", name="Invite somebody").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Who is it for?").fill("For nobody")
        await dialog.get_by_label("1 hour").check()
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("timer")).to_have_text(re.compile(r"^59:\d\d$"))
        await page.keyboard.press("Escape")
        listed = page.locator('[data-invitation="For nobody"]')
        await expect(listed).to_contain_text("Open")
        await listed.get_by_role("button", name="Revoke").click()
        await expect(listed).to_contain_text("Revoked")
    told = await five.made.owners[0].api.ask("GET", "/circle/invitations")
    assert [one["state"] for one in told["invitations"] if one["note"] == "For nobody"] == ["revoked"]


async def test_a_member_that_falls_silent_is_shown_and_what_it_kept_is_seen_to_heal(five: Stage) -> None:
    first = five.made.owners[0]
    fragments = (await first.api.ask("GET", "/health/a"))["fragments"]
    keepers = {fragment["keeper_name"] for fragment in fragments}
    victim = next(owner for owner in five.made.owners[2:5] if owner.device.name in keepers)
    async with five.enter("/circle") as visitor:
        page = visitor.page
        said = card(page, "How many devices can you lose?").get_by_role("status")
        await expect(said).to_contain_text(_BEARS_ONE)
        await victim.device.kill()
        await expect(row(page, victim)).to_contain_text("No answer now")
        await expect(page.get_by_text("; one is away.")).to_be_visible()
        await visitor.screen("circle-away")

        async def healed() -> bool | None:
            health = await first.api.health("/a")
            return True if health.survives >= 1 else None

        await until(healed, _SECONDS, "healed file")
        await expect(said).to_contain_text(_BEARS_ONE)
        await expect(row(page, victim)).to_contain_text("No answer now")
        await row(page, victim).click()
        sheet = page.get_by_role("dialog")
        await expect(sheet).to_contain_text(f"{victim.device.name} does not answer at the moment.")
        await expect(sheet.get_by_text("Away since")).to_be_visible()
        await page.keyboard.press("Escape")
        await victim.device.start()
        await expect(row(page, victim)).to_contain_text("Here")
        await expect(page.get_by_text("; all are here.")).to_be_visible()


async def test_a_member_is_removed_by_its_typed_name_when_another_admin_agrees(five: Stage) -> None:
    first, second = five.made.owners[:2]
    goner = five.made.owners[-1]
    name = goner.device.name
    async with five.enter("/circle") as visitor, five.visit(second) as other:
        page = visitor.page
        await row(page, goner).click()
        await page.get_by_role("button", name=f"Remove {name}").click()
        dialog = page.get_by_role("dialog", name=f"Remove {name}?")
        await expect(dialog).to_contain_text("a year after the removal that is deleted")
        await dialog.get_by_label("It was stolen or taken over").check()
        await expect(dialog).to_contain_text("it stays out for good")
        await dialog.get_by_label("It has to be removed").check()
        button = dialog.get_by_role("button", name=f"Remove {name}")
        await expect(button).to_be_disabled()
        await dialog.get_by_label(f"Type “{name}” to confirm").fill("device-")
        await expect(button).to_be_disabled()
        await dialog.get_by_label(f"Type “{name}” to confirm").fill(name)
        await visitor.accessible()
        await visitor.screen("circle-removal")
        await button.click()
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_text("Proposed. One more admin must agree.")).to_be_visible()
        await other.login(five.made.passphrase, "/circle")
        waiting = card(other.page, "Waiting for the admins")
        await expect(waiting).to_contain_text(f"{name} is removed from the circle.")
        await other.accessible()
        await waiting.get_by_role("button", name="Agree").click()
        await expect(waiting).to_be_hidden()
        await expect(row(other.page, goner)).to_contain_text("Removed")
        await expect(row(page, goner)).to_contain_text("Removed")
    await asyncio.gather(*(state_of(owner, goner, "expelled") for owner in (first, second)))


async def test_somebody_leaves_and_the_admins_agree(five: Stage) -> None:
    first, second = five.made.owners[:2]
    goner = five.made.owners[4]
    name = goner.device.name
    assert not next(one for one in await first.api.members() if one["name"] == name)["admin"]
    async with five.visit(goner) as visitor:
        await visitor.login(five.made.passphrase, "/circle")
        page = visitor.page
        await expect(page.get_by_role("button", name="Invite somebody")).to_have_count(0)
        await row(page, goner).click()
        await page.get_by_role("button", name="Leave the circle").click()
        dialog = page.get_by_role("dialog", name="Leave this circle?")
        await expect(dialog).to_contain_text("Copy what you need to another place first.")
        await dialog.get_by_label(f"Type “{name}” to confirm").fill(name)
        await dialog.get_by_role("button", name="Leave the circle").click()
        await expect(page.get_by_text("Proposed. The admins must agree.")).to_be_visible()
        async with five.enter("/circle") as admin:
            waiting = card(admin.page, "Waiting for the admins")
            await waiting.get_by_role("button", name="Agree").click()
            (proposal,) = (await first.api.ask("GET", "/circle/proposals"))["proposals"]
            await second.api.approve(proposal["roster_hash"])
            await expect(row(admin.page, goner)).to_contain_text("Leaving")
        await state_of(first, goner, "leaving")


async def test_what_this_device_keeps_is_told_and_read_through(five: Stage) -> None:
    first, second = five.made.owners[:2]
    before = await first.api.ask("GET", "/keeping")
    assert await second.api.owner_id() in [one["owner_id"] for one in before["owners"]]
    async with five.enter("/circle") as visitor:
        keeping = card(visitor.page, "What this device keeps for others")
        await expect(keeping.get_by_role("listitem").filter(has_text=second.device.name)).to_be_visible()
        await keeping.get_by_role("button", name="Check the disk now").click()

        async def read() -> bool | None:
            scrub = (await first.api.ask("GET", "/keeping"))["scrub"]
            return True if scrub["last_ended"] > before["scrub"]["last_ended"] else None

        await until(read, _SECONDS, "scrub")
        await expect(keeping).to_contain_text("Everything was fine.")


async def test_the_contacts_to_print_are_those_of_the_device(five: Stage) -> None:
    told = await five.made.owners[0].api.ask("GET", "/circle/contacts")
    async with five.enter("/circle") as visitor:
        page = visitor.page
        await page.get_by_role("link", name="Show and print the contacts").click()
        for line in (told["circle"], *(one["line"] for one in told["contacts"])):
            await expect(page.get_by_text(line, exact=True)).to_be_visible()
        await page.emulate_media(media="print")
        await expect(page.get_by_role("button", name="Print")).to_be_hidden()
        await expect(page.get_by_role("navigation")).to_be_hidden()
        await expect(page.get_by_text(told["circle"], exact=True)).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_the_circle(five: Stage, look: dict[str, Any]) -> None:
    member = five.made.owners[1]
    async with five.enter("/circle", **look) as visitor:
        page = visitor.page
        await expect(page.get_by_role("switch").first).to_be_visible()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("circle")
        await row(page, member).click()
        await expect(page.get_by_role("dialog", name=member.device.name)).to_be_visible()
        await visitor.accessible()
        await visitor.screen("circle-member")
        await page.get_by_role("dialog").locator(".danger").click()
        await expect(page.get_by_role("dialog").get_by_role("radio").first).to_be_visible()
        await visitor.accessible()
        await visitor.fits()
        await visitor.open("/circle/contacts")
        await expect(page.get_by_role("listitem").locator(".mono").first).to_be_visible()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("circle-contacts")
