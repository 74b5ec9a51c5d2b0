"""What an owner is told of each member: the figures, and a sentence with a next step."""

from __future__ import annotations

import pytest
from piccolo_formats.records.keeping import Notice, NoticeKind

from piccolo_vault.core.circle import Standing
from piccolo_vault.core.storage.attention import Known, Matter, words_for
from piccolo_vault.core.storage.figures import Figures
from piccolo_vault.testing import random_bytes
from piccolo_vault.tests.world import world

NOW, HOUR, DAY = 2_000_000_000, 3_600, 86_400


def notice(kind: NoticeKind) -> Notice:
    return Notice(keeper=bytes(32), owner=bytes(32), kind=kind, until=NOW + 12 * DAY, time=NOW)


def known(**changes: object) -> Known:
    usual: dict[str, object] = {
        "name": "Ana",
        "standing": Standing.ACTIVE,
        "away_since": None,
        "full": False,
        "damaged": 0,
        "notices": (),
        "beyond_bytes": 0,
        "stuck": False,
        "figures": Figures(audited=400, last_audit=NOW),
    }
    return Known(**{**usual, **changes})  # type: ignore[arg-type]


FAILED = Figures(audited=1400, failed=1, last_failure=NOW - DAY)
CASES = [
    ({}, "had all that was read", "", False),
    ({"figures": Figures()}, "nothing of it was checked yet", "", False),
    ({"full": True}, "no room for more", "", False),
    ({"figures": FAILED}, "1 block of the 1,400", "disk may be failing", True),
    ({"figures": Figures(audited=9, failed=1, last_failure=NOW - 40 * DAY)}, "had all", "", False),
    ({"damaged": 3}, "3 fragments of yours damaged", "disk may be failing", True),
    ({"away_since": NOW - 60.0}, "at the moment", "", False),
    ({"away_since": NOW - 5.0 * HOUR}, "for 5 hours", "is on", True),
    ({"away_since": NOW - 3.0 * DAY}, "for 3 days; after 7 days", "is on", True),
    ({"away_since": NOW - 9.0 * DAY}, "for 9 days; what it keeps is rebuilt", "removal", True),
    (
        {"notices": [notice(NoticeKind.EVICT)], "beyond_bytes": 3_200_000_000},
        "needs 3.2 GB back that you borrowed, within 12 days; it is being moved",
        "",
        False,
    ),
    (
        {"notices": [notice(NoticeKind.FULL)], "beyond_bytes": 5_000, "stuck": True},
        "needs 5 kB back",
        "Invite another member",
        True,
    ),
    ({"notices": [notice(NoticeKind.EVICT)]}, "had all that was read", "", False),
    ({"notices": [notice(NoticeKind.LEAVING)]}, "leaving within 12 days", "", False),
    ({"standing": Standing.LEAVING}, "leaving the circle; what it keeps of yours is moved", "", False),
    ({"standing": Standing.LEAVING, "stuck": True}, "nobody else has a place", "Invite", True),
    ({"standing": Standing.EXPELLED}, "removed from the circle", "", False),
    ({"standing": Standing.COMPROMISED}, "cut off as compromised", "24 words", True),
]


@pytest.mark.parametrize(("changes", "words", "next_step", "urgent"), CASES)
def test_the_words(changes: dict[str, object], words: str, next_step: str, urgent: bool) -> None:
    told = words_for(known(**changes), NOW)
    assert words in told.words
    assert told.words.startswith("Ana ")
    assert told.words.endswith(".")
    assert (next_step in told.next_step) if next_step else told.next_step == ""
    assert told.urgent == urgent
    assert (told.matter in {Matter.WELL, Matter.UNCHECKED}) == (" answers" in told.words)


async def test_the_figures_are_those_of_the_members() -> None:
    async with world(4) as here:
        await here.put("/f", random_bytes(700_000))
        here.keepers[3].down = True
        await here.store.maintenance.look_at_all()
        await here.store.care.look()
        reports = await here.store.members()
        assert [each.member.name for each in reports] == [keeper.member.name for keeper in here.keepers]
        first, last = reports[0], reports[3]
        assert first.figures.owner_bytes == sum(kept.size for kept in here.keepers[0].fragments.values())
        assert first.figures.offer_bytes == 2**40
        assert first.figures.availability == 1.0
        assert first.away_since is None
        assert last.figures.availability == 0.0
        assert last.away_since is not None
        assert "does not answer" in last.words.words
