"""The site: static files over HTTP. It vouches for nothing: they are signed and sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp

from piccolo_provision.core.document import LARGEST
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer

_SECONDS: Final = 10.0
_SIGNATURE: Final = 4096
_REDIRECTS: Final = 3


@asynccontextmanager
async def site() -> AsyncIterator[HttpSite]:
    """A site, with the connections to it."""
    limit = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(timeout=limit, headers={"User-Agent": "piccolo"}) as session:
        yield HttpSite(session)


class HttpSite:
    """The site, by HTTP and HTTPS."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def fetch(self, address: str) -> Answer:
        """As the port says."""
        sealed = await self._read(address, LARGEST)
        return Answer(sealed, await self._read(f"{address}.minisig", _SIGNATURE))

    async def _read(self, address: str, bound: int) -> bytes:
        try:
            async with self._session.get(address, max_redirects=_REDIRECTS) as response:
                if response.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                    raise RefusedError(Reason.SITE_UNKNOWN)
                if response.status != HTTPStatus.OK:
                    raise RefusedError(Reason.SITE_UNREACHABLE)
                body = await _most(response.content, bound)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failed:
            raise RefusedError(Reason.SITE_UNREACHABLE) from failed
        return body


async def _most(stream: aiohttp.StreamReader, bound: int) -> bytes:
    body = bytearray()
    async for piece in stream.iter_any():
        body += piece
        if len(body) > bound:
            raise RefusedError(Reason.SITE_TOO_LARGE)
    return bytes(body)
