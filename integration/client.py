"""One owner's device as a program sees it: through its public API, and nothing else.

    async with Client("https://127.0.0.1:8443", certificate) as owner:
        await owner.set_up()
        await owner.found()
        await owner.put("/notes/today.txt", b"...")

Rules:
* The device is known by its certificate, which is pinned; secrets are sealed to its vault before they leave.
* A failure is what the device said: `ApiError` holds the problem document.
* Long work is watched by events, which go on after a cut from the last one that was seen.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
from piccolo_formats.client_seal import Purpose, open_text, seal_text
from piccolo_formats.keypairs import SealingKey

from integration.answers import Health, Written

_API: Final = "/api/v1"
_PIECE: Final = 1 << 20
_PAGE: Final = 5000
_JOIN_SECONDS: Final = 330.0
_FAST_SECONDS: Final = 180.0
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
class Client:
    """A device's owner. `words` are the 24 recovery words, once set up.

    Attributes:
        url: the device, as `https://host:port`.
        certificate: what it shows, in PEM.
        name: what the device calls itself in the circle.
    """

    url: str
    certificate: Path
    name: str = "device"
    passphrase: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, repr=False)

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
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=_FAST_SECONDS),
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

    async def status(self) -> dict[str, Any]:
        """What anybody may know of the device."""
        return await self._json("GET", "/status")

    async def set_up(self) -> None:
        """Makes the keys, writes the words down, gives the three asked words back; that begins a session."""
        reply = SealingKey(secrets.token_bytes(32))
        body = {"passphrase": await self._sealed(Purpose.PASSPHRASE, self.passphrase)}
        answer = await self._json("POST", "/setup", {**body, "reply_key": _text(reply.public)})
        self.words = open_text(Purpose.WORDS, base64.b64decode(answer["words"]), reply)
        asked = " ".join(self.words.split()[position - 1] for position in answer["ask"])
        await self._json("POST", "/setup/confirm", {"words": await self._sealed(Purpose.CONFIRMATION, asked)})

    async def log_in(self) -> None:
        """Begins a session, and opens the files."""
        await self._json(
            "POST", "/sessions", {"passphrase": await self._sealed(Purpose.PASSPHRASE, self.passphrase)}
        )

    async def log_out(self) -> None:
        """Ends the session."""
        await self._json("DELETE", "/sessions/current")

    async def unlock(self) -> None:
        """Opens the files."""
        await self._json(
            "POST", "/unlock", {"passphrase": await self._sealed(Purpose.PASSPHRASE, self.passphrase)}
        )

    async def lock(self) -> None:
        """Closes them."""
        await self._json("POST", "/lock")

    async def make_token(self, name: str, *scopes: str) -> str:
        """Makes a token; returns its secret."""
        made = await self._json("POST", "/tokens", {"name": name, "scopes": list(scopes)})
        return str(made["secret"])

    async def found(self, *, at_risk: bool = False) -> None:
        """Founds a circle."""
        await self._json("POST", "/circle", {"device_name": self.name, "at_risk": at_risk})

    async def invite(self) -> str:
        """Makes an invitation; returns its link."""
        return str((await self._json("POST", "/circle/invitations", {}))["link"])

    async def join(self, invitation: str) -> None:
        """Accepts an invitation."""
        await self._json(
            "POST",
            "/circle/join",
            {"invitation": invitation, "device_name": self.name},
            seconds=_JOIN_SECONDS,
        )

    async def owner_id(self) -> str:
        """Who the owner is to the circle, in hexadecimal."""
        return str((await self._json("GET", "/circle"))["owner_id"])

    async def members(self) -> list[dict[str, Any]]:
        """The circle's members as this device knows them."""
        return list((await self._json("GET", "/circle"))["members"])

    async def circle(self) -> dict[str, Any]:
        """The circle as this device knows it."""
        return await self._json("GET", "/circle")

    async def propose_removal(self, owner_id: str, state: str) -> str:
        """Proposes that a member goes; returns the next roster's hash."""
        made = await self._json("POST", f"/circle/members/{owner_id}/removal", {"state": state})
        return str(made["roster_hash"])

    async def approve(self, roster_hash: str, seconds: float = 60.0) -> None:
        """Signs a proposal as an admin, as soon as it was heard of."""
        async with asyncio.timeout(seconds):
            while roster_hash not in await self._proposed():  # noqa: ASYNC110 - other devices tell of it
                await asyncio.sleep(0.2)
        await self._json("POST", f"/circle/proposals/{roster_hash}/approve")

    async def _proposed(self) -> set[str]:
        waiting = await self._json("GET", "/circle/proposals")
        return {proposal["roster_hash"] for proposal in waiting["proposals"]}

    async def knows_members(self, count: int, seconds: float = 60.0) -> None:
        """Returns when this device knows that many members with an address."""
        async with asyncio.timeout(seconds):
            async for topic, circle in self.events():
                members = circle["members"] if topic == "circle" and circle else []
                if sum(bool(member["endpoints"]) for member in members) >= count:
                    return

    async def put(self, path: str, source: bytes | Path, *, modified: int = 0) -> Written:
        """Stores bytes, or a file, under a path."""
        headers = {"X-Modified": str(modified)} if modified else {}
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        headers["Content-Length"] = str(size)
        data = _pieces(source)
        async with self.http.put(_address("/files", path), data=data, headers=headers) as response:
            return Written.of(await _checked(response))

    async def get(self, path: str) -> bytes:
        """Reads a whole file."""
        return b"".join([piece async for piece in self.read(path)])

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """Reads a file piece by piece."""
        async with self.http.get(_address("/files", path)) as response:
            await _refused(response)
            async for piece in response.content.iter_chunked(_PIECE):
                yield piece

    async def delete(self, path: str, *, recursive: bool = False, purge: bool = False) -> None:
        """Puts an entry into the trash, or deletes it for good."""
        query = {"recursive": str(recursive).lower(), "purge": str(purge).lower()}
        async with self.http.delete(_address("/files", path), params=query) as response:
            await _checked(response)

    async def list(self, path: str = "/") -> AsyncIterator[dict[str, Any]]:
        """Every entry below a directory."""
        query = {"recursive": "true", "page_size": str(_PAGE)}
        while True:
            async with self.http.get(_address("/directories", path), params=query) as response:
                page = await _checked(response)
            for entry in page["entries"]:
                yield entry
            if not page["next_page_token"]:
                return
            query["page_token"] = page["next_page_token"]

    async def health(self, path: str = "") -> Health:
        """What everything survives, or one file."""
        if path:
            return Health.of((await self._json("GET", f"/health/{_escaped(path)}"))["health"])
        return Health.of(await self._json("GET", "/health"))

    async def reaches_all(self, seconds: float = 60.0) -> None:
        """Returns when no member is away."""
        async with asyncio.timeout(seconds):
            while (await self.health()).away:  # noqa: ASYNC110 - it lives in another process
                await asyncio.sleep(0.2)

    async def check(self, percent: int = 0, seconds: float = 600.0) -> dict[str, Any]:
        """Asks the keepers for every fragment."""
        started = await self._json("POST", "/check", {"read_percent": percent})
        return await self.finished(started["operation_id"], seconds)

    async def repair(self, seconds: float = 600.0) -> dict[str, Any]:
        """Works the repair queue off, now."""
        started = await self._json("POST", "/repair", {"now": True})
        return await self.finished(started["operation_id"], seconds)

    async def new_words(self) -> str:
        """Makes new words, writes them down, gives three back; returns the operation that carries it on."""
        reply = SealingKey(secrets.token_bytes(32))
        body = {"passphrase": await self._sealed(Purpose.PASSPHRASE, self.passphrase)}
        answer = await self._json("POST", "/words/rotation", {**body, "reply_key": _text(reply.public)})
        words = open_text(Purpose.WORDS, base64.b64decode(answer["words"]), reply)
        asked = " ".join(words.split()[position - 1] for position in answer["ask"])
        sealed = await self._sealed(Purpose.CONFIRMATION, asked)
        started = await self._json("POST", "/words/rotation/confirm", {"words": sealed})
        self.words = words
        return str(started["operation_id"])

    async def recover(self, seconds: float = 600.0, **wish: Any) -> dict[str, Any]:
        """Brings the owner back on a blank device, from the words alone, and logs in; returns the result.

        `wish`: `seq`, `contacts`, `from_circle`, `accept_rolled_back`, as the API takes them.
        """
        started = await self._json(
            "POST",
            "/recovery",
            {
                "words": await self._sealed(Purpose.WORDS, self.words),
                "passphrase": await self._sealed(Purpose.PASSPHRASE, self.passphrase),
                **wish,
            },
        )
        ended = await self.finished(started["operation_id"], seconds)
        await self.log_in()
        return dict(json.loads(ended["result"] or "{}"))

    async def contacts(self) -> str:
        """The circle's contacts, as they are printed with the words."""
        async with self.http.get(f"{_API}/circle/contacts.txt") as response:
            await _refused(response)
            return await response.text()

    async def backup(self) -> dict[str, Any]:
        """How far the backup is, and what is wrong with it."""
        return await self._json("GET", "/backup")

    async def back_up(self) -> None:
        """Starts a new chain now. Raises ApiError as the cloud refuses it."""
        await self._json("POST", "/backup/snapshot")

    async def backed_up(self, seconds: float = 60.0) -> None:
        """Returns when the cloud has acknowledged everything that was committed."""
        async with asyncio.timeout(seconds):
            async for topic, backup in self.events():
                if topic == "backup" and backup["enabled"] and not backup["pending"]:
                    return

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
        async with self.http.get(f"{_API}/events", params=query, headers=headers) as response:
            await _refused(response)
            yield response

    async def _sealed(self, purpose: Purpose, text: str) -> str:
        boot = await self._json("GET", "/boot-key")
        return _text(seal_text(purpose, text, base64.b64decode(boot["public_key"])))

    async def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float = _FAST_SECONDS,
    ) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self.http.request(method, f"{_API}{path}", json=body, timeout=timeout) as response:
            return await _checked(response)


async def _checked(response: aiohttp.ClientResponse) -> dict[str, Any]:
    await _refused(response)
    raw = await response.read()
    return dict(json.loads(raw)) if raw else {}


async def _refused(response: aiohttp.ClientResponse) -> None:
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


async def _pieces(source: bytes | Path) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for at in range(0, len(source), _PIECE):
            yield source[at : at + _PIECE]
        return
    with source.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


def _address(noun: str, path: str) -> str:
    return f"{_API}{noun}/{_escaped(path)}"


def _escaped(path: str) -> str:
    return quote(path.removeprefix("/"), safe="/")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
