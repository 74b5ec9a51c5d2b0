"""Second factors, from their enrolment to their loss; challenges, and what they can become."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from piccolo.vault.v1 import key_pb2
from piccolo_formats.client_seal import Purpose

from piccolo_gateway.config import LimitsConfig
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.fakes.keys import WORDS
from piccolo_gateway.tests.proving import (
    App,
    SetClock,
    challenged,
    prove,
    with_app,
    with_passkey,
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    made = SetClock()
    monkeypatch.setattr("piccolo_gateway.__main__.time", made)
    return made


async def test_an_app_is_enrolled_and_asked_for(world: World, clock: SetClock) -> None:
    _, made = await world.json("POST", "/factors/totp", json={"name": "phone"})
    asked = parse_qs(urlsplit(made["uri"]).query)
    assert asked["secret"] == [made["secret"]]
    assert asked["issuer"] == ["Piccolo"]
    assert made["qr"].startswith("<svg")
    async with world.stranger() as other:
        await other.client.log_in()  # an app that showed no code changes nothing
        status, problem = await world.json(
            "POST", "/factors/totp/confirm", json={"enrolment": made["enrolment"], "code": "000000"}
        )
        assert (status, problem["reason"]) == (400, "CODE_WRONG")
        app = App(made["secret"], clock)
        first = app.code()
        body = {"enrolment": made["enrolment"], "code": f"{first[:3]} {first[3:]}"}
        status, factor = await world.json("POST", "/factors/totp/confirm", json=body)
        assert (status, factor["kind"], factor["name"]) == (201, "totp", "phone")
        assert (await world.json("POST", "/factors/totp/confirm", json=body))[1]["reason"] == "ENROLMENT_OVER"
        assert (await other.json("GET", "/directories"))[0] == 401  # sessions of one factor end
        challenge = await challenged(other)
        assert challenge["methods"] == ["totp", "words"]
        assert challenge["passkey"] is None
        assert (await other.json("GET", "/directories"))[0] == 401  # a challenge is no session
        status, problem = await prove(other, challenge, code=first)
        assert (status, problem["reason"]) == (401, "FACTOR_WRONG")  # it was used at the enrolment
        code = app.code()
        assert (await prove(other, challenge, code=code))[0] == 201
        assert (await other.json("GET", "/directories"))[0] == 200
        again = await challenged(other)
        assert (await prove(other, again, code=code))[1]["reason"] == "FACTOR_WRONG"
    noted = [(one.action, one.subject, one.outcome) for one in world.fakes.audit.events]
    assert ("factor.add", "totp phone", "ok") in noted
    assert ("session.prove", "totp", "FACTOR_WRONG") in noted
    assert ("session.prove", "totp", "ok") in noted


async def test_that_a_code_was_used_is_kept_before_anybody_is_let_in(world: World, clock: SetClock) -> None:
    app = await with_app(world, clock)
    (key,) = [key for key in world.fakes.state.values if key[1].startswith("factor/")]
    before = world.fakes.state.values[key]
    async with world.stranger() as other:
        code = app.code()
        assert (await prove(other, await challenged(other), code=code))[0] == 201
        assert world.fakes.state.values[key] != before  # what is kept is all that another process has
        assert (await prove(other, await challenged(other), code=code))[0] == 401


async def test_a_factor_whose_use_cannot_be_kept_lets_nobody_in(start: Start, clock: SetClock) -> None:
    async with start(limits=LimitsConfig(answer=0.5)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        app = await with_app(world, clock)
        async with world.stranger() as other:
            challenge = await challenged(other)
            await world.fakes.stop("metadata")
            assert (await prove(other, challenge, code=app.code()))[0] == 503
            body = {"passphrase": await other.sealed(Purpose.PASSPHRASE, PASSPHRASE)}
            assert (await other.json("POST", "/sessions", json=body))[0] == 503


async def test_nothing_is_opened_before_the_second_factor(world: World, clock: SetClock) -> None:
    app = await with_app(world, clock)
    world.fakes.keys.state = key_pb2.KEY_STATE_LOCKED
    async with world.stranger() as other:
        challenge = await challenged(other)
        assert world.fakes.keys.state == key_pb2.KEY_STATE_LOCKED
        assert (await prove(other, challenge, code="000000"))[0] == 401
        assert world.fakes.keys.state == key_pb2.KEY_STATE_LOCKED
        assert (await prove(other, challenge, code=app.code()))[0] == 201
        assert world.fakes.keys.state == key_pb2.KEY_STATE_UNLOCKED
        world.fakes.keys.state = key_pb2.KEY_STATE_LOCKED
        assert (await prove(other, await challenged(other, unlock=False), code=app.code()))[0] == 201
        assert world.fakes.keys.state == key_pb2.KEY_STATE_LOCKED


async def test_a_challenge_ends_after_five_tries_and_with_its_answer(world: World, clock: SetClock) -> None:
    app = await with_app(world, clock)
    async with world.stranger() as other:
        challenge = await challenged(other)
        for _ in range(5):
            assert (await prove(other, challenge, recovery_code="none"))[1]["reason"] == "PROOF_INVALID"
        assert (await prove(other, challenge, code=app.code()))[1]["reason"] == "CHALLENGE_OVER"
        challenge = await challenged(other)
        assert (await prove(other, challenge, code=app.code()))[0] == 201
        assert (await prove(other, challenge, words=await other.sealed(Purpose.WORDS, WORDS)))[0] == 401
        challenge = await challenged(other)
        for wrong in ({}, {"code": "123456", "recovery_code": "x"}, {"passphrase": "A" * 64}):
            assert (await prove(other, challenge, **wrong))[1]["reason"] == "PROOF_INVALID"


async def test_a_challenge_of_before_another_passphrase_is_worth_nothing(
    world: World, clock: SetClock
) -> None:
    app = await with_app(world, clock)
    async with world.stranger() as other:
        challenge = await challenged(other)
        body = {
            "old_passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE),
            "new_passphrase": await world.sealed(Purpose.NEW_PASSPHRASE, "another one"),
        }
        assert (await world.json("POST", "/passphrase", json=body))[0] == 200
        assert (await prove(other, challenge, code=app.code()))[1]["reason"] == "CHALLENGE_OVER"


async def test_recovery_codes_are_good_once_and_kept_as_hashes(world: World, clock: SetClock) -> None:
    assert (await world.json("POST", "/factors/recovery-codes"))[1]["reason"] == "NO_FACTOR"
    await with_app(world, clock)
    _, made = await world.json("POST", "/factors/recovery-codes")
    codes = made["codes"]
    assert len(set(codes)) == 10
    kept = b"".join(world.fakes.state.values.values())
    assert not any(code.encode() in kept or code.replace("-", "").encode() in kept for code in codes)
    async with world.stranger() as other:
        challenge = await challenged(other)
        assert challenge["methods"] == ["totp", "recovery-code", "words"]
        assert (await prove(other, challenge, recovery_code=codes[0].upper().replace("-", " ")))[0] == 201
        assert (await prove(other, await challenged(other), recovery_code=codes[0]))[0] == 401
        assert (await other.json("GET", "/factors"))[1]["recovery_codes_left"] == 9
        _, newer = await other.json("POST", "/factors/recovery-codes")
        challenge = await challenged(other)
        assert (await prove(other, challenge, recovery_code=codes[1]))[0] == 401
        assert (await prove(other, challenge, recovery_code=newer["codes"][1]))[0] == 201


async def test_the_words_stand_in_for_a_lost_factor(world: World, clock: SetClock) -> None:
    await with_app(world, clock)
    async with world.stranger() as other:
        challenge = await challenged(other)
        foreign = await other.sealed(Purpose.WORDS, "another owner's words")
        assert (await prove(other, challenge, words=foreign))[1]["reason"] == "FACTOR_WRONG"
        assert (await prove(other, challenge, words=await other.sealed(Purpose.WORDS, WORDS)))[0] == 201


async def test_whoever_recovers_is_not_asked_for_what_burned(world: World, clock: SetClock) -> None:
    await with_app(world, clock)
    backup = dict(world.fakes.state.values)
    world.fakes.keys.state = key_pb2.KEY_STATE_EMPTY
    async with world.stranger() as other:
        body = {
            "words": await other.sealed(Purpose.WORDS, WORDS),
            "passphrase": await other.sealed(Purpose.PASSPHRASE, PASSPHRASE),
        }
        assert (await other.json("POST", "/recovery", json=body))[0] == 202
        world.fakes.state.values.update(backup)
        async with world.stranger() as third:
            await challenged(third)  # the factors are in the backup, and hold for everybody else
        await other.client.log_in()
        (factor,) = (await other.json("GET", "/factors"))[1]["factors"]
        assert (await other.json("DELETE", f"/factors/{factor['factor_id']}"))[0] == 204


async def test_factors_are_renamed_and_removed_and_the_last_takes_the_codes_along(
    world: World, clock: SetClock
) -> None:
    await with_app(world, clock)
    clock.pass_(1)
    await with_passkey(world)
    await world.json("POST", "/factors/recovery-codes")
    _, known = await world.json("GET", "/factors")
    assert [one["kind"] for one in known["factors"]] == ["totp", "passkey"]
    first, second = [one["factor_id"] for one in known["factors"]]
    assert (await world.json("PATCH", f"/factors/{first}", json={"name": "old phone"}))[1][
        "name"
    ] == "old phone"
    assert (await world.json("DELETE", f"/factors/{first}"))[0] == 204
    assert (await world.json("DELETE", f"/factors/{first}"))[0] == 404
    assert (await world.json("GET", "/factors"))[1]["recovery_codes_left"] == 10
    assert (await world.json("DELETE", f"/factors/{second}"))[0] == 204
    assert (await world.json("GET", "/factors"))[1]["recovery_codes_left"] == 0
    assert not [key for key in world.fakes.state.values if key[1] == "recovery-codes"]
    async with world.stranger() as other:
        await other.client.log_in()


async def test_a_factor_that_cannot_be_read_still_wants_a_factor_and_can_be_removed(world: World) -> None:
    world.fakes.state.values["gateway", "factor/0011223344556677"] = b"\xff not JSON"
    async with world.stranger() as other:
        challenge = await challenged(other)
        assert challenge["methods"] == ["words"]
        assert (await prove(other, challenge, words=await other.sealed(Purpose.WORDS, WORDS)))[0] == 201
        (shown,) = (await other.json("GET", "/factors"))[1]["factors"]
        assert shown["kind"] == "unreadable"
        assert (await other.json("PATCH", f"/factors/{shown['factor_id']}", json={"name": "x"}))[0] == 409
        assert (await other.json("DELETE", f"/factors/{shown['factor_id']}"))[0] == 204
        await other.client.log_in()


async def test_another_owner_has_no_factor_of_the_one_before(world: World, clock: SetClock) -> None:
    await with_app(world, clock)
    world.fakes.keys.state = key_pb2.KEY_STATE_UNCONFIRMED
    async with world.stranger() as other:
        await other.client.set_up()
    assert not [key for key in world.fakes.state.values if key[1].startswith("factor/")]
