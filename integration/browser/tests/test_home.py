"""Home, unlocking, and the pages for what is not there."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from piccolo.metadata.v1.memory_pb2 import (
    OPERATION_STATE_RUNNING,
    AdvanceOperationRequest,
    Operation,
    StartOperationRequest,
)
from piccolo.metadata.v1.memory_pb2_grpc import OperationServiceStub
from playwright.async_api import Locator, Page, Route, expect

from integration.bench.waiting import until
from integration.browser.stage import Stage, stage
from integration.browser.visitor import PHONE, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
LOOKS: list[dict[str, Any]] = [
    {"size": size, "theme": theme, "language": language}
    for size in (WIDE, PHONE)
    for theme, language in (("light", "en"), ("dark", "de"))
]
# looks and patience of seconds, and no audits: what nobody has proven stays so
_PACE: Final = {"look_seconds": 1.0, "settle_seconds": 2.0, "audit_requests": 0}
_SECONDS: Final = 60.0
_AWAY_SECONDS: Final = 7_200
_PRESS: Final = "document.querySelector('[data-matter=BACKUP_STUCK] button:enabled')?.click()"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A circle of three that sees within seconds who is away; either of two keepers is enough for a file."""
    async with stage(tmp_path_factory.mktemp("circle"), 3, store=_PACE) as made:
        yield made


def matter(page: Page, reason: str) -> Locator:
    """What is told of a matter that wants attention, with what helps in it."""
    return page.locator(f'[data-matter="{reason}"]')


async def test_home_says_what_everything_survives(home: Stage) -> None:
    await home.made.owners[0].api.put("/notes/first.txt", b"the first words")
    async with home.enter() as visitor:
        heading = visitor.page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("Your file survives the loss of any device.")
        await home.made.owners[0].api.put("/notes/second.txt", b"and more of them")
        await expect(heading).to_have_text("All 2 files survive the loss of any device.")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['size'][0]}-{look['theme']}")
async def test_every_look_of_home(home: Stage, look: dict[str, Any]) -> None:
    async with home.visit(**look) as visitor:
        await visitor.open()
        await expect(visitor.page.locator("input[type=password]")).to_be_focused()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("unlock")
        await visitor.login(home.made.passphrase)
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await expect(visitor.page.locator("section.card").first).to_be_visible()
        await visitor.accessible()
        await visitor.fits()
        await visitor.screen("home")


async def test_a_wrong_passphrase_is_told_at_the_field(home: Stage) -> None:
    async with home.visit() as visitor:
        await visitor.open()
        await visitor.page.locator("input[type=password]").fill("not the passphrase")
        await visitor.page.keyboard.press("Enter")
        alert = visitor.page.get_by_role("alert")
        await expect(alert).to_contain_text("That is not the passphrase.")
        await visitor.screen("unlock-wrong")


async def test_an_address_that_leads_nowhere(home: Stage) -> None:
    async with home.enter("/no/such/place") as visitor:
        await expect(visitor.page.get_by_role("heading")).to_have_text("There is nothing here")
        await visitor.accessible()
        await visitor.screen("missing")
        await visitor.page.get_by_role("link", name="Go to Home").click()
        await expect(visitor.page).to_have_url(re.compile("/$"))


async def test_a_session_that_ends_asks_for_the_passphrase_where_one_was(home: Stage) -> None:
    async with home.enter("/") as visitor:
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await visitor.page.context.clear_cookies()
        await visitor.page.reload()
        await expect(visitor.page.locator("input[type=password]")).to_be_visible()


async def test_what_was_never_audited_is_drawn_hollow_and_said_so(home: Stage) -> None:
    await home.made.owners[0].api.put("/notes/unproven.txt", b"nobody has read this")
    async with home.enter() as visitor:
        page = visitor.page
        await expect(page.locator("svg.ring .arc.unproven")).to_have_count(2)
        await expect(page.locator("svg.ring .arc.unproven").first).to_have_css("fill", "none")
        await expect(page.get_by_text("2 not proven yet; that comes by itself")).to_be_visible()
        await expect(page.get_by_text("not yet; the first comes by itself")).to_be_visible()
        await visitor.open("/circle")
        await expect(page.get_by_text("2 not proven yet; that comes by itself")).to_be_visible()
        await expect(page.get_by_text("Last audit: not yet; the first comes by itself")).to_have_count(2)


async def test_a_keeper_that_is_away_puts_files_at_risk_and_a_repair_is_offered(home: Stage) -> None:
    keeper = home.made.owners[1]
    await home.made.owners[0].api.put("/notes/at risk.txt", b"with both others")
    async with home.enter() as visitor:
        page = visitor.page
        await keeper.device.kill()
        risk = matter(page, "FILES_AT_RISK")
        await expect(risk).to_contain_text("would not survive the loss of one more device.")
        await expect(page.get_by_role("button", name="Back up now")).to_have_count(0)
        await expect(page.locator("svg.ring .arc.gone")).to_have_count(1)
        await expect(page.get_by_text(re.compile("repairs? (is|are) under way"))).to_be_visible()
        await risk.get_by_role("button", name="Repair now").click()
        await expect(risk.get_by_role("status")).to_contain_text(
            "it goes on as soon as a member is back or another one joins."
        )
        await visitor.accessible()
        await visitor.screen("home-at-risk")
        await keeper.device.start()
        await expect(page.get_by_text("Nothing needs your attention.")).to_be_visible()


async def test_a_cloud_that_is_away_holds_up_the_backup_and_a_backup_is_offered(home: Stage) -> None:
    api = home.made.owners[0].api
    await api.backed_up()
    async with home.enter() as visitor:
        page = visitor.page
        await home.made.cloud.kill()
        await api.put("/while the cloud is away", os.urandom(1_000))
        stuck = matter(page, "BACKUP_STUCK")
        await expect(stuck).to_contain_text("The backup does not go on.")
        await expect(stuck).to_contain_text("The cloud does not answer.")
        await expect(page.get_by_role("button", name="Repair now")).to_have_count(0)
        await stuck.get_by_role("button", name="Back up now").click()
        await expect(stuck.get_by_role("alert")).to_contain_text("The cloud does not answer.")
        await visitor.accessible()
        await visitor.screen("home-stuck")
        await home.made.cloud.start()

        async def over() -> bool | None:
            await page.evaluate(_PRESS)  # until the device has found the way to the cloud again
            return None if await stuck.count() else True

        await until(over, _SECONDS, "end of the matter")
        await expect(page.get_by_text("Nothing needs your attention.")).to_be_visible()
    assert (await api.backup())["problem"] == ""


async def test_a_member_that_is_away_long_is_a_link_to_its_sheet(home: Stage) -> None:
    """That somebody is away is a matter after an hour: its answer is given the device's words."""
    name = home.made.owners[1].device.name

    async def away(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        (member,) = [one for one in told["members"] if one["name"] == name]
        member |= {"reason": "MEMBER_AWAY", "away_since": member["heard"] - _AWAY_SECONDS}
        matters = [{"reason": "MEMBER_AWAY", "words": "away", "next_step": "", "member": name}]
        await route.fulfill(response=answer, json=told | {"attention": matters})

    async with home.enter("/trash") as visitor:
        page = visitor.page
        await page.route("**/api/v1/circle/members", away)
        await visitor.open()
        await expect(matter(page, "MEMBER_AWAY")).to_contain_text(f"{name} has been away since")
        await expect(matter(page, "MEMBER_AWAY").get_by_role("button")).to_have_count(0)
        await visitor.screen("home-away")
        await matter(page, "MEMBER_AWAY").get_by_role("link", name=f"More on {name}").click()
        sheet = page.get_by_role("dialog", name=name)
        await expect(sheet).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()
        await expect(page).to_have_url(re.compile("/circle$"))


async def test_work_is_told_in_the_language_of_the_page(home: Stage) -> None:
    """The device's own words for what it does are English."""
    closing = "Closing the backup of the old words"
    async with home.made.owners[0].device.connect("metadata") as channel:
        works = OperationServiceStub(channel)
        for kind, phase in (("rotate", closing), ("check", "asking the keepers"), ("unheard of", "humming")):
            begun = await works.StartOperation(StartOperationRequest(kind=kind))
            now = Operation(
                operation_id=begun.operation.operation_id, state=OPERATION_STATE_RUNNING, phase=phase
            )
            await works.AdvanceOperation(AdvanceOperationRequest(operation=now))
    async with home.enter(language="de") as visitor:
        page = visitor.page
        card = page.locator("section.card").filter(has=page.get_by_role("heading", name="In Arbeit"))
        await expect(card).to_contain_text("Neue Wiederherstellungswörter werden in Kraft gesetzt")
        await expect(card).to_contain_text("Die Sicherung der alten Wörter wird geschlossen.")
        await expect(card).to_contain_text("Deine Dateien werden geprüft")
        await expect(card).to_contain_text("Das Gerät arbeitet")
        for english in (closing, "asking the keepers", "humming"):
            await expect(card).not_to_contain_text(english)
        await visitor.accessible()
        await visitor.screen("home-work")
