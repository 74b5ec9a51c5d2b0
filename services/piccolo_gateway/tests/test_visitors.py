"""Who comes in by a session: named coarsely, and seen by the owner."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_gateway.core.access import EVERYTHING
from piccolo_gateway.core.sessions import Lifetimes, Sessions
from piccolo_gateway.core.visitors import Visitor, visitor
from piccolo_gateway.tests.conftest import World

_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
FIREFOX = f"{_WINDOWS}; rv:133.0) Gecko/20100101 Firefox/133.0"


@pytest.mark.parametrize(
    ("agent", "browser", "system"),
    [
        (FIREFOX, "Firefox", "Windows"),
        (f"{_WINDOWS}) {_CHROME} Safari/537.36 Edg/131.0.0.0", "Edge", "Windows"),
        (f"{_WINDOWS}) {_CHROME} Safari/537.36 OPR/116.0", "Opera", "Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME} Safari/537.36", "Chrome", "Linux"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_CHROME} Safari/537.36", "Chrome", "ChromeOS"),
        (f"Mozilla/5.0 (Linux; Android 14; SM-S911B) {_CHROME} Mobile Safari/537.36", "Chrome", "Android"),
        (
            f"Mozilla/5.0 (Linux; Android 14) SamsungBrowser/26.0 {_CHROME} Safari/537.36",
            *("Samsung Internet", "Android"),
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_APPLE} Version/18.1 Safari/604.1",
            *("Safari", "iPhone"),
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {_APPLE} FxiOS/133.0 Safari/605.1.15",
            *("Firefox", "iPad"),
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/18.1 Safari/605.1.15",
            *("Safari", "macOS"),
        ),
        ("curl/8.11.0", "curl", ""),
        ("Python/3.11 aiohttp/3.11", "Python", ""),
        ("", "", ""),
        ("something nobody knows", "", ""),
    ],
)
def test_browsers_and_systems_are_named_coarsely(agent: str, browser: str, system: str) -> None:
    assert visitor("192.0.2.1", agent) == Visitor("192.0.2.1", browser, system)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("192.168.1.20", "192.168.1.20"),
        ("::ffff:192.168.1.20", "192.168.1.20"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_addresses_are_shown_as_people_know_them(address: str, shown: str) -> None:
    assert visitor(address, "").address == shown


@given(st.text(max_size=200))
def test_nothing_of_what_a_stranger_writes_is_told(agent: str) -> None:
    told = visitor("192.0.2.1", agent)
    assert len(told.browser) <= 16
    assert len(told.system) <= 8
    assert told == visitor("192.0.2.1", agent)


def test_a_session_knows_who_used_it_last() -> None:
    book = Sessions(Lifetimes(idle=100, absolute=1000, most=3), random.Random(1).randbytes)
    home, away = Visitor("192.168.1.20", "Firefox", "Windows"), Visitor("192.0.2.9", "Chrome", "Android")
    secret, made = book.begin(EVERYTHING, 0, 0.0, home)
    assert made.visitor == home
    found = book.find(secret, 1, 1.0, away)
    assert found
    assert found.visitor == away
    renewed = book.renew(found.session_id, 2, 2.0, home)
    assert renewed
    assert renewed[1].visitor == home


async def test_sessions_are_told_apart(world: World) -> None:
    """What is shown is of the last use: a cookie that was stolen shows where it is used."""
    async with world.stranger() as other:
        await other.client.log_in()
        _, told = await other.json("GET", "/sessions", headers={"User-Agent": FIREFOX})
        latest, first = told["sessions"]
        assert (latest["address"], latest["browser"], latest["system"]) == ("127.0.0.1", "Firefox", "Windows")
        assert latest["current"]
        assert (first["address"], first["browser"], first["current"]) == ("127.0.0.1", "Python", False)
        assert "133.0" not in str(told)
        await world.json("GET", "/directories", headers={"User-Agent": "curl/8.11.0"})
        _, told = await other.json("GET", "/sessions")
        assert [one["browser"] for one in told["sessions"]] == ["Python", "curl"]


async def test_a_login_tells_by_what_it_began(world: World) -> None:
    async with world.stranger() as other:
        other.http.headers["User-Agent"] = FIREFOX
        await other.client.log_in()
    _, told = await world.json("GET", "/sessions")
    assert [one["browser"] for one in told["sessions"]] == ["Firefox", "Python"]


async def test_all_other_sessions_end_at_once(world: World) -> None:
    async with world.stranger() as one, world.stranger() as two:
        await one.client.log_in()
        await two.client.log_in()
        assert (await one.json("DELETE", "/sessions"))[0] == 204
        assert (await world.json("GET", "/directories"))[0] == 401
        assert (await two.json("GET", "/directories"))[0] == 401
        assert (await one.json("GET", "/directories"))[0] == 200
        _, told = await one.json("GET", "/sessions")
        assert [known["current"] for known in told["sessions"]] == [True]
    assert [
        (event.actor, event.subject) for event in world.fakes.audit.events if event.action == "session.end"
    ] == [("owner", "others")]


async def test_a_token_ends_every_session(world: World) -> None:
    secret = await world.client.make_token("robot", "admin")
    async with world.stranger(secret) as robot:
        assert (await robot.json("DELETE", "/sessions"))[0] == 204
        assert (await robot.json("GET", "/directories"))[0] == 200
    assert (await world.json("GET", "/directories"))[0] == 401
