"""A device's public API as a program speaks it: one session, problems as errors, long work watched by events.

Rules:
* The device is known by its certificate, which is pinned; secrets are sealed to its vault before they leave.
* A failure is what the device said: `ApiError` holds the problem document.
* Long work is watched by events, which go on after a cut from the last one that was seen.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from piccolo_formats.client_seal import Purpose, seal_text

ROOT: Final = "/api/v1"
FAST_SECONDS: Final = 180.0
_ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})


class ApiError(Exception):
    """What the device refused; `problem` is its problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('reason', '')}: {problem.get('detail', '')}")
        self.status, self.problem = status, problem

    @property
    def reason(self) -> str:
        """The stable reason."""
        return str(self.problem.get("reason", ""))


class OperationFailedError(Exception):
    """Long work ended badly; the text says why."""


def pinned(certificate: Path) -> ssl.SSLContext:
    """Trusts this one certificate, whatever name the device is called by."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False  # the certificate itself is the name
    return context


@dataclass(slots=True)
class Api:
    """One device's API, in the name of whoever logs in.

    Attributes:
        url: the device, as `https://host:port`.
        certificate: what it shows, in PEM.
    """

    url: str
    certificate: Path
    token: str = field(default="", repr=False, kw_only=True)
    _session: aiohttp.ClientSession | None = field(default=None, repr=False, kw_only=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Reads the certificate and begins; the device's API may be used from now on."""
        connector = aiohttp.TCPConnector(ssl=pinned(self.certificate), limit=64)
        self._session = aiohttp.ClientSession(
            self.url,
            connector=connector,
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # devices may be known by their address only
            headers={"Authorization": f"Bearer {self.token}"} if self.token else None,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=FAST_SECONDS),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Lets go of all connections, and of the session with them."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session, for requests that have no method here."""
        if self._session is None:
            raise RuntimeError("the client is not open: use it as a context manager")
        return self._session

    async def finished(self, operation_id: str, seconds: float) -> dict[str, Any]:
        """Watches long work to its end. Raises OperationFailedError when it ends badly."""
        async with asyncio.timeout(seconds):
            async for _, operation in self.events(operation_id):
                if operation["state"] == "succeeded":
                    return dict(operation)
                if operation["state"] in _ENDED:
                    raise OperationFailedError(f"{operation['kind']}: {operation['error_message']}")
        raise OperationFailedError(f"{operation_id}: the watch ended before the work")

    async def events(self, operation_id: str = "") -> AsyncIterator[tuple[str, Any]]:
        """What changes, as (topic, data), for ever; after a cut from the last event on."""
        last = ""
        while True:
            try:
                async with self._stream(operation_id, last) as response:
                    async for event_id, topic, data in _parsed(response):
                        last = event_id
                        yield topic, data
            except aiohttp.ClientError:
                pass  # the device, or the way to it, went away
            await asyncio.sleep(0.2)  # as the stream itself asks for, only sooner

    @asynccontextmanager
    async def _stream(self, operation_id: str, last: str) -> AsyncIterator[aiohttp.ClientResponse]:
        query = {"operation": operation_id} if operation_id else {}
        headers = {"Last-Event-ID": last} if last else {}
        async with self.http.get(f"{ROOT}/events", params=query, headers=headers) as response:
            await refused(response)
            yield response

    async def sealed(self, purpose: Purpose, text: str) -> str:
        boot = await self.ask("GET", "/boot-key")
        return encoded(seal_text(purpose, text, base64.b64decode(boot["public_key"])))

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float = FAST_SECONDS,
    ) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self.http.request(method, f"{ROOT}{path}", json=body, timeout=timeout) as response:
            return await checked(response)


async def checked(response: aiohttp.ClientResponse) -> dict[str, Any]:
    await refused(response)
    raw = await response.read()
    return dict(json.loads(raw)) if raw else {}


async def refused(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    raw = await response.read()
    try:
        problem = dict(json.loads(raw))
    except ValueError:
        problem = {"detail": raw[:200].decode(errors="replace")}
    raise ApiError(response.status, problem)


async def _parsed(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str, Any]]:
    """The events of a stream: id, topic, data."""
    fields: dict[str, str] = {}
    async for raw in response.content:
        line = raw.decode().rstrip("\r\n")
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            yield fields.get("id", ""), fields.get("event", ""), json.loads(fields["data"])
        fields = {}


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
