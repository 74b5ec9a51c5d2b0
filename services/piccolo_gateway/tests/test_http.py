"""What every request meets: strict bodies, limits, headers, problems, keys, metrics, the page, TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.client_seal import Purpose
from prometheus_client.parser import text_string_to_metric_families

from integration.client import ApiError
from piccolo_gateway.config import Config, LimitsConfig
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World, started

GOOD = {"source": "/a", "destination": "/b"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "BODY_INVALID"),
        (b"{", "BODY_INVALID"),
        (b"null", "BODY_INVALID"),
        (b"[]", "BODY_INVALID"),
        (b'{"source": "/a"}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": 1}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": "/b", "extra": 1}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": "/b", "overwrite": "true"}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": "/b", "expected_revision": -1}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": "/b", "expected_revision": 1e400}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": "\xff"}', "BODY_INVALID"),
        (b'{"source": "/a", "destination": "/\\ud800"}', "BODY_INVALID"),
        (b'{"source": "a", "destination": "/b"}', "PATH_INVALID"),
        (b'{"source": "/a", "destination": "/b/../c"}', "PATH_INVALID"),
        (b"[" * 60_000, "BODY_INVALID"),
        (b'"' + b"x" * 70_000 + b'"', "BODY_TOO_LARGE"),
    ],
)
async def test_bodies_are_taken_strictly(world: World, body: bytes, reason: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with world.request("POST", "/api/v1/move", data=body, headers=headers) as response:
        problem = await response.json(content_type=None)
    assert problem["reason"] == reason
    assert response.status == (413 if reason == "BODY_TOO_LARGE" else 400)


async def test_a_body_without_an_announced_length_is_limited_too(world: World) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 8192

    async with world.request(
        "POST", "/api/v1/move", data=endless(), headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status == 413


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_forms_are_no_json(world: World, media: str) -> None:
    headers = {"Content-Type": media}
    status, problem = await world.json("POST", "/move", data=json.dumps(GOOD).encode(), headers=headers)
    assert (status, problem["reason"]) == (415, "MEDIA_UNSUPPORTED")


@pytest.mark.parametrize(
    "query",
    [
        "page_size=x",
        "page_size=-1",
        "page_size=10001",
        "unknown=1",
        "recursive=maybe",
        "page_size=1&page_size=2",
    ],
)
async def test_queries_are_taken_strictly(world: World, query: str) -> None:
    status, problem = await world.json("GET", f"/directories?{query}")
    assert (status, problem["reason"]) == (400, "QUERY_INVALID")


async def test_a_body_where_none_belongs_is_refused(world: World) -> None:
    status, problem = await world.json("POST", "/lock", data=b"{}")
    assert (status, problem["reason"]) == (400, "BODY_UNEXPECTED")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/x"), ("GET", "/api/v1"), ("GET", "/api/v1/files"), ("GET", "/%00")]
)
async def test_addresses_that_nothing_has(world: World, method: str, path: str) -> None:
    async with world.request(method, path) as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["reason"]) == (404, "ADDRESS_UNKNOWN")
        assert response.headers["Content-Type"] == "application/problem+json"


async def test_methods_that_an_address_does_not_take(world: World) -> None:
    for method in ("DELETE", "PATCH", "PUT"):
        async with world.request(method, "/api/v1/status") as response:
            problem = await response.json(content_type=None)
            assert (response.status, problem["reason"]) == (405, "METHOD_NOT_ALLOWED")
            assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_every_answer_has_the_headers_of_safety(world: World) -> None:
    for path in ("/api/v1/status", "/x", "/api/v1/files/nothing", "/metrics"):
        async with world.request("GET", path) as response:
            headers = response.headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Strict-Transport-Security"] == "max-age=31536000"
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cache-Control"] == "no-store"
            assert headers["Server"] == "Piccolo"
            assert len(headers["X-Request-Id"]) == 16


async def test_a_request_id_travels(world: World) -> None:
    async with world.request("GET", "/api/v1/status", headers={"X-Request-Id": "abcdefgh-1"}) as response:
        assert response.headers["X-Request-Id"] == "abcdefgh-1"
    async with world.request("GET", "/api/v1/status", headers={"X-Request-Id": "no good"}) as response:
        assert response.headers["X-Request-Id"] != "no good"


async def test_what_nobody_foresaw_is_an_incident(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise KeyError("the secret is swordfish")

    monkeypatch.setattr("piccolo_gateway.adapters.metadata_files.MetadataFiles.list", broken)
    status, problem = await world.json("GET", "/directories")
    assert (status, problem["reason"]) == (500, "INTERNAL")
    assert len(problem["incident"]) == 12
    assert problem["incident"] in problem["detail"]
    assert "swordfish" not in json.dumps(problem)


async def test_a_service_that_is_gone_is_said_plainly(start: Start) -> None:
    async with start(limits=LimitsConfig(answer=0.5)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        await world.fakes.stop("attestation")
        status, problem = await world.json("GET", "/circle")
        assert (status, problem["reason"]) == (503, "UNAVAILABLE")
        assert "unix" not in json.dumps(problem)
        async with world.request("GET", "/metrics") as response:
            assert 'piccolo_up{service="attestation"} 0' in await response.text()


async def test_metrics_of_all_services(world: World) -> None:
    token = await world.client.make_token("prometheus", "metrics")
    async with world.stranger(token) as prometheus, prometheus.request("GET", "/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await response.text()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    up = {sample.labels["service"]: sample.value for sample in families["piccolo_up"].samples}
    assert up == {"gateway": 1, "vault": 1, "metadata": 1, "attestation": 1, "fragment-store": 1}
    routes = {sample.labels["route"] for sample in families["piccolo_http_requests"].samples}
    assert "/api/v1/tokens" in routes


async def test_a_key_makes_that_work_is_done_once(blank: World) -> None:
    reply = "A" * 43 + "="
    body = {"passphrase": await blank.sealed(Purpose.PASSPHRASE, PASSPHRASE), "reply_key": reply}
    headers = {"Idempotency-Key": "first"}
    first, second = [await blank.json("POST", "/setup", json=body, headers=headers) for _ in range(2)]
    assert first[0] == second[0] == 400  # no X25519 key has a zero point: refused, and refused again
    body["reply_key"] = "CQ" + "A" * 41 + "="
    status, problem = await blank.json("POST", "/setup", json=body, headers=headers)
    assert (status, problem["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    headers = {"Idempotency-Key": "second"}
    async with blank.request("POST", "/api/v1/setup", json=body, headers=headers) as response:
        made = await response.json()
        assert (response.status, "Idempotency-Replayed" in response.headers) == (201, False)
    async with blank.request("POST", "/api/v1/setup", json=body, headers=headers) as response:
        assert await response.json() == made
        assert (response.status, response.headers["Idempotency-Replayed"]) == (201, "true")
        assert response.headers["Content-Type"] == "application/json"
    assert blank.fakes.keys.setups == 1


async def test_a_keyed_request_goes_on_when_its_client_goes_away(world: World) -> None:
    entered, go_on = world.fakes.circle.entered, world.fakes.circle.gate
    go_on.clear()
    body = json.dumps({"device_name": "box"})
    async with world.raw() as (_, writer):
        writer.write(
            "POST /api/v1/circle HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: k\r\nContent-Length: {len(body)}\r\n{world.cookie()}\r\n{body}".encode()
        )
        await entered.wait()
    go_on.set()
    async with asyncio.timeout(10):
        while True:
            status, problem = await world.json(
                "POST",
                "/circle",
                data=body.encode(),
                headers={"Idempotency-Key": "k", "Content-Type": "application/json"},
            )
            if status != 409 or problem["reason"] != "IDEMPOTENCY_KEY_BUSY":
                break
    assert status == 201


async def test_what_is_written_down_is_done_even_when_its_client_goes_away(world: World) -> None:
    entered, go_on = world.fakes.circle.entered, world.fakes.circle.gate
    go_on.clear()
    body = json.dumps({"device_name": "box"})
    async with world.raw() as (_, writer):
        writer.write(
            "POST /api/v1/circle HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{world.cookie()}\r\n{body}".encode()
        )
        await entered.wait()
    world.fakes.audit.appended.clear()
    go_on.set()
    async with asyncio.timeout(10):
        await world.fakes.audit.appended.wait()
    assert world.fakes.audit.events[-1].action == "circle.found"


async def test_an_incident_is_written_down_as_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise KeyError("broken")

    monkeypatch.setattr("piccolo_gateway.adapters.vault_keys.VaultKeys.lock", broken)
    assert (await world.json("POST", "/lock"))[0] == 500
    assert world.fakes.audit.events[-1].outcome == "INTERNAL"


async def test_strangers_keys_do_not_push_out_the_owners(world: World) -> None:
    headers = {"Idempotency-Key": "mine"}
    assert (await world.json("POST", "/circle", json={"device_name": "box"}, headers=headers))[0] == 201
    wrong = {"passphrase": await world.sealed(Purpose.WORDS, "x"), "reply_key": "A" * 43 + "="}
    async with world.stranger() as stranger:
        for number in range(200):
            await stranger.json("POST", "/setup", json=wrong, headers={"Idempotency-Key": str(number)})
    async with world.request(
        "POST", "/api/v1/circle", json={"device_name": "box"}, headers=headers
    ) as response:
        assert (response.status, response.headers.get("Idempotency-Replayed")) == (201, "true")


async def test_a_key_on_a_get_means_nothing(world: World) -> None:
    assert (await world.json("GET", "/directories", headers={"Idempotency-Key": " "}))[0] == 200


async def test_a_head_that_never_ends_is_cut_off(start: Start) -> None:
    async with start(limits=LimitsConfig(headers=0.3)) as world, world.raw() as (reader, writer):
        writer.write(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        await writer.drain()
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "request_",
    [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET /" + b"x" * 140_000 + b" HTTP/1.1\r\n\r\n"],
)
async def test_what_is_no_http_is_refused(world: World, request_: bytes) -> None:
    async with world.raw() as (reader, writer):
        writer.write(request_)
        answer = await reader.read()
    assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert b'"HTTP_MALFORMED"' in answer
    assert b"nosniff" in answer
    assert (await world.client.status())["product"] == "piccolo"


async def test_plain_http_is_not_spoken(world: World) -> None:
    port = int(world.client.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200" not in await reader.read(1000)
    writer.close()


async def test_old_tls_is_not_spoken(world: World) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):  # newer OpenSSLs hang up without a word
        await asyncio.open_connection("127.0.0.1", int(world.client.url.rpartition(":")[2]), ssl=tls)


async def test_an_address_in_use_is_said_plainly(world: World, short: Path) -> None:
    address = world.client.url.removeprefix("https://")
    with pytest.raises(ExceptionGroup) as failed:
        async with started(short / "2", address=address):
            pass
    (leaf,) = failed.value.exceptions
    assert isinstance(leaf, PiccoloError)
    assert leaf.reason == "ADDRESS_IN_USE"
    assert "another program" in leaf.message


@pytest.mark.parametrize("address", ["", "x", "x:", ":1", "x:99999", "x:y"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Config(address=address)


async def test_the_client_tells_problems(world: World) -> None:
    with pytest.raises(ApiError) as refused:
        await world.client.get("/nothing")
    assert (refused.value.status, refused.value.reason) == (404, "ENTRY_NOT_FOUND")
