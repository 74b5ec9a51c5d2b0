"""Who may use WebDAV, and what strangers try."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import aiohttp
import pytest

from piccolo_gateway.tests.conftest import World, pinned
from piccolo_gateway.tests.dav import LOCKINFO, Dav, dav_of
from piccolo_gateway.tests.test_dav_cores import LAUGHS

METHODS = {
    "GET": "read", "HEAD": "read", "PROPFIND": "read", "PUT": "write", "DELETE": "write", "MKCOL": "write",
    "PROPPATCH": "write", "COPY": "write", "MOVE": "write", "LOCK": "write", "UNLOCK": "write",
}  # fmt: skip


@pytest.fixture
async def dav(world: World) -> AsyncIterator[Dav]:
    async with dav_of(world) as made:
        yield made


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


async def status(world: World, method: str, **headers: str) -> int:
    """The status for who shows these headers, and no session."""
    connector = aiohttp.TCPConnector(ssl=pinned(world.client.certificate))
    async with (
        aiohttp.ClientSession(world.client.url, connector=connector) as http,
        http.request(method, "/dav/a", headers=headers) as response,
    ):
        if response.status == 401:
            assert response.headers["WWW-Authenticate"] == 'Basic realm="Piccolo", charset="UTF-8"'
        return response.status


async def test_a_token_is_the_password_whatever_the_name(world: World) -> None:
    await world.client.put("/a", b"x")
    token = await world.client.make_token("one", "read")
    for name in ("", "ana", "ünï", "x" * 300):
        assert await status(world, "GET", Authorization=basic(name, token)) == 200
    assert await status(world, "GET", Authorization=basic("a", token).replace("Basic", "bASIC")) == 200
    assert await status(world, "GET", Authorization=f"Bearer {token}") == 200
    assert await status(world, "GET", Authorization=basic("a", f"{token}:")) == 401


@pytest.mark.parametrize(
    "shown",
    [
        "Basic",
        "Basic !",
        "Basic /w==",
        "Basic YQ==",
        "Digest x",
        "Basic " + "A" * 8000,
        "Bearer nobody's",
        "",
    ],
)
async def test_what_is_no_token_lets_nobody_in(world: World, shown: str) -> None:
    assert await status(world, "GET", Authorization=shown) == 401
    assert await status(world, "PUT", Authorization=shown) == 401


async def test_the_passphrase_is_no_password_here(world: World) -> None:
    assert await status(world, "GET", Authorization=basic("owner", world.client.passphrase)) == 401


@pytest.mark.parametrize("method", METHODS)
async def test_a_session_counts_for_nothing_here(world: World, method: str) -> None:
    async with world.request(method, "/dav/a") as response:
        assert response.status == 401


@pytest.mark.parametrize("method", METHODS)
async def test_scopes_hold(world: World, method: str) -> None:
    await world.client.put("/a", b"x")
    for scope in ("read", "write", "watch", "metrics"):
        async with dav_of(world, scope, scope) as dav:
            told = await dav(method, "/a", Depth="0")
            assert (told.status == 403) is (scope != METHODS[method]), scope
    async with dav_of(world, "all", "admin") as dav:
        assert (await dav(method, "/a", Depth="0")).status != 403


async def test_a_revoked_token_ends_at_once(world: World) -> None:
    async with dav_of(world) as dav:
        assert (await dav("PROPFIND", "/", Depth="0")).status == 207
        _, tokens = await world.json("GET", "/tokens")
        await world.json("DELETE", f"/tokens/{tokens['tokens'][0]['token_id']}")
        assert (await dav("PROPFIND", "/", Depth="0")).status == 401


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"GET", "HEAD"}))
async def test_other_sites_pages_are_refused(dav: Dav, method: str) -> None:
    await dav.put("/a")
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}):
        told = await dav(method, "/a", **headers)
        assert (told.status, b"CROSS_SITE" in told.body) == (403, True)
    preflight = await dav(
        "OPTIONS", "/a", Origin="https://evil.example", Access_Control_Request_Method=method
    )
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "LOCK"])
async def test_xml_bombs(dav: Dav, method: str) -> None:
    await dav.put("/a")
    for raw, wanted in ((LAUGHS, 400), (b"<a>" * 100, 400), (b"<a>" + b" " * 70_000, 413), (b"\xff", 400)):
        told = await dav(method, "/a", raw, Depth="0")
        assert told.status == wanted, raw[:20]
        assert b"next_step" in told.body


async def test_an_endless_body_is_not_read(dav: Dav) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    try:
        told = await dav("PROPFIND", "/", endless(), Depth="0")
    except aiohttp.ClientError:
        return  # the connection is closed while it still sends
    assert told.status == 413


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize(
    ("destination", "wanted"),
    [
        ("https://elsewhere/dav/b", 502),
        ("//elsewhere/dav/b", 502),
        ("/api/v1/files/b", 403),
        ("/b", 403),
        ("/dav/../b", 400),
        ("/dav/x/%2E%2e/b", 400),
        ("/dav/x%2Fb", 400),
        ("/dav/x%5C..%5Cb/%00", 400),
        ("/dav//b", 400),
        ("/dav/b?x", 400),
        ("/dav/b#x", 400),
        ("", 400),
    ],
)
async def test_destinations_that_lead_elsewhere(dav: Dav, method: str, destination: str, wanted: int) -> None:
    await dav.put("/a")
    assert (await dav(method, "/a", Destination=destination)).status == wanted
    assert sorted(dav.world.fakes.tree.nodes) == ["/", "/a"]


async def test_a_destination_is_named_once(dav: Dav) -> None:
    await dav.put("/a")
    async with dav.world.raw() as (reader, writer):
        auth = dav.http.headers["Authorization"]
        head = f"MOVE /dav/a HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\n"
        writer.write((head + "Destination: /dav/b\r\nDestination: /dav/c\r\n\r\n").encode())
        assert (await reader.readline()).split()[1] == b"400"
    assert sorted(dav.world.fakes.tree.nodes) == ["/", "/a"]


@pytest.mark.parametrize(
    "tail",
    ["/../a", "/x/%2e%2e/a", "/a%2Fb", "/a%00", "//a", "/a//", "/%ff", "/a#b", "/" + "x" * 256, "/%2e"],
)
async def test_paths_that_are_none(dav: Dav, tail: str) -> None:
    for method in METHODS:
        async with dav.world.raw() as (reader, writer):
            auth = dav.http.headers["Authorization"]
            writer.write(f"{method} /dav{tail} HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\n".encode())
            writer.write(b"Depth: 0\r\nDestination: /dav/b\r\nLock-Token: <a:b>\r\n\r\n")
            assert (await reader.readline()).split()[1] in {b"400", b"404", b"405"}, method
    assert list(dav.world.fakes.tree.nodes) == ["/"]


@pytest.mark.parametrize("target", ["/%64av/a", "/dav%2Fa", "/davos", "/DAV/a"])
async def test_other_spellings_of_the_root(dav: Dav, target: str) -> None:
    await dav.put("/a")
    async with dav.world.raw() as (reader, writer):
        auth = dav.http.headers["Authorization"]
        writer.write(f"DELETE {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] in {b"400", b"404"}
    assert await dav.get("/a") == b"x"


async def test_what_owners_of_locks_and_properties_say_stays_data(dav: Dav) -> None:
    await dav.put("/a")
    evil = '</D:owner><D:x xmlns:D="DAV:"/>'.replace("<", "&lt;").replace('"', "&quot;")
    told = await dav("LOCK", "/a", LOCKINFO.format("shared").replace("Ana", evil))
    assert told.status == 200
    _, found = (await dav.prop("/a", "{DAV:}lockdiscovery"))["{DAV:}lockdiscovery"]
    assert [one.tag for one in found[0]][3] == "{DAV:}owner"
    assert found.findtext(".//{DAV:}owner") == '</D:owner><D:x xmlns:D="DAV:"/>'
