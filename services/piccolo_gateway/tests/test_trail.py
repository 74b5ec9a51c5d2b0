"""What strangers can write into the audit log, which is never trimmed: what the owner must know."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats.client_seal import Purpose

from piccolo_gateway.core.seldom import Rate
from piccolo_gateway.engine.shares import AT_ONCE
from piccolo_gateway.tests.conftest import PASSPHRASE, World
from piccolo_gateway.tests.test_shares import begun, make, read


def noted(world: World, since: int = 0) -> Counter[tuple[str, str, str]]:
    return Counter((one.actor, one.action, one.outcome) for one in world.fakes.audit.events[since:])


async def test_a_stranger_without_a_guess_writes_nothing(world: World) -> None:
    before = len(world.fakes.audit.events)
    told: list[tuple[str, dict[str, Any]]] = [
        ("/sessions", {}),
        ("/sessions", {"passphrase": "A" * 64}),
        ("/sessions/second-factor", {}),
        ("/sessions/second-factor", {"challenge": "a" * 32, "code": "123456"}),
        ("/setup", {"a": 1}),
        ("/setup", {"passphrase": await world.sealed(Purpose.PASSPHRASE, "x"), "reply_key": "A" * 43 + "="}),
        ("/setup/confirm", {"words": await world.sealed(Purpose.CONFIRMATION, "x")}),
        ("/recovery", {"words": "A" * 64, "passphrase": "A" * 64}),
        (f"/shared/{'A' * 32}/downloads", {"a": 1}),
        (f"/shared/{'A' * 32}/downloads", {}),
        (f"/shared/{'A' * 32}", {}),
    ]
    async with world.stranger() as stranger:
        for path, body in told:
            assert (await stranger.json("POST", path, json=body))[0] >= 400, path
        async with stranger.request("POST", "/s/AAAA", data=b"x" * 5000) as response:
            assert response.status == 413
    assert not noted(world, before)


async def test_what_was_guessed_and_what_was_done_is_written(world: World) -> None:
    before = len(world.fakes.audit.events)
    async with world.stranger() as stranger:
        for text in ("wrong", PASSPHRASE):
            world.fakes.keys.delay = 0.0
            body = {"passphrase": await stranger.sealed(Purpose.PASSPHRASE, text)}
            await stranger.json("POST", "/sessions", json=body)
    assert noted(world, before) == {
        ("anonymous", "session.login", "PASSPHRASE_WRONG"): 1,
        ("owner", "session.login", "ok"): 1,
    }


async def test_an_owner_s_failures_are_written(world: World) -> None:
    await world.json("POST", "/circle", json={"a": 1})
    assert noted(world)["owner", "circle.found", "BODY_INVALID"] == 1


async def test_guesses_of_a_link_s_password_are_written(world: World) -> None:
    await world.client.put("/f", b"1")
    made = await make(world, "/f", password="secret")
    before = len(world.fakes.audit.events)
    async with world.stranger() as stranger:
        for password in ("", "no", "secret"):
            await stranger.json("POST", f"/shared/{made['secret']}", json={"password": password})
    wrong = noted(world, before)
    assert list(wrong.values()) == [2]
    ((actor, _, outcome),) = wrong
    assert (actor, outcome) == (f"share:{made['share_id']}", "SHARE_PASSWORD_WRONG")


async def test_a_download_is_written_under_the_name_of_the_day(world: World) -> None:
    await world.client.put("/f", b"1")
    made = await make(world, "/f")
    await world.json("POST", "/move", json={"source": "/f", "destination": "/g"})
    before = len(world.fakes.audit.events)
    async with world.stranger() as visitor:
        address = await begun(visitor, made["secret"])
        await world.json("POST", "/move", json={"source": "/g", "destination": "/h"})
        for _ in range(3):
            assert (await read(visitor, address))[:2] == (200, b"1")
    told = [(one.actor, one.action, one.subject) for one in world.fakes.audit.events[before:]]
    share = f"share:{made['share_id']}"
    assert told == [(share, "share.download", "/g"), (share, "share.content", "/h")]


async def test_a_link_is_not_followed_without_end_at_once(world: World) -> None:
    await world.client.put("/f", b"1")
    made, other = await make(world, "/f"), await make(world, "/f")
    before = len(world.fakes.audit.events)
    async with world.stranger() as visitor:
        for _ in range(AT_ONCE):
            await begun(visitor, made["secret"])
        for _ in range(20):
            status, problem = await visitor.json("POST", f"/shared/{made['secret']}/downloads", json={})
            assert (status, problem["reason"]) == (429, "SHARE_BUSY")
        async with visitor.request(
            "POST", f"/s/{made['secret']}", headers={"Accept": "text/html", "Accept-Language": "de"}
        ) as response:
            assert response.status == 429
            assert "Sekunde" in await response.text()
        await begun(visitor, other["secret"])
    assert sum(noted(world, before).values()) == AT_ONCE + 1


@given(st.integers(1, 5), st.lists(st.floats(0, 50), max_size=60))
def test_a_rate_lets_so_many_pass_and_no_more(most: int, pauses: list[float]) -> None:
    rate, now, passed = Rate(most, 10.0), 0.0, []
    for pause in pauses:
        now += pause
        wait = rate.spend("a", now)
        if not wait:
            passed.append(now)
        else:
            assert 0 < wait <= 10.0
            assert not Rate(most, 10.0).spend("a", now)
    for begin in passed:
        for end in (one for one in passed if one >= begin):
            count = sum(begin <= one <= end for one in passed)
            assert count <= most + (end - begin) / 10.0 + 1e-6
