"""Who may do what: the open routes, scopes, sessions, tokens, other sites."""

from __future__ import annotations

import json
from typing import Any

import pytest
from piccolo.vault.v1 import key_pb2
from piccolo_formats.client_seal import Purpose

from piccolo_gateway.config import SessionsConfig
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World

OPEN = {
    ("GET", "/.well-known/piccolo"),
    ("GET", "/ca.crt"),
    ("GET", "/ca.mobileconfig"),
    ("GET", "/ca.pem"),
    ("GET", "/s/{secret}"),
    ("POST", "/s/{secret}"),
    ("GET", "/api/v1/shared/{secret}"),
    ("POST", "/api/v1/shared/{secret}"),
    ("POST", "/api/v1/shared/{secret}/downloads"),
    ("GET", "/api/v1/shared/{secret}/content"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/boot-key"),
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/setup/confirm"),
    ("POST", "/api/v1/sessions"),
    ("POST", "/api/v1/sessions/second-factor"),
    ("POST", "/api/v1/recovery"),
    ("POST", "/api/v1/data/open"),  # whoever has the words has the right, on a device that knows no owner
    ("OPTIONS", "/api/v1/uploads"),
    ("GET", "/.well-known/piccolo"),
    ("GET", "/s/{secret}"),
    ("POST", "/s/{secret}"),
    ("GET", "/api/v1/shared/{secret}"),
    ("POST", "/api/v1/shared/{secret}"),
    ("GET", "/api/v1/shared/{secret}/content"),
    ("POST", "/api/v1/shared/{secret}/downloads"),
}


async def operations(world: World) -> list[tuple[str, str, str | None]]:
    """Every operation of the API document, with its scope."""
    return [(method, path, scope) for method, path, scope, _ in await told(world)]


async def told(world: World) -> list[tuple[str, str, str | None, bool]]:
    """Every operation of the API document, with its scope and whether it wants a fresh proof."""
    async with world.request("GET", "/api/v1/openapi.json") as response:
        document = await response.json()
    return [
        (method.upper(), path, one["x-scope"], one["x-fresh"])
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    ]


def concrete(path: str) -> str:
    for name in ("path", "trash_id", "owner_id", "roster_hash", "invitation_id", "session_id", "factor_id"):
        odd = {"path": "a", "session_id": "0" * 16, "factor_id": "0" * 16}
        path = path.replace(f"{{{name}}}", odd.get(name, "0" * 64))
    return path.replace("{", "").replace("}", "")


async def test_no_route_but_the_listed_ones_is_open(world: World) -> None:
    found = await operations(world)
    assert {(method, path) for method, path, scope in found if scope is None} == OPEN
    async with world.stranger() as stranger:
        for method, path, scope in found:
            async with stranger.request(method, concrete(path)) as response:
                assert (response.status == 401) is (scope is not None), (method, path)
                if scope is not None:
                    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_every_route_that_is_served_is_in_the_document(world: World) -> None:
    documented = {(method, path) for method, path, _ in await operations(world)}
    server = world.http  # the router itself is not reachable from outside: ask it for what is not documented
    for path in {path for _, path in documented}:
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            if (method, path) in documented:
                continue
            async with server.request(method, concrete(path)) as response:
                assert response.status == 405, (method, path)
                assert response.headers["Allow"]


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_token_may_what_its_scope_says(world: World, scope: Scope) -> None:
    secret = await world.client.make_token("robot", scope.value)
    held = {"read": {"read", "watch"}, "admin": {one.value for one in Scope}}.get(scope.value, {scope.value})
    async with world.stranger(secret) as robot:
        for method, path, wanted, fresh in await told(world):
            if wanted is None or path == "/api/v1/events":
                continue
            if scope is Scope.ADMIN and (method, path) == ("POST", "/api/v1/lock"):
                continue
            refused = wanted not in held or fresh or path == "/api/v1/sessions/proof"
            async with robot.request(method, concrete(path)) as response:
                assert (response.status == 403) is refused, (method, path, wanted)


async def test_a_token_lives_from_its_making_to_its_revoking(world: World) -> None:
    status, made = await world.json("POST", "/tokens", json={"name": "backup script", "scopes": ["write"]})
    assert status == 201
    kept = json.dumps([value.decode() for value in world.fakes.state.values.values()])
    assert made["secret"].removeprefix("piccolo_") not in kept
    async with world.stranger(made["secret"]) as robot:
        assert (await robot.json("PUT", "/files/a", data=b"x"))[0] == 201
        assert (await robot.json("GET", "/files/a"))[0] == 403
        _, known = await world.json("GET", "/tokens")
        assert [one["name"] for one in known["tokens"]] == ["backup script"]
        assert known["tokens"][0]["last_used"] > 0
        assert "secret" not in known["tokens"][0]
        assert (await world.json("DELETE", f"/tokens/{made['token_id']}"))[0] == 204
        status, problem = await robot.json("PUT", "/files/a", data=b"x")
        assert (status, problem["reason"]) == (401, "TOKEN_UNKNOWN")
    assert (await world.json("DELETE", f"/tokens/{made['token_id']}"))[0] == 404
    assert [event.actor for event in world.fakes.audit.events if event.action == "token.make"] == ["owner"]


async def test_a_token_ends_with_its_lifetime(world: World) -> None:
    _, made = await world.json("POST", "/tokens", json={"name": "t", "scopes": ["read"], "lifetime": 3600})
    (key,) = [key for key in world.fakes.state.values if key[1].startswith("token/")]
    record = json.loads(world.fakes.state.values[key])
    assert record["expires"] - record["created"] == 3600
    world.fakes.state.values[key] = json.dumps({**record, "expires": 1}).encode()
    await world.json("GET", "/tokens")  # reads what is kept
    async with world.stranger(made["secret"]) as robot:
        assert (await robot.json("GET", "/directories"))[0] == 401


async def test_strangers_tokens_cost_metadata_nothing(world: World) -> None:
    async with world.stranger("piccolo_" + "0" * 64) as stranger:
        for _ in range(20):
            assert (await stranger.json("GET", "/directories"))[0] == 401
    assert world.fakes.state.lists <= 3  # tokens once, the sweep of uploads, factors at the login


async def test_two_tokens_of_one_name_would_be_one_in_the_log(world: World) -> None:
    await world.client.make_token("robot", "read")
    status, problem = await world.json("POST", "/tokens", json={"name": "robot", "scopes": ["read"]})
    assert (status, problem["reason"]) == (409, "TOKEN_EXISTS")


@pytest.mark.parametrize(
    "header", ["Basic b3duZXI6eA==", "Bearer", "Bearer ", "Digest x", "bearer piccolo_x"]
)
async def test_authorization_that_is_none(world: World, header: str) -> None:
    status, problem = await world.json("GET", "/directories", headers={"Authorization": header})
    assert status == 401
    assert problem["reason"] in {"AUTHORIZATION_UNKNOWN", "TOKEN_UNKNOWN"}


async def test_the_cookie_is_for_this_host_only(blank: World) -> None:
    blank.fakes.keys.set_up(PASSPHRASE)
    body = {"passphrase": await blank.sealed(Purpose.PASSPHRASE, PASSPHRASE)}
    async with blank.request("POST", "/api/v1/sessions", json=body) as response:
        assert response.status == 201
        cookie = response.headers["Set-Cookie"]
        told = await response.json()
    name, _, rest = cookie.partition("=")
    assert name == "__Host-piccolo"
    secret, *attributes = rest.split("; ")
    assert len(secret) == 64
    assert set(attributes) == {"Max-Age=604800", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    assert secret not in json.dumps(told)
    assert told["current"]
    assert told["scopes"] == ["admin"]


async def test_logging_out_ends_the_session(world: World) -> None:
    cookie = world.cookie()
    assert (await world.json("DELETE", "/sessions/current"))[0] == 204
    assert (await world.json("GET", "/directories"))[0] == 401
    async with world.raw() as (reader, writer):
        writer.write(f"GET /api/v1/directories HTTP/1.1\r\nHost: x\r\n{cookie}\r\n".encode())
        answer = await reader.readuntil(b"}")
    assert b" 401 " in answer
    assert b"SESSION_ENDED" in answer


async def test_another_session_can_be_ended(world: World) -> None:
    async with world.stranger() as other:
        await other.client.log_in()
        _, known = await other.json("GET", "/sessions")
        assert [one["current"] for one in known["sessions"]] == [True, False]
        mine = known["sessions"][1]["session_id"]
        assert (await other.json("DELETE", f"/sessions/{mine}"))[0] == 204
        assert (await world.json("GET", "/directories"))[0] == 401
        assert (await other.json("GET", "/directories"))[0] == 200


async def test_an_idle_session_ends(start: Start) -> None:
    async with start(sessions=SessionsConfig(idle=0.0)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        status, problem = await world.json("GET", "/directories")
        assert (status, problem["reason"]) == (401, "SESSION_ENDED")


async def test_a_wrong_passphrase_waits_and_is_written_down_once(world: World) -> None:
    wrong = {"passphrase": await world.sealed(Purpose.PASSPHRASE, "wrong")}
    async with world.stranger() as stranger:
        async with stranger.request("POST", "/api/v1/sessions", json=wrong) as response:
            assert (response.status, response.headers["Retry-After"]) == (401, "4")
            assert (await response.json(content_type=None))["reason"] == "PASSPHRASE_WRONG"
        async with stranger.request("POST", "/api/v1/sessions", json=wrong) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "4")
            assert (await response.json(content_type=None))["reason"] == "PASSPHRASE_DELAY"
        assert (await stranger.json("GET", "/status"))[1]["retry_after"] == 4.0
    noted = [
        (event.actor, event.outcome) for event in world.fakes.audit.events if event.action == "session.login"
    ]
    assert noted == [("owner", "ok"), ("anonymous", "PASSPHRASE_WRONG")]


async def test_what_was_sealed_to_another_key_says_what_to_do(world: World) -> None:
    body = {"passphrase": await world.sealed(Purpose.WORDS, PASSPHRASE)}
    status, problem = await world.json("POST", "/sessions", json=body)
    assert (status, problem["reason"]) == (400, "SEALED_WRONG")
    assert "boot-key" in problem["next_step"]


async def test_login_opens_a_locked_device_unless_told_not_to(world: World) -> None:
    world.fakes.keys.state = key_pb2.KEY_STATE_LOCKED
    body: dict[str, Any] = {"passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE)}
    assert (await world.json("POST", "/sessions", json={**body, "unlock": False}))[0] == 201
    assert world.fakes.keys.state == key_pb2.KEY_STATE_LOCKED
    assert (await world.json("POST", "/sessions", json=body))[0] == 201
    assert world.fakes.keys.state == key_pb2.KEY_STATE_UNLOCKED


async def test_another_passphrase_ends_the_other_sessions(world: World) -> None:
    async with world.stranger() as other:
        await other.client.log_in()
        body = {
            "old_passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE),
            "new_passphrase": await world.sealed(Purpose.NEW_PASSPHRASE, "another one"),
        }
        assert (await world.json("POST", "/passphrase", json=body))[0] == 200
        assert (await other.json("GET", "/directories"))[0] == 401
        assert (await world.json("GET", "/directories"))[0] == 200


async def test_setting_up_anew_ends_the_sessions_of_before(blank: World) -> None:
    blank.fakes.keys.set_up(PASSPHRASE)
    await blank.client.log_in()
    blank.fakes.keys.state = key_pb2.KEY_STATE_EMPTY
    async with blank.stranger() as other:
        await other.client.set_up()
    assert (await blank.json("GET", "/directories"))[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_sites_change_nothing(world: World, headers: dict[str, str]) -> None:
    for method, path in (
        ("PUT", "/files/a"),
        ("POST", "/lock"),
        ("DELETE", "/files/a"),
        ("POST", "/sessions"),
    ):
        status, problem = await world.json(method, path, headers=headers)
        assert (status, problem["reason"]) == (403, "CROSS_SITE")
    assert world.fakes.keys.state == key_pb2.KEY_STATE_UNLOCKED
    assert (await world.json("GET", "/directories", headers=headers))[0] == 200


async def test_our_own_pages_may(world: World) -> None:
    for headers in ({"Origin": world.client.url}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await world.json("PUT", "/files/a", data=b"x", headers=headers))[0] in {200, 201}


async def test_what_matters_is_in_the_audit_log(world: World) -> None:
    await world.client.found()
    await world.client.invite()
    await world.client.put("/a", b"x")
    await world.client.delete("/a", purge=True)
    await world.json("PATCH", "/settings", json={"values": {"device.name": "Box"}})
    await world.client.lock()
    _, page = await world.json("GET", "/audit?page_size=5")
    found = [(one["action"], one["subject"]) for one in page["events"]]
    assert found[:3] == [("device.lock", ""), ("settings.change", "device.name"), ("file.purge", "/a")]
    assert (await world.json("GET", f"/audit?page_token={page['next_page_token']}"))[0] == 200
    assert (await world.json("GET", "/audit/verification"))[1]["broken_at"] == 0
