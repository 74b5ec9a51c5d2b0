"""Files: storing, reading, deleting."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions, media, paths
from piccolo_gateway.core.api import OCTETS, PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.files import Deleted, Deleting, Reading, Writing, Written
from piccolo_gateway.engine.reading import Request
from piccolo_gateway.ports.store import WriteStart
from piccolo_gateway.routes.call import Bound, Call, Reply, Sink
from piccolo_gateway.routes.sending import head_of, held, pieces_held, send, told_of
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


async def told(services: Services, call: Call, asked: Request) -> Reply | web.StreamResponse:
    """The answer to GET."""
    plan = await services.reader.plan(asked, head=False)
    if plan.not_modified and plan.facts is not None:
        return Reply(304, headers=told_of(plan.facts))
    async with services.reader.open(asked.path, plan) as (facts, data):
        head = head_of(plan, facts, media.disposition(facts.media, asked.path))
        return await send(Sink(call.request, head, services.idle_seconds), data, held(services, call))


async def headed(services: Services, asked: Request) -> Reply | web.StreamResponse:
    """The answer to HEAD."""
    plan = await services.reader.plan(asked, head=True)
    if plan.facts is None:
        raise RuntimeError("HEAD always asks for the facts")
    if plan.not_modified:
        return Reply(304, headers=told_of(plan.facts))
    return head_of(plan, plan.facts, media.disposition(plan.facts.media, asked.path))


def _reading(services: Services) -> list[Bound]:
    async def get(call: Call) -> Reply | web.StreamResponse:
        return await told(services, call, _request(call))

    async def head(call: Call) -> Reply | web.StreamResponse:
        return await headed(services, _request(call))

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
            modified=modified_of(call.header("X-Modified")),
            media=media_of(call),
            size=call.request.content_length,
            at_risk=asked.at_risk,
        )
        refuse_parts(call)
        written = await services.writer.put(start, call.conditions, pieces_held(services, call))
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
    return request_of(call, call.path, call.query(Reading).version)


def request_of(call: Call, path: str, version: str | None = None) -> Request:
    """What a request for a file asks for."""
    headers = call.request.headers
    return Request(
        path,
        version,
        call.conditions,
        headers.get("Range"),
        headers.get("If-Range"),
    )


def refuse_parts(call: Call) -> None:
    """Refuses a PUT of a part. Raises PiccoloError INVALID (HEADER_INVALID), as the next two do."""
    if call.request.headers.get("Content-Range"):
        raise PiccoloError(
            Kind.INVALID, "HEADER_INVALID", "A file is stored whole; /api/v1/uploads goes on with parts."
        )


def media_of(call: Call) -> str:
    """What the client says that a file is; empty when it does not know."""
    given = call.header("Content-Type") or ""
    if len(given) > 255 or not given.isascii() or not given.isprintable():
        raise PiccoloError(Kind.INVALID, "HEADER_INVALID", "The Content-Type is no media type.")
    return "" if given == OCTETS else given


def modified_of(header: str | None) -> int:
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
