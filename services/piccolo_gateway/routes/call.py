"""One request as a handler sees it, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions, paths
from piccolo_gateway.core.access import Actor, Caller
from piccolo_gateway.core.api import JSON, Endpoint
from piccolo_gateway.core.conditions import Conditions
from piccolo_gateway.core.visitors import Visitor, visitor
from piccolo_gateway.engine.pump import PIECE
from piccolo_gateway.ports.place import Place
from piccolo_gateway.routes.headers import COOKIE
from piccolo_gateway.routes.keys import WELCOMED
from piccolo_gateway.routes.manner import Manner

JSON_LIMIT: Final = 64 * 1024
_JSON_SECONDS: Final = 30.0
_GATHERING_SECONDS: Final = 0.5
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is known as a whole."""

    status: int = 200
    body: msgspec.Struct | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    media: str = JSON

    @property
    def content(self) -> bytes:
        """The body as it travels."""
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else msgspec.json.encode(self.body)


Handler = Callable[["Call"], Awaitable[Reply | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Bound:
    """An endpoint and what answers it, in the API's manner if in no other."""

    endpoint: Endpoint
    handler: Handler
    manner: Manner | None = None


def visitor_of(request: web.Request) -> Visitor:
    """Who sends a request, as far as a session remembers it."""
    return visitor(request.remote or "", request.headers.get("User-Agent", ""))


class Call:
    """One request.

    While it is answered, `actor` and `subject` may be made more precise for the audit log, and `noted` be set
    to False for what does not belong there.
    """

    def __init__(self, request: web.Request, endpoint: Endpoint, actor: Actor, raw: bytes) -> None:
        self.request, self.endpoint, self.actor, self.raw = request, endpoint, actor, raw
        self.subject = ""
        self.noted = True

    @property
    def caller(self) -> Caller:
        """Where it comes from."""
        request = self.request
        transport = request.transport
        own = transport.get_extra_info("sockname") if transport else None
        cookie = request.cookies.get(COOKIE)
        return Caller(request.remote or "", own[0] if own else "", request.host, cookie, visitor_of(request))

    @property
    def path(self) -> str:
        """The owner's path in the address. Raises PiccoloError INVALID (PATH_...)."""
        prefix = self.endpoint.path.partition("{path}")[0].rstrip("/")
        raw = self.request.rel_url.raw_path
        if not raw.startswith(prefix):  # escapes where none are needed: the address is not what it seems
            raise PiccoloError(Kind.INVALID, "PATH_INVALID", f"Write {prefix} as it is, without escapes.")
        self.subject = paths.from_address(raw.removeprefix(prefix))
        return self.subject

    def parameter(self, name: str) -> str:
        """A part of the address."""
        value = self.request.match_info[name]
        self.subject = self.subject or value
        return value

    def hex(self, name: str, size: int) -> bytes:
        """A part of the address that is an id in hex. Raises PiccoloError NOT_FOUND (ID_UNKNOWN)."""
        value = self.parameter(name)
        try:
            found = bytes.fromhex(value)
        except ValueError:
            found = b""
        if len(found) != size or value != found.hex():
            raise PiccoloError(Kind.NOT_FOUND, "ID_UNKNOWN", "There is nothing with this id.")
        return found

    def number(self, name: str) -> int:
        """A part of the address that is a number. Raises PiccoloError NOT_FOUND (ID_UNKNOWN)."""
        value = self.parameter(name)
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise PiccoloError(Kind.NOT_FOUND, "ID_UNKNOWN", "There is nothing with this number.")
        return int(value)

    def query(self, kind: type[T]) -> T:
        """The parameters behind the question mark. Raises PiccoloError INVALID (QUERY_INVALID)."""
        if kind is not self.endpoint.query:
            raise TypeError(f"{self.endpoint.path} does not say that it reads {kind.__name__}")
        asked, repeats = self.request.query, self.endpoint.repeats
        given = {name: asked.getall(name) if name in repeats else asked[name] for name in asked}
        if any(len(asked.getall(name)) > 1 for name in given if name not in repeats):
            raise PiccoloError(Kind.INVALID, "QUERY_INVALID", "A parameter is given twice.")
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as wrong:
            raise PiccoloError(
                Kind.INVALID, "QUERY_INVALID", f"The address's parameters cannot be used: {wrong}."
            ) from wrong

    def body(self, kind: type[T]) -> T:
        """The JSON that came. Raises PiccoloError INVALID (BODY_INVALID)."""
        if kind is not self.endpoint.body:
            raise TypeError(f"{self.endpoint.path} does not say that it reads {kind.__name__}")
        try:
            return msgspec.json.decode(self.raw, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            why = str(wrong) if isinstance(wrong, msgspec.DecodeError) else "it is no JSON"
            # not chained: the exception may hold what was sent
            raise PiccoloError(
                Kind.INVALID, "BODY_INVALID", f"The request's body cannot be used: {why}."
            ) from None

    def header(self, name: str) -> str | None:
        """A header. Raises PiccoloError INVALID (HEADER_INVALID) when it comes twice."""
        found = self.request.headers.getall(name, [])
        if len(found) > 1:
            raise PiccoloError(Kind.INVALID, "HEADER_INVALID", f"The header {name} is given twice.")
        return found[0] if found else None

    @property
    def conditions(self) -> Conditions:
        """The request's conditions. Raises PiccoloError INVALID (TAG_INVALID)."""
        headers = self.request.headers
        return conditions.read(
            if_match=_joined(headers.getall("If-Match", [])),
            if_none_match=_joined(headers.getall("If-None-Match", [])),
            if_modified_since=headers.get("If-Modified-Since"),
            if_unmodified_since=headers.get("If-Unmodified-Since"),
        )

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces of 1 MiB, the last one shorter; of a slow client, what it sent in half a second.

        So a client that sends little is not taken for one that sends nothing.
        """
        await welcome(self.request)
        clock = asyncio.get_running_loop().time
        kept, since = bytearray(), clock()
        while chunk := await _read(self.request):
            kept += chunk
            while len(kept) >= PIECE:
                yield bytes(memoryview(kept)[:PIECE])
                del kept[:PIECE]
                since = clock()
            if kept and clock() - since > _GATHERING_SECONDS:
                yield bytes(kept)
                kept, since = bytearray(), clock()
        if kept:
            yield bytes(kept)


async def read_json(request: web.Request) -> bytes:
    """A small body as a whole.

    Raises PiccoloError INVALID (BODY_TOO_LARGE, MEDIA_UNSUPPORTED, BODY_BROKEN) or TIMEOUT (BODY_SLOW).
    """
    if request.content_type != JSON:
        raise PiccoloError(Kind.INVALID, "MEDIA_UNSUPPORTED", f"Send the body as {JSON}.")
    return await _small(request)


async def read_nothing(request: web.Request) -> bytes:
    """Makes sure that there is no body. Raises PiccoloError INVALID (BODY_UNEXPECTED)."""
    if request.body_exists and await _small(request):
        raise PiccoloError(Kind.INVALID, "BODY_UNEXPECTED", "This request has no body.")
    return b""


async def read_xml(request: web.Request) -> bytes:
    """A small body as a whole, whatever it says it is. Raises as `read_json`."""
    return await _small(request) if request.body_exists else b""


async def _small(request: web.Request) -> bytes:
    if (request.content_length or 0) > JSON_LIMIT:
        raise _too_large()
    await welcome(request)
    kept = bytearray()
    try:
        async with asyncio.timeout(_JSON_SECONDS):
            while chunk := await _read(request):
                kept += chunk
                if len(kept) > JSON_LIMIT:
                    raise _too_large()
    except TimeoutError as late:
        raise PiccoloError(Kind.TIMEOUT, "BODY_SLOW", "The request's body took too long.") from late
    return bytes(kept)


async def welcome(request: web.Request) -> None:
    """Tells a client that waits for it (Expect: 100-continue) to send its body: we want it now."""
    if request.headers.get("Expect", "").lower() == "100-continue" and not request.get(WELCOMED):
        request[WELCOMED] = True
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def let_in(request: web.Request) -> None:
    """Who asks may: the connection is not cut any more to make room for others."""
    if isinstance(request.protocol, Place):
        request.protocol.keep()


async def _read(request: web.Request) -> bytes:
    try:
        return await request.content.readany()
    except ConnectionError as gone:
        raise PiccoloError(Kind.CANCELLED, "CLIENT_GONE", "The client went away.") from gone
    except (HttpProcessingError, web.RequestPayloadError) as broken:
        raise PiccoloError(Kind.INVALID, "BODY_BROKEN", "The request's body is no valid HTTP.") from broken


class Sink:
    """An answer that is sent piece by piece, as fast as the client takes it."""

    def __init__(self, request: web.Request, response: web.StreamResponse, idle_seconds: float) -> None:
        self._request, self._idle = request, idle_seconds
        self.response = response

    async def begin(self) -> None:
        """Sends the head. Raises PiccoloError CANCELLED (CLIENT_GONE) or TIMEOUT (STALLED), as all do."""
        await self._in_time(self.response.prepare(self._request))

    async def send(self, piece: bytes | memoryview) -> None:
        """Sends bytes."""
        await self._in_time(self.response.write(piece))

    async def end(self) -> None:
        """Says that it is whole."""
        await self._in_time(self.response.write_eof())

    def cut(self) -> None:
        """Cuts the connection: only that tells a client that it did not get what the head promised."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _in_time(self, work: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._idle):
                await work
        except TimeoutError as late:
            raise PiccoloError(Kind.TIMEOUT, "STALLED", "The client took no more bytes.") from late
        except ConnectionError as gone:
            raise PiccoloError(Kind.CANCELLED, "CLIENT_GONE", "The client went away.") from gone


def _joined(values: list[str]) -> str | None:
    return ", ".join(values) if values else None


def _too_large() -> PiccoloError:
    return PiccoloError(
        Kind.INVALID,
        "BODY_TOO_LARGE",
        f"This request's body may have {JSON_LIMIT} bytes.",
        {"limit": str(JSON_LIMIT)},
    )
