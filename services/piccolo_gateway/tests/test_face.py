"""The built UI as the gateway serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from piccolo_gateway.routes.face import built_in

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Piccolo</title>")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "app-1a2b.js").write_text("let it = 'be';")
    (tmp_path / "assets" / "app-1a2b.js.br").write_bytes(b"brotli")
    (tmp_path / "assets" / "app-1a2b.js.gz").write_bytes(b"gzip")
    (tmp_path.parent / "secret").write_text("not served")
    face = built_in(tmp_path)
    app = web.Application(middlewares=[face.navigate])
    face.register(app.router)
    async with TestClient(TestServer(app)) as made:
        yield made


async def test_pages_are_drawn_by_one_page(client: TestClient[web.Request, web.Application]) -> None:
    for path in ("/", "/files/a/b", "/circle"):
        async with client.get(path, headers=PAGE) as response:
            assert (response.status, "Piccolo" in await response.text()) == (200, True)
            assert "require-trusted-types-for 'script'" in response.headers["Content-Security-Policy"]
            assert response.headers["Cache-Control"] == "no-cache"


async def test_a_page_that_nobody_knows_says_so_in_its_status(
    client: TestClient[web.Request, web.Application],
) -> None:
    for path in ("/no/such/place", "/s", "/s/a/b"):
        async with client.get(path, headers=PAGE) as response:
            assert (response.status, "Piccolo" in await response.text()) == (404, True), path


@pytest.mark.parametrize(("encoding", "body"), [("br, gzip", b"brotli"), ("gzip", b"gzip")])
async def test_assets_come_compressed_and_are_kept_for_ever(
    client: TestClient[web.Request, web.Application], encoding: str, body: bytes
) -> None:
    headers = {"Accept-Encoding": encoding}
    async with client.request(
        "GET", "/assets/app-1a2b.js", headers=headers, auto_decompress=False
    ) as response:
        assert await response.read() == body
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    ["/assets/app-1a2b.js.br", "/assets/../index.html", "/assets/%2e%2e/%2e%2e/secret", "/index.html"],
)
async def test_nothing_but_what_was_built_is_served(
    client: TestClient[web.Request, web.Application], path: str
) -> None:
    async with client.get(path) as response:
        assert response.status == 404


async def test_programs_are_told_as_before(client: TestClient[web.Request, web.Application]) -> None:
    for path in ("/api/v1/nothing", "/dav/x", "/.well-known/y", "/metrics"):
        async with client.get(path, headers=PAGE) as response:
            assert (response.status, "Piccolo" in await response.text()) == (404, False)


def test_without_a_build_there_is_no_page(tmp_path: Path) -> None:
    assert not built_in(tmp_path).built
    assert not built_in(tmp_path / "missing").built
