"""Passkeys at a login: where they work, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from piccolo_gateway.tests.authenticator import Authenticator
from piccolo_gateway.tests.conftest import World
from piccolo_gateway.tests.proving import (
    SetClock,
    challenged,
    key_challenge,
    named,
    prove,
    with_passkey,
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    made = SetClock()
    monkeypatch.setattr("piccolo_gateway.__main__.time", made)
    return made


async def test_a_passkey_is_made_and_used(world: World) -> None:
    key = await with_passkey(world)
    async with key_challenge(world) as (other, challenge):
        assert challenge["methods"] == ["passkey", "words"]
        assert challenge["passkey"]["rpId"] == "piccolo.local"
        shown = key.get(challenge["passkey"])
        assert (await prove(other, challenge, passkey=shown))[0] == 201
        again = await challenged(other, headers={"Host": "piccolo.local"})
        assert (await prove(other, again, passkey=shown))[1]["reason"] == "FACTOR_WRONG"  # another challenge


async def test_a_passkey_has_one_try_a_challenge(world: World) -> None:
    key = await with_passkey(world)
    async with key_challenge(world) as (other, challenge):
        right = key.get(challenge["passkey"])
        wrong = {**right, "response": {**right["response"], "signature": "AAAA"}}
        assert (await prove(other, challenge, passkey=wrong))[1]["reason"] == "FACTOR_WRONG"
        assert (await prove(other, challenge, passkey=right))[1]["reason"] == "CHALLENGE_OVER"


async def test_a_copy_of_a_passkey_is_found_by_its_count(world: World) -> None:
    key = await with_passkey(world)
    async with key_challenge(world) as (other, challenge):
        key.count = 7
        assert (await prove(other, challenge, passkey=key.get(challenge["passkey"])))[0] == 201
    async with key_challenge(world) as (other, challenge):
        key.count = 3
        assert (await prove(other, challenge, passkey=key.get(challenge["passkey"])))[0] == 401


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://piccolo.local", "https://piccolo.local:1"]
)
async def test_another_sites_assertion_is_worth_nothing(world: World, origin: str) -> None:
    key = await with_passkey(world)
    async with key_challenge(world) as (other, challenge):
        key.origin = origin
        assert (await prove(other, challenge, passkey=key.get(challenge["passkey"])))[0] == 401


async def test_a_passkey_works_at_its_own_name_only(world: World) -> None:
    await with_passkey(world, "piccolo.local:8443")
    async with key_challenge(world, "localhost") as (_, challenge):
        assert challenge["methods"] == ["words"]
        assert challenge["passkey"] is None


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:443", "evil.example", "piccolo.local.evil.example"])
async def test_no_passkey_at_an_address_or_a_foreign_name(world: World, host: str) -> None:
    status, problem = await named(world, "POST", "/factors/passkey", host, {"name": "key"})
    assert (status, problem["reason"]) == (409, "PASSKEY_HOST")
    assert "piccolo.local" in problem["detail"]
    assert not (await named(world, "GET", "/factors", host, None))[1]["passkeys_here"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made["response"].update(attestationObject="AAAA"),
        lambda made: made["response"].update(clientDataJSON="e30"),
        lambda made: made.update(id="AAAA"),
    ],
)
async def test_what_is_no_passkey_is_refused_in_words(world: World, spoil: Any) -> None:
    _, begun = await named(world, "POST", "/factors/passkey", "piccolo.local", {"name": "key"})
    made = Authenticator("https://piccolo.local").create(begun["options"])
    spoil(made)
    body = {"enrolment": begun["enrolment"], "passkey": made}
    status, problem = await world.json("POST", "/factors/passkey/confirm", json=body)
    assert (status, problem["reason"]) == (400, "PASSKEY_INVALID")
    status, problem = await world.json("POST", "/factors/passkey/confirm", json=body)
    assert (status, problem["reason"]) == (409, "ENROLMENT_OVER")  # its challenge has one try
