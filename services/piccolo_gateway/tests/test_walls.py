"""Walks over the whole API: what other sites' pages and small scopes may not; who claims a device."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from piccolo.vault.v1 import key_pb2
from piccolo_formats.client_seal import Purpose

from piccolo_gateway.core.access import SAFE_METHODS
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.fakes.keys import WORDS
from piccolo_gateway.tests.test_access import concrete, told

FOREIGN: Final[list[dict[str, str]]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://piccolo.local"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]
CODE: Final = "ABCD-EFGH-2345"


def state(world: World) -> Any:
    """All that a request could have changed behind the gateway."""
    fakes = world.fakes
    kept = (dict(fakes.state.values), fakes.keys.state, fakes.keys.passphrase, fakes.keys.setups)
    return kept, len(fakes.operations.known), len(fakes.audit.events)


@pytest.mark.parametrize("headers", FOREIGN)
async def test_every_route_that_changes_something_refuses_another_sites_page(
    world: World, headers: dict[str, str]
) -> None:
    before, walked = state(world), 0
    for method, path, _, _ in await told(world):
        if method in SAFE_METHODS:
            continue
        async with world.request(method, concrete(path), headers=headers) as response:
            problem = await response.json(content_type=None)
            assert (response.status, problem["reason"]) == (403, "CROSS_SITE"), (method, path)
            assert "Set-Cookie" not in response.headers, (method, path)
        walked += 1
    assert walked > 40
    assert state(world) == before


async def test_no_answer_lets_another_sites_page_read_it(world: World) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    for method, path, _, _ in await told(world):
        if path == "/api/v1/events":
            continue
        for way in {method, "OPTIONS"} - {"POST", "PUT", "PATCH", "DELETE"}:
            async with world.request(way, concrete(path), headers=headers) as response:
                allowed = [name for name in response.headers if name.startswith("Access-Control-")]
                assert not allowed, (way, path)


@pytest.mark.parametrize("scope", [one for one in Scope if one is not Scope.ADMIN])
async def test_no_scope_changes_what_is_beyond_it(world: World, scope: Scope) -> None:
    secret = await world.client.make_token("robot", scope.value)
    held = {scope.value} | ({"watch"} if scope is Scope.READ else set())
    before, refused = state(world), 0
    async with world.stranger(secret) as robot:
        for method, path, wanted, fresh in await told(world):
            if wanted is None or (wanted in held and not fresh) or method == "HEAD" or path == "/metrics":
                continue
            status, problem = await robot.json(method, concrete(path).removeprefix("/api/v1"))
            reasons = {"PROOF_NEEDED", "SCOPE_MISSING"} if fresh else {"SCOPE_MISSING"}
            assert status == 403, (method, path)
            assert problem["reason"] in reasons, (method, path)
            refused += 1
    assert refused > 25
    changed = [key for key in world.fakes.state.values if key not in before[0][0]]
    assert not changed
    assert world.fakes.keys.state == key_pb2.KEY_STATE_UNLOCKED


async def test_what_guards_the_owner_wants_a_fresh_proof_which_no_token_has(world: World) -> None:
    wanted = {(method, path.removeprefix("/api/v1")) for method, path, _, fresh in await told(world) if fresh}
    assert wanted == {
        ("POST", "/device/reset"),
        ("POST", "/factors/totp"),
        ("POST", "/factors/totp/confirm"),
        ("POST", "/factors/passkey"),
        ("POST", "/factors/passkey/confirm"),
        ("POST", "/factors/recovery-codes"),
        ("PATCH", "/factors/{factor_id}"),
        ("DELETE", "/factors/{factor_id}"),
        ("POST", "/passphrase"),
        ("POST", "/words/rotation"),
        ("POST", "/tokens"),
    }
    secret = await world.client.make_token("robot", "admin")
    async with world.stranger(secret) as robot:
        for method, path in {*wanted, ("POST", "/sessions/proof")}:
            status, problem = await robot.json(method, concrete(path))
            assert (status, problem["reason"]) == (403, "PROOF_NEEDED"), path


async def claims(world: World, path: str, **more: str) -> tuple[int, str]:
    body = {"passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE), **more}
    if path == "/setup":
        body["reply_key"] = (await world.json("GET", "/boot-key"))[1]["public_key"]
    else:
        body["words"] = await world.sealed(Purpose.WORDS, WORDS)
    status, told_ = await world.json("POST", path, json=body)
    return status, told_.get("reason", "")


@pytest.mark.parametrize("path", ["/setup", "/recovery"])
async def test_a_device_with_a_code_is_claimed_by_nothing_else(
    start: Start, tmp_path: Path, path: str
) -> None:
    (tmp_path / "code").write_text(f"{CODE}\n")
    async with start(claim_code=tmp_path / "code") as world:
        assert (await world.json("GET", "/status"))[1]["claim"] == "code"
        assert await claims(world, path) == (403, "CLAIM_CODE_MISSING")
        for _ in range(6):
            assert await claims(world, path, claim_code="WRONG-WRONG") == (403, "CLAIM_CODE_WRONG")
        assert await claims(world, path, claim_code="WRONG-WRONG") == (429, "TOO_MANY_TRIES")
        assert world.fakes.keys.state == key_pb2.KEY_STATE_EMPTY


@pytest.mark.parametrize(("path", "done"), [("/setup", 201), ("/recovery", 202)])
async def test_the_right_code_claims_it(start: Start, tmp_path: Path, path: str, done: int) -> None:
    (tmp_path / "code").write_text(f"{CODE}\n")
    async with start(claim_code=tmp_path / "code") as world:
        assert await claims(world, path, claim_code="abcd efgh 2345") == (done, "")


@pytest.mark.parametrize("content", [None, b"", b"short", b"\xff\xfe not text"])
async def test_a_code_that_cannot_be_used_lets_nobody_in(
    start: Start, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "code").write_bytes(content)
    async with start(claim_code=tmp_path / "code") as world:
        assert await claims(world, "/setup", claim_code="short") == (403, "CLAIM_CODE_UNREADABLE")
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()  # all else goes on
        assert (await world.json("GET", "/status"))[1]["claim"] == "claimed"


async def test_a_device_without_a_code_is_claimed_from_nearby(blank: World) -> None:
    assert (await blank.json("GET", "/status"))[1]["claim"] == "lan"
    assert await claims(blank, "/setup") == (201, "")
