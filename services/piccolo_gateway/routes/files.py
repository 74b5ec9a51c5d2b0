"""Files: storing, reading, deleting."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions, media, paths
from piccolo_gateway.core.api import OCTETS, PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.files import Deleted, Deleting, Reading, Writing, Written
from piccolo_gateway.engine.reading import Facts, Plan, Request
from piccolo_gateway.ports.store import WriteStart
from piccolo_gateway.routes.call import Bound, Call, Reply, Sink
from piccolo_gateway.routes.services import Services

_TAG = "files"
_PATH: Final = f"{PREFIX}/files/{{path}}"
_SECONDS: Final = re.compile(r"-?\d{1,12}", re.ASCII)
_ETAG: Final = Header("ETag", "The version's id, strong.")
_CONDITIONS: Final = (
    Header("If-Match", "Only if the file is one of these versions."),
    Header("If-None-Match", "Only if it is none of them; * is: only if there is nothing."),
)
_READS: Final = (
    *_CONDITIONS,
    Header("If-Modified-Since", "Only if it was modified since."),
    Header("If-Unmodified-Since", "Only if it was not."),
)
_RANGE: Final = (Header("Range", "One range of bytes."), Header("If-Range", "Only if it is this version."))


_PUT = Endpoint(
    method="PUT",
    path=_PATH,
    summary="Store a file",
    tag=_TAG,
    scope=Scope.WRITE,
    query=Writing,
    takes_bytes=True,
    headers=(
        *_CONDITIONS,
        Header("Content-Type", "Kept, and told again when the file is read."),
        Header("X-Modified", "When it was modified: seconds since 1970, or an HTTP date."),
    ),
    refuses=(429, 507),
    answers={
        200: Answer("A new version of the file.", Written, headers=(_ETAG,)),
        201: Answer("A new file.", Written, headers=(_ETAG, Header("Location", "Its address."))),
    },
    words="The answer comes when the file survives the loss of any one device (or, with at_risk,"
    " when it is stored at all). A request that ends early leaves nothing.",
    unlocked=True,
    seconds=None,
)

_DELETE = Endpoint(
    method="DELETE",
    path=_PATH,
    summary="Put a file or directory into the trash, or delete it for good",
    tag=_TAG,
    scope=Scope.WRITE,
    query=Deleting,
    headers=_CONDITIONS,
    answers={200: Answer("What was deleted.", Deleted)},
    unlocked=True,
    audit="file.purge",
)


def endpoints(services: Services) -> list[Bound]:
    """The files' endpoints."""
    return [*_reading(services), *_writing(services)]


def _reading(services: Services) -> list[Bound]:
    async def get(call: Call) -> Reply | web.StreamResponse:
        plan = await services.reader.plan(_request(call), head=False)
        if plan.not_modified and plan.facts is not None:
            return Reply(304, headers=_facts(plan.facts))
        async with services.reader.open(call.path, plan) as (facts, data):
            return await _send(call, plan, facts, data, services.idle_seconds)

    async def head(call: Call) -> Reply | web.StreamResponse:
        plan = await services.reader.plan(_request(call), head=True)
        if plan.facts is None:
            raise RuntimeError("HEAD always asks for the facts")
        if plan.not_modified:
            return Reply(304, headers=_facts(plan.facts))
        return _head(call, plan, plan.facts)

    def described(method: str) -> Endpoint:
        return Endpoint(
            method=method,
            path=_PATH,
            summary="Read a file" if method == "GET" else "What is known of a file",
            tag=_TAG,
            scope=Scope.READ,
            query=Reading,
            headers=(*_READS, *_RANGE) if method == "GET" else _READS,
            answers={
                200: Answer("The file.", media="*/*", headers=(_ETAG,)),
                206: Answer("A part of it.", media="*/*", headers=(_ETAG,)),
                304: Answer("It is what the client has."),
            },
            unlocked=True,
            seconds=None,
        )

    return [Bound(described("GET"), get), Bound(described("HEAD"), head)]


def _writing(services: Services) -> list[Bound]:
    async def put(call: Call) -> Reply:
        asked = call.query(Writing)
        start = WriteStart(
            call.path,
            modified=_modified(call.header("X-Modified")),
            media=_media(call),
            size=call.request.content_length,
            at_risk=asked.at_risk,
        )
        if call.request.headers.get("Content-Range"):
            raise PiccoloError(
                Kind.INVALID, "HEADER_INVALID", "A file is stored whole; /api/v1/uploads goes on with parts."
            )
        written = await services.writer.put(start, call.conditions, call.pieces())
        headers = {"ETag": conditions.quoted(written.version_id)}
        if written.created:
            headers["Location"] = f"{PREFIX}/files/{paths.to_address(written.path)}"
        return Reply(201 if written.created else 200, written, headers)

    async def delete(call: Call) -> Reply:
        asked = call.query(Deleting)
        call.noted = asked.purge  # what lies in the trash can be taken back
        deleted = await services.writer.delete(
            call.path, call.conditions, recursive=asked.recursive, purge=asked.purge
        )
        return Reply(body=deleted)

    return [Bound(_PUT, put), Bound(_DELETE, delete)]


def _request(call: Call) -> Request:
    headers = call.request.headers
    return Request(
        call.path,
        call.query(Reading).version,
        call.conditions,
        headers.get("Range"),
        headers.get("If-Range"),
    )


def _head(call: Call, plan: Plan, facts: Facts) -> web.StreamResponse:
    """The head of an answer, not sent yet."""
    span = plan.span
    response = web.StreamResponse(status=206 if span else 200, headers=_facts(facts))
    response.headers["Content-Type"] = media.shown(facts.media)
    response.headers["Content-Disposition"] = media.disposition(facts.media, call.path)
    response.headers["Content-Security-Policy"] = media.SANDBOX
    response.headers["Accept-Ranges"] = "bytes"
    if span:
        response.headers["Content-Range"] = span.content_range
    response.content_length = span.length if span else facts.size
    return response


def _facts(facts: Facts) -> dict[str, str]:
    """The headers that tell of a version."""
    made = {
        "ETag": conditions.quoted(facts.version_id),
        "Cache-Control": "private, no-cache",
        "X-Modified": str(facts.modified),
    }
    date = conditions.date(facts.modified)
    return {**made, "Last-Modified": date} if date else made


async def _send(
    call: Call, plan: Plan, facts: Facts, data: AsyncIterator[bytes | memoryview], idle_seconds: float
) -> web.StreamResponse:
    """Sends the bytes; what fails on the way cuts the connection."""
    sink = Sink(call.request, _head(call, plan, facts), idle_seconds)
    await sink.begin()
    try:
        sent = 0
        async for piece in data:
            await sink.send(piece)
            sent += len(piece)
        _check_whole(sent, sink.response.content_length)
        await sink.end()
    except BaseException:
        sink.cut()
        raise
    return sink.response


def _check_whole(sent: int, promised: int | None) -> None:
    if sent != promised:
        raise PiccoloError(Kind.DATA_LOSS, "FILE_SHORT", f"{sent} bytes came of {promised}.")


def _media(call: Call) -> str:
    given = call.header("Content-Type") or ""
    if len(given) > 255 or not given.isascii() or not given.isprintable():
        raise PiccoloError(Kind.INVALID, "HEADER_INVALID", "The Content-Type is no media type.")
    return "" if given == OCTETS else given


def _modified(header: str | None) -> int:
    """Seconds since 1970; 0, which is now, when it was not said."""
    if header is None:
        return 0
    if _SECONDS.fullmatch(header):
        return int(header)
    date = conditions.read_date(header)
    if date is None:
        raise PiccoloError(
            Kind.INVALID, "HEADER_INVALID", "X-Modified must be seconds since 1970, or an HTTP date."
        )
    return date
