"""Nothing that somebody left on a device before it had an owner outlives its owner's coming."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from ipaddress import IPv6Network
from itertools import islice
from typing import Any

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.client_seal import Purpose
from piccolo_formats.keypairs import SealingKey

from piccolo_gateway.core import tokens
from piccolo_gateway.core.access import Caller
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.engine.claiming import ClaimCode, Claiming
from piccolo_gateway.engine.guesses import Guesses
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.tests.conftest import PASSPHRASE, World
from piccolo_gateway.tests.fakes.keys import ASK, WORDS

EVIL = "evil horse battery staple"


async def begun(world: World) -> None:
    """A setup that is not confirmed, by somebody else, who is logged in."""
    world.client.passphrase = EVIL
    body = {
        "passphrase": await world.sealed(Purpose.PASSPHRASE, EVIL),
        "reply_key": base64.b64encode(SealingKey(secrets.token_bytes(32)).public).decode(),
    }
    assert (await world.json("POST", "/setup", json=body))[0] == 201
    await world.client.log_in()


def plant(world: World) -> tokens.Made:
    """An admin token and a second factor, as if they had been made before."""
    made = tokens.make("planted", [Scope.ADMIN], 0, 0, secrets.token_bytes(40))
    values = world.fakes.state.values
    values["gateway", tokens.KEY + made.record.token_id] = made.record.encode()
    values["gateway", "factor/0011223344556677"] = b"{}"
    return made


async def named(world: World) -> Any:
    _, told = await world.json("GET", "/settings")
    return {one["name"]: one["value"] for one in told["settings"]}["device.name"]


async def test_before_the_words_are_confirmed_nobody_makes_tokens_or_settings(blank: World) -> None:
    async with blank.stranger() as evil:
        await begun(evil)
        for method, path, body in (
            ("POST", "/tokens", {"name": "x", "scopes": ["admin"]}),
            ("PATCH", "/settings", {"values": {"device.name": "mine"}}),
        ):
            status, problem = await evil.json(method, path, json=body)
            assert (status, problem.get("reason")) == (409, "WORDS_UNCONFIRMED"), path
    await blank.client.set_up()
    await blank.client.make_token("mine", "read")
    await blank.client.lock()
    assert (await blank.json("PATCH", "/settings", json={"values": {"device.name": "mine"}}))[0] == 200


async def test_what_was_planted_is_gone_when_the_owner_comes(blank: World) -> None:
    made = plant(blank)
    blank.fakes.settings.values["device.name"] = "evil"
    async with blank.stranger(made.secret) as evil:
        assert (await evil.json("GET", "/tokens"))[0] == 200
        await blank.client.set_up()
        assert (await evil.json("GET", "/tokens"))[0] == 401
    assert await named(blank) == "Piccolo"
    assert not [key for _, key in blank.fakes.state.values if key.startswith(("token/", "factor/"))]


async def test_what_came_between_setup_and_its_confirmation_goes_too(blank: World) -> None:
    async with blank.stranger() as evil:
        await begun(evil)
        made = plant(blank)
        blank.fakes.settings.values["device.name"] = "evil"
    asked = " ".join(WORDS.split()[at - 1] for at in ASK)
    words = await blank.sealed(Purpose.CONFIRMATION, asked)
    assert (await blank.json("POST", "/setup/confirm", json={"words": words}))[0] == 201
    async with blank.stranger(made.secret) as evil:
        assert (await evil.json("GET", "/tokens"))[0] == 401
    assert await named(blank) == "Piccolo"


async def test_a_stranger_who_confirms_a_device_with_an_owner_takes_nothing_away(world: World) -> None:
    secret = await world.client.make_token("mine", "read")
    async with world.stranger() as evil:
        words = await evil.sealed(Purpose.CONFIRMATION, "a b c")
        assert (await evil.json("POST", "/setup/confirm", json={"words": words}))[0] == 409
        body = {
            "words": await evil.sealed(Purpose.WORDS, WORDS),
            "passphrase": await evil.sealed(Purpose.PASSPHRASE, EVIL),
        }
        assert (await evil.json("POST", "/recovery", json=body))[0] == 409
    async with world.stranger(secret) as mine:
        assert (await mine.json("GET", "/settings"))[0] == 200


async def test_a_recovery_takes_over_nothing_of_a_stranger_s(blank: World) -> None:
    made = plant(blank)
    blank.fakes.settings.values["device.name"] = "evil"
    body = {
        "words": await blank.sealed(Purpose.WORDS, WORDS),
        "passphrase": await blank.sealed(Purpose.PASSPHRASE, PASSPHRASE),
        "from_circle": True,
        "contacts": "x",
    }
    assert (await blank.json("POST", "/recovery", json=body))[0] == 202
    async with blank.stranger(made.secret) as evil:
        assert (await evil.json("GET", "/tokens"))[0] == 401
    await blank.client.log_in()
    assert await named(blank) == "Piccolo"


@pytest.mark.parametrize("prefix", ["2a00:1450:1::/48", "2001:0:53aa::/48"])
async def test_who_has_many_networks_does_not_guess_the_code_faster(prefix: str) -> None:
    door = Claiming(ClaimCode("ABCDEFGH"), Guesses(Clock(lambda: 0, lambda: 0.0)))
    reasons: Counter[str] = Counter()
    for net in islice(IPv6Network(prefix).subnets(new_prefix=64), 200):
        with pytest.raises(PiccoloError) as refused:
            await door.check("WRONG-WRONG", Caller(str(net[1]), "2a01::1", "x"))
        reasons[refused.value.reason] += 1
    assert reasons["CLAIM_CODE_WRONG"] < 10
    assert reasons["TOO_MANY_TRIES"] > 190
    await door.check("ABCD-EFGH", Caller("192.168.1.7", "192.168.1.2", "x"))  # a neighbour is not kept out


async def test_the_right_code_from_afar_forgets_wrong_ones() -> None:
    seconds = 0.0
    door = Claiming(ClaimCode("ABCDEFGH"), Guesses(Clock(lambda: 0, lambda: seconds)))
    for number in range(3):
        for _ in range(5):
            with pytest.raises(PiccoloError, match="one-time code"):
                await door.check("WRONG-WRONG", Caller("2a00::1", "2a01::1", "x"))
        await door.check("ABCDEFGH", Caller("2a00::1", "2a01::1", "x"))
        seconds = float(number)
