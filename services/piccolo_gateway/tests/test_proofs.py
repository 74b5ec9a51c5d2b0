"""Fresh proofs, and how guessing is slowed."""

from __future__ import annotations

import pytest
from piccolo_formats.client_seal import Purpose

from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.proving import (
    App,
    SetClock,
    challenged,
    key_challenge,
    prove,
    with_app,
    with_passkey,
)
from piccolo_gateway.tests.test_access import concrete, told


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    made = SetClock()
    monkeypatch.setattr("piccolo_gateway.__main__.time", made)
    return made


async def test_a_fresh_proof_gives_the_session_another_secret(start: Start, clock: SetClock) -> None:
    async with start() as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        before, (mine,) = world.cookie(), (await world.json("GET", "/sessions"))[1]["sessions"]
        status, challenge = await world.json("POST", "/sessions/proof")
        assert (status, challenge["methods"]) == (202, ["passphrase"])
        sealed = await world.sealed(Purpose.PASSPHRASE, "wrong")
        assert (await prove(world, challenge, passphrase=sealed))[1]["reason"] == "PASSPHRASE_WRONG"
        world.fakes.keys.delay = 0.0
        sealed = await world.sealed(Purpose.PASSPHRASE, PASSPHRASE)
        status, session = await prove(world, challenge, passphrase=sealed)
        assert (status, session["session_id"], session["fresh"]) == (201, mine["session_id"], True)
        assert world.cookie() != before
        old = before.removeprefix("Cookie: ").strip()
        async with world.stranger() as thief:
            status, problem = await thief.json("GET", "/directories", headers={"Cookie": old})
            assert (status, problem["reason"]) == (401, "SESSION_ENDED")
        app = await with_app(world, clock)
        _, challenge = await world.json("POST", "/sessions/proof")
        assert challenge["methods"] == ["totp", "words"]  # the passphrase is no fresh proof any more
        assert (await prove(world, challenge, code=app.code()))[0] == 201


async def test_a_login_ends_the_session_that_came_with_it(world: World) -> None:
    before = world.cookie().removeprefix("Cookie: ").strip()
    await world.client.log_in()
    assert world.cookie().removeprefix("Cookie: ").strip() != before
    async with world.stranger() as thief:
        assert (await thief.json("GET", "/directories", headers={"Cookie": before}))[0] == 401
        chosen = {"Cookie": f"__Host-piccolo={'0' * 64}"}
        body = {"passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE)}
        async with thief.request("POST", "/api/v1/sessions", json=body, headers=chosen) as response:
            assert "0" * 64 not in response.headers["Set-Cookie"]
    async with world.stranger() as thief:
        assert (await thief.json("GET", "/directories", headers=chosen))[0] == 401


async def test_what_would_let_a_thief_stay_wants_a_proof_of_the_last_minutes(
    world: World, clock: SetClock
) -> None:
    async def reasons() -> set[str]:
        found = set()
        for method, path, scope, fresh in await told(world):
            if fresh:
                assert scope == "admin", path
                status, problem = await world.json(method, concrete(path).removeprefix("/api/v1"))
                found.add(problem["reason"] if problem and status >= 400 else "")
        return found

    clock.pass_(600)
    assert "PROOF_NEEDED" not in await reasons()
    clock.pass_(1)
    assert await reasons() == {"PROOF_NEEDED"}
    assert not (await world.json("GET", "/sessions"))[1]["sessions"][0]["fresh"]
    _, challenge = await world.json("POST", "/sessions/proof")
    sealed = await world.sealed(Purpose.PASSPHRASE, PASSPHRASE)
    assert (await prove(world, challenge, passphrase=sealed))[0] == 201
    assert "PROOF_NEEDED" not in await reasons()


async def test_a_challenge_and_an_enrolment_end_with_their_time(world: World, clock: SetClock) -> None:
    _, made = await world.json("POST", "/factors/totp", json={"name": "phone"})
    app = App(made["secret"], clock)
    clock.pass_(600)
    body = {"enrolment": made["enrolment"], "code": app.code()}
    await world.client.log_in()
    assert (await world.json("POST", "/factors/totp/confirm", json=body))[1]["reason"] == "ENROLMENT_OVER"
    app = await with_app(world, clock)
    async with world.stranger() as other:
        challenge = await challenged(other)
        clock.pass_(301)
        assert (await prove(other, challenge, code=app.code()))[1]["reason"] == "CHALLENGE_OVER"


async def test_guessing_digits_is_slowed_and_keeps_nobody_out(world: World, clock: SetClock) -> None:
    await with_app(world, clock)
    key = await with_passkey(world)
    async with world.stranger() as thief:
        reasons = []
        for _ in range(2):  # the account's wait comes from five failures, the address's likewise
            challenge = await challenged(thief, headers={"Host": "piccolo.local"})
            for _ in range(5):
                reasons.append((await prove(thief, challenge, code="000000"))[1]["reason"])
                clock.pass_(3)
            clock.pass_(30)
        assert reasons[:6] == ["FACTOR_WRONG"] * 6
        assert "TOO_MANY_TRIES" in reasons
    clock.pass_(900)  # the address may try again; what the account waits for concerns digits only
    async with key_challenge(world) as (other, challenge):
        assert (await prove(other, challenge, passkey=key.get(challenge["passkey"])))[0] == 201


async def test_wrong_passphrases_of_one_network_wait_before_the_vault_is_asked(
    world: World, clock: SetClock
) -> None:
    wrong = {"passphrase": await world.sealed(Purpose.PASSPHRASE, "wrong")}
    async with world.stranger() as stranger:
        for _ in range(6):
            assert (await stranger.json("POST", "/sessions", json=wrong))[1]["reason"] == "PASSPHRASE_WRONG"
            world.fakes.keys.delay = 0.0
        async with stranger.request("POST", "/api/v1/sessions", json=wrong) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "2")
            assert (await response.json(content_type=None))["reason"] == "TOO_MANY_TRIES"
        clock.pass_(2)
        await stranger.client.log_in()  # right: all is forgotten
        assert (await stranger.json("POST", "/sessions", json=wrong))[1]["reason"] == "PASSPHRASE_WRONG"


async def test_what_the_vault_does_not_look_at_costs_no_try(world: World) -> None:
    world.fakes.keys.delay = 4.0
    body = {"passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE)}
    async with world.stranger() as stranger:
        for _ in range(10):
            assert (await stranger.json("POST", "/sessions", json=body))[1]["reason"] == "PASSPHRASE_DELAY"
        world.fakes.keys.delay = 0.0
        await stranger.client.log_in()


async def test_a_program_gives_the_proof_that_is_wanted(world: World, clock: SetClock) -> None:
    clock.pass_(601)
    assert await world.client.make_token("robot", "read")
    assert (await world.json("GET", "/sessions"))[1]["sessions"][0]["fresh"]
