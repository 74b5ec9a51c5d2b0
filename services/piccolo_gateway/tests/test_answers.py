"""A walk over answers of every kind: what may run in them, who may frame them, and where they lead.

Nothing is compared with what the gateway holds for its policy: a policy that was loosened fails here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from piccolo_gateway.core import media
from piccolo_gateway.core.access import SAFE_METHODS
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.dav import LOCKINFO, Dav, dav_of
from piccolo_gateway.tests.test_access import concrete, told
from piccolo_gateway.tests.test_raw import sent
from piccolo_gateway.tests.test_shares import begun, make
from piccolo_gateway.tests.test_uploads import begin

EVIL: Final = "evil.example"
FORWARDED: Final = {
    "Forwarded": f"for=1.2.3.4;host={EVIL};proto=http",
    "Referer": f"https://{EVIL}/",
    "Via": f"1.1 {EVIL}",
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Prefix": f"//{EVIL}",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Server": EVIL,
    "X-Host": EVIL,
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"//{EVIL}/",
}
HOSTILE: Final[dict[str, dict[str, str]]] = {
    "host": {"Host": EVIL},
    "forwarded": FORWARDED,
    "both": {"Host": f"{EVIL}:443", **FORWARDED},
}
BROWSER: Final = {"Accept": "text/html,application/xhtml+xml"}
SHOWN: Final = {"img-src": {"blob:", "data:"}, "media-src": {"blob:"}}
# Apple's own names in a profile that brings the device's certificate, and what namespaces are called
NAMES: Final = {b"www.apple.com", b"www.w3.org"}


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer; `file` is whether it is a file that an owner stored."""

    where: str
    status: int
    headers: Any
    body: bytes
    file: bool = False


class Walk:
    """Requests with headers of the test's own, and all that came back."""

    def __init__(self, world: World, more: dict[str, str]) -> None:
        self.world, self.more = world, more
        self.heard: list[Heard] = []

    async def ask(
        self, method: str, path: str, *, by: World | None = None, file: bool = False, **options: Any
    ) -> Heard:
        """One request."""
        options["headers"] = {**options.get("headers", {}), **self.more}
        async with (by or self.world).request(method, path, **options) as response:
            heard = Heard(f"{method} {path}", response.status, response.headers, await response.read(), file)
        self.heard.append(heard)
        return heard

    async def whole(self) -> list[Heard]:
        """Something of everything."""
        await self._face()
        await self._api()
        await self._files()
        await self._shares()
        await self._dav()
        return self.heard

    async def _face(self) -> None:
        for path in ("/", "/files/a/b", "/no/such/place", "/assets/app-1a2b.js", "/icon.svg", "/assets/none"):
            await self.ask("GET", path, headers=BROWSER)
        for path in ("/x", "/api/v1", "/assets/"):
            await self.ask("GET", path)

    async def _api(self) -> None:
        """Reads all that the owner may, and is refused as a stranger all else."""
        async with self.world.stranger() as stranger:
            for method, path, _, _ in await told(self.world):
                if path != "/api/v1/events":  # which never ends
                    by = self.world if method in SAFE_METHODS else stranger
                    await self.ask(method, concrete(path), by=by)

    async def _files(self) -> None:
        stored = [("page.html", "text/html"), ("picture.svg", "image/svg+xml"), ("note.txt", "text/plain")]
        for name, kind in stored:
            address = f"/api/v1/files/{name}"
            await self.ask("PUT", address, data=b"<script>", headers={"Content-Type": kind})
            whole = await self.ask("GET", address, file=True)
            await self.ask("GET", address, file=True, headers={"Range": "bytes=1-2"})
            await self.ask("GET", address, headers={"If-None-Match": whole.headers["ETag"]})
        await self.ask("POST", "/api/v1/uploads", headers=begin(3))
        await self.ask("GET", "/api/v1/archive?path=/note.txt")
        await self.ask("POST", "/api/v1/check", json={})
        await self.ask("POST", "/api/v1/circle/invitations", json={})
        await self.ask("POST", "/api/v1/shares", json={"path": "/note.txt"})

    async def _shares(self) -> None:
        await self.world.client.put("/folder/film.mkv", b"0123456789")
        file, folder = [await make(self.world, path) for path in ("/folder/film.mkv", "/folder")]
        closed = await make(self.world, "/folder/film.mkv", password="right")
        async with self.world.stranger() as visitor:
            for made in (file, closed, {"address": f"/s/{'A' * 32}"}):
                await self.ask("GET", made["address"], by=visitor, headers=BROWSER)
            await self.ask("POST", closed["address"], by=visitor, headers=BROWSER, data={"password": "x"})
            await self.ask("POST", file["address"], by=visitor, data={})
            address = await begun(visitor, file["secret"])
            await self.ask("GET", address, by=visitor, file=True)
            await self.ask("GET", address + "x", by=visitor, headers=BROWSER)
            await self.ask("GET", await begun(visitor, folder["secret"]), by=visitor)

    async def _dav(self) -> None:
        async with dav_of(self.world, "walk") as dav:
            await dav("PUT", "/d/a", b"x")
            for method, path, data, more in (
                ("OPTIONS", "/", None, {}),
                ("MKCOL", "/d", None, {}),
                ("PUT", "/d/a", b"<script>", {"Content_Type": "text/html"}),
                ("PROPFIND", "/", None, {"Depth": "1"}),
                ("GET", "/d/a", None, {}),
                ("GET", "/d", None, {}),
                ("LOCK", "/d/a", LOCKINFO.format("shared"), {}),
                ("COPY", "/d/a", None, {"Destination": "/dav/d/b"}),
                ("MOVE", "/d/b", None, {"Destination": "/dav/d/c"}),
                ("PROPPATCH", "/d/c", b"<", {}),
                ("DELETE", "/d/c", None, {}),
                ("DELETE", "/none", None, {}),
            ):
                answer = await dav(method, path, data, **more, **self.more)
                file = (method, path) == ("GET", "/d/a")
                where = f"{method} /dav{path}"
                self.heard.append(Heard(where, answer.status, answer.headers, answer.body, file))
        await self.ask("PROPFIND", "/dav/")


@pytest.fixture
async def furnished(start: Start, tmp_path: Path) -> AsyncIterator[World]:
    """A device with a circle and a built face."""
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "icon.svg", "assets/app-1a2b.js", "assets/share-1a2b.css"):
        (tmp_path / name).write_text("built")
    async with start(ui=tmp_path) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        await world.client.found()
        yield world


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";")]
    assert len({part[0] for part in parts}) == len(parts), policy  # of two the first would count
    return {part[0]: part[1:] for part in parts}


async def test_nothing_that_is_answered_runs_by_itself_or_stands_in_a_frame(furnished: World) -> None:
    heard = await Walk(furnished, {}).whole()
    assert {200, 201, 204, 206, 207, 303, 304, 400, 401, 403, 404, 410} <= {one.status for one in heard}
    for one in heard:
        policy = one.headers["Content-Security-Policy"]
        found = directives(policy)
        assert found["default-src"] == ["'none'"], one
        if (
            one.file
        ):  # what a browser draws around a picture has inline styles; it has no origin and no script
            assert (policy == media.SANDBOX, found["sandbox"], "script-src" in found) == (True, [], False), (
                one
            )
        else:
            assert "unsafe" not in policy, one
            assert found["frame-ancestors"] == ["'none'"], one
            assert found["base-uri"] == ["'none'"], one
            assert set(found["form-action"]) <= {"'none'", "'self'"}, one
            for name in (name for name in found if name.endswith("-src")):
                assert set(found[name]) <= {"'none'", "'self'"} | SHOWN.get(name, set()), one
        assert one.headers["X-Frame-Options"] == "DENY", one
        assert one.headers["X-Content-Type-Options"] == "nosniff", one
        assert one.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}, one
        assert one.headers["Cross-Origin-Resource-Policy"] == "same-origin", one
    assert sum(one.file for one in heard) == 8


async def test_what_is_no_http_is_answered_in_the_same_armour(furnished: World) -> None:
    answer = (await sent(furnished, "GET / HTTP/9.9\r\n\r\n")).decode().lower()
    assert re.match(r"http/1\.[01] 400 ", answer)
    assert "content-security-policy: default-src 'none'; frame-ancestors 'none'" in answer
    assert "x-content-type-options: nosniff" in answer
    assert "unsafe" not in answer


def leads_home(one: Heard, own: str) -> None:
    """Fails when an answer leads to any other place than this device."""
    for name in ("Location", "Content-Location"):
        if name in one.headers:
            assert re.fullmatch(r"/(?![/\\])[!-~]*", one.headers[name]), one
    assert not {"Refresh", "Link", "Access-Control-Allow-Origin"} & set(one.headers), one
    assert EVIL not in str(one.headers).lower(), one
    if not one.file:
        assert EVIL.encode() not in one.body.lower(), one
        hosts = set(re.findall(rb"https?://([^/\"'<>\s]+)", one.body))
        assert hosts - NAMES <= {own.encode()}, (one.where, hosts)


@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_a_request_says_of_hosts_no_answer_leads_away(
    furnished: World, headers: dict[str, str]
) -> None:
    heard = await Walk(furnished, headers).whole()
    for one in heard:
        leads_home(one, furnished.client.url.removeprefix("https://"))
    led = {one.where.split("?")[0] for one in heard if "Location" in one.headers}
    assert {"POST /api/v1/uploads", "PUT /api/v1/files/note.txt", "POST /api/v1/check"} <= led
    assert any(where.startswith("POST /s/") for where in led)


@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE)
async def test_a_device_is_set_up_at_its_own_address(start: Start, headers: dict[str, str]) -> None:
    async with start() as blank:
        walk = Walk(blank, headers)
        for method, path in (
            ("GET", "/api/v1/status"),
            ("POST", "/api/v1/setup"),
            ("POST", "/api/v1/setup/confirm"),
            ("POST", "/api/v1/recovery"),
            ("GET", "/.well-known/piccolo"),
        ):
            leads_home(await walk.ask(method, path, json={} if method == "POST" else None), "nowhere")


SPELLINGS: Final = {
    f"//{EVIL}/": 404,
    f"//{EVIL}/%2e%2e": 404,
    f"///{EVIL}": 404,
    f"/\\{EVIL}/": 404,
    f"/%2f%2f{EVIL}/": 404,
    f"/%5c%5c{EVIL}": 404,
    f"//{EVIL}/s/{'A' * 32}": 404,
    f"/s//{EVIL}/": 404,
    f"/s/{'A' * 32}/..//{EVIL}": 404,
    f"/assets//{EVIL}/": 404,
    f"/files//{EVIL}": 200,
    f"/dav//{EVIL}/": 401,
    f"/api/v1//{EVIL}/": 404,
    f"/api/v1/files//{EVIL}/": 400,
    f"https://{EVIL}/": 200,
    f"https://{EVIL}/s/{'A' * 32}": 410,
}


@pytest.mark.parametrize("target", SPELLINGS)
async def test_no_spelling_of_an_address_is_sent_elsewhere(furnished: World, target: str) -> None:
    head = f"GET {target} HTTP/1.1\r\nHost: {EVIL}\r\nAccept: text/html\r\n{furnished.cookie()}"
    answer = await sent(furnished, f"{head}Connection: close\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {SPELLINGS[target]} ".encode())
    assert b"location:" not in answer.lower()
    assert EVIL.encode() not in answer.lower()


@pytest.fixture
async def dav(furnished: World) -> AsyncIterator[Dav]:
    async with dav_of(furnished) as made:
        await made.put("/a")
        yield made


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("destination", [f"https://{EVIL}/dav/b", f"//{EVIL}/dav/b", f"http://{EVIL}/dav/b"])
async def test_no_proxys_word_makes_a_foreign_destination_ours(
    dav: Dav, method: str, destination: str
) -> None:
    before = sorted(dav.world.fakes.tree.nodes)
    answer = await dav(method, "/a", Destination=destination, **FORWARDED)
    assert answer.status == 502
    leads_home(Heard(method, answer.status, answer.headers, answer.body), "nowhere")
    assert sorted(dav.world.fakes.tree.nodes) == before
