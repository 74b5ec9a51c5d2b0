"""A gateway before a device's fake services, in this process, and a client of it."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from piccolo_chassis.host import Host
from piccolo_chassis.interceptors import Limits
from piccolo_formats.client_seal import Purpose, seal_text
from yarl import URL

from integration.client import Client, pinned
from piccolo_gateway.__main__ import wiring
from piccolo_gateway.config import Config
from piccolo_gateway.routes import dav
from piccolo_gateway.routes.app import all_endpoints
from piccolo_gateway.tests.fakes import FakeDevice, device

PASSPHRASE = "correct horse battery staple"


@dataclass(slots=True)
class World:
    """A running gateway, the fakes behind it, and a client that is not logged in."""

    fakes: FakeDevice
    client: Client
    host: Host
    config: Config

    @property
    def http(self) -> aiohttp.ClientSession:
        """For requests that the client has no method for."""
        return self.client.http

    def request(self, method: str, path: str, **options: Any) -> Any:
        """A request as it is sent, to be used as a context manager; redirects are told."""
        return self.http.request(method, path, allow_redirects=False, **options)

    async def json(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        async with self.request(method, f"/api/v1{path}", **options) as response:
            raw = await response.read()
            return response.status, await response.json(content_type=None) if raw else None

    async def sealed(self, purpose: Purpose, text: str) -> str:
        """A secret as a client seals it."""
        _, boot = await self.json("GET", "/boot-key")
        return base64.b64encode(seal_text(purpose, text, base64.b64decode(boot["public_key"]))).decode()

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection of our own, to send what no library would."""
        tls = pinned(self.client.certificate)
        port = int(self.client.url.rpartition(":")[2])
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()

    def cookie(self) -> str:
        """The session's cookie, as a header line."""
        found = self.http.cookie_jar.filter_cookies(URL(self.client.url))
        return "".join(f"Cookie: {name}={morsel.value}\r\n" for name, morsel in found.items())

    @asynccontextmanager
    async def stranger(self, token: str = "") -> AsyncIterator[World]:
        """Another client of the same gateway."""
        other = Client(self.client.url, self.client.certificate, passphrase=PASSPHRASE, token=token)
        async with other:
            yield replace(self, client=other)


Start = Callable[..., AbstractAsyncContextManager[World]]


@asynccontextmanager
async def started(folder: Path, **settings: Any) -> AsyncIterator[World]:
    """A gateway of its own; what it is configured with may be changed."""
    async with device(folder) as fakes:
        host = Host("gateway", None, Limits(60.0, 3600.0))
        config = replace(Config(state=folder / "g", address="127.0.0.1:0", sockets=fakes.sockets), **settings)
        async with host.task_group:
            async with wiring(config, host):
                port = int((config.state / "port").read_text())
                shown = config.tls.certificate if config.tls else config.state / "tls.pem"
                client = Client(f"https://127.0.0.1:{port}", shown, passphrase=PASSPHRASE)
                async with client:
                    try:
                        yield World(fakes, client, host, config)
                    finally:
                        host.stopping.set()
            await host.task_group.finish()
        assert not (odd := undocumented(host)), odd


def undocumented(host: Host) -> set[tuple[str, str, int]]:
    """Each status below 500 that was answered and that the API document does not name."""
    nothing: Any = None
    known = {
        (one.endpoint.path, one.endpoint.method): {*one.endpoint.answers, *one.endpoint.refusals}
        for one in [*all_endpoints(nothing), *dav.endpoints(nothing)]
    }
    found = set()
    for family in host.metrics.collect():
        for sample in family.samples if family.name == "piccolo_http_requests" else ():
            route, method, status = (sample.labels[name] for name in ("route", "method", "status"))
            whole = known.get((route, method), known.get((route, "GET"), set()))
            # an expectation or an encoding may be refused anywhere; 499 is heard by nobody
            fine = route == "unknown" or int(status) >= 499 or int(status) in whole | {415, 417}
            if sample.name.endswith("_total") and not fine:
                found.add((method, route, int(status)))
    return found


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name, because the paths of sockets are."""
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        yield Path(name)


@pytest.fixture
def start(short: Path) -> Start:
    """Starts a gateway with settings of the test's own."""
    return partial(started, short)


@pytest.fixture
async def blank(start: Start) -> AsyncIterator[World]:
    """A gateway of a device without an owner."""
    async with start() as world:
        yield world


@pytest.fixture
async def world(blank: World) -> World:
    """A gateway of a device that is set up and unlocked, and its owner logged in."""
    blank.fakes.keys.set_up(PASSPHRASE)
    await blank.client.log_in()
    return blank


__all__ = ["PASSPHRASE", "World", "pinned"]
