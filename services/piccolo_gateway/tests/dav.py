"""A client of WebDAV, for tests: a token as the password, answers as text or by entry and property."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import aiohttp
from yarl import URL

from piccolo_gateway.core.dav.markup import element
from piccolo_gateway.tests.conftest import World, pinned

LOCKINFO = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{}/></D:lockscope><D:locktype><D:write/></D:locktype>'
    "<D:owner>Ana</D:owner></D:lockinfo>"
)
Props = dict[str, tuple[int, Element]]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def entries(self) -> dict[str, Props]:
        """What a multistatus tells: by address, each property's status and element."""
        found: dict[str, Props] = {}
        for response in fromstring(self.body).findall("{DAV:}response"):
            props = found.setdefault(response.findtext("{DAV:}href") or "", {})
            for stat in response.findall("{DAV:}propstat"):
                status = int((stat.findtext("{DAV:}status") or "").split()[1])
                for prop in stat.findall("{DAV:}prop"):
                    props.update({one.tag: (status, one) for one in prop})
        return found

    @property
    def condition(self) -> str:
        """The precondition's name of a refusal in XML; empty for others."""
        if not self.headers["Content-Type"].startswith("application/xml"):
            return ""
        return fromstring(self.body)[0].tag.removeprefix("{DAV:}")

    @property
    def token(self) -> str:
        """The lock that was given, as it stands in a header."""
        return str(self.headers["Lock-Token"])


@dataclass(frozen=True, slots=True)
class Dav:
    """Requests in the name of a token."""

    world: World
    http: aiohttp.ClientSession

    async def __call__(self, method: str, path: str, data: Any = None, **headers: str) -> Told:
        """One request; `path` is below /dav as it is sent, an underscore in a header's name is a hyphen."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        address = URL(f"{self.world.client.url}/dav{path}", encoded=True)
        async with self.http.request(
            method, address, data=data, headers=sent, allow_redirects=False
        ) as response:
            return Told(response.status, response.headers, await response.read())

    async def put(self, path: str, data: bytes = b"x") -> None:
        """Stores a file."""
        assert (await self("PUT", path, data)).status in {201, 204}

    async def mkcol(self, *paths: str) -> None:
        """Makes directories."""
        for path in paths:
            assert (await self("MKCOL", path)).status == 201

    async def get(self, path: str) -> bytes | int:
        """A file's bytes, or the status of the refusal."""
        told = await self("GET", path)
        return told.body if told.status == 200 else told.status

    async def lock(self, path: str, scope: str = "exclusive", **headers: str) -> Told:
        """Asks for a lock."""
        return await self("LOCK", path, LOCKINFO.format(scope), **headers)

    async def prop(self, path: str, *names: str) -> Props:
        """Properties of one entry, in Clark's form."""
        inside = "".join(map(element, names))
        body = f'<D:propfind xmlns:D="DAV:"><D:prop>{inside}</D:prop></D:propfind>'
        told = await self("PROPFIND", path, body, Depth="0")
        assert told.status == 207
        (props,) = told.entries.values()
        return props

    async def names(self, path: str) -> list[str]:
        """The addresses that a directory tells at depth 1, its own among them."""
        return list((await self("PROPFIND", path, Depth="1")).entries)


@asynccontextmanager
async def dav_of(world: World, name: str = "dav", *scopes: str) -> AsyncIterator[Dav]:
    """A client with a token of its own, which knows no session."""
    token = await world.client.make_token(name, *(scopes or ("read", "write")))
    connector = aiohttp.TCPConnector(ssl=pinned(world.client.certificate))
    shown = {"Authorization": aiohttp.encode_basic_auth("anybody", token)}
    async with aiohttp.ClientSession(headers=shown, connector=connector, auto_decompress=False) as http:
        yield Dav(world, http)
