"""Resumable uploads: tus 1.0 with creation, creation-with-upload, expiration and termination."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions, paths, tus
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.engine.uploads import Progress
from piccolo_gateway.routes.call import Bound, Call, Handler, Reply
from piccolo_gateway.routes.sending import pieces_held
from piccolo_gateway.routes.services import Services

_TAG = "uploads"
_ALL: Final = f"{PREFIX}/uploads"
_ONE: Final = f"{_ALL}/{{upload_id}}"
_RESUMABLE: Final = {"Tus-Resumable": tus.VERSION}
_VERSION: Final = Header(
    "Tus-Resumable", f"Must be {tus.VERSION}.", required=True, pattern=f"^{re.escape(tus.VERSION)}$"
)
_PAIR: Final = "[a-z]{1,16} [A-Za-z0-9+/]{4,400}={0,2}"
_BYTES: Final = "^[0-9]{1,18}$"
_REFUSED: Final = {
    "HEAD": (409, 410, 429, 507),
    "DELETE": (410,),
    "PATCH": (410, 429, 507),
    "POST": (405, 409, 410, 429, 507),
}
_OFFSET: Final = Header("Upload-Offset", "Bytes that the device has.")
_EXPIRES: Final = Header("Upload-Expires", "When the upload ends if it is not touched.")
_KNOWN: Final = {200: Answer("Its offset.", headers=(_OFFSET,))}
_MOVED: Final = {204: Answer("How far it is now.", headers=(_OFFSET,))}
_EITHER: Final = {200: Answer("As HEAD."), 204: Answer("As PATCH or DELETE.")}


_OPTIONS = Endpoint(
    method="OPTIONS",
    path=_ALL,
    summary="What of tus is understood",
    tag=_TAG,
    scope=None,
    answers={204: Answer("Version and extensions.")},
)

_CREATE = Endpoint(
    method="POST",
    path=_ALL,
    summary="Begin a resumable upload",
    tag=_TAG,
    scope=Scope.WRITE,
    takes_bytes=True,
    headers=(
        _VERSION,
        Header("Upload-Length", "Bytes of the whole file.", required=True, pattern=_BYTES),
        Header(
            "Upload-Metadata",
            "path (or filename), filetype, modified; each base64.",
            required=True,
            pattern=f"^{_PAIR}(,{_PAIR}){{0,9}}$",
        ),
    ),
    refuses=(429, 507),
    answers={
        201: Answer(
            "The upload.",
            headers=(Header("Location", "Its address."), _OFFSET, _EXPIRES),
        )
    },
    words="tus 1.0; the body may hold the first bytes (application/offset+octet-stream).",
    unlocked=True,
    seconds=None,
)


def endpoints(services: Services) -> list[Bound]:
    """The uploads' endpoints."""
    append, look, end = _append(services), _look(services), _end(services)
    return [
        *_begin(services),
        Bound(_described("HEAD", "How far an upload is", _KNOWN), look),
        Bound(_described("PATCH", "Go on with an upload", _MOVED, takes=True), append),
        Bound(_described("DELETE", "End an upload", {204: Answer("It is over.")}), end),
        Bound(
            _described(
                "POST", "PATCH, HEAD or DELETE for clients that cannot send them", _EITHER, takes=True
            ),
            _overridden({"PATCH": append, "DELETE": end, "HEAD": look}),
        ),
    ]


def _overridden(known: Mapping[str, Handler]) -> Handler:
    """tus lets clients that cannot send PATCH or DELETE say so in a header."""

    async def override(call: Call) -> Reply | web.StreamResponse:
        chosen = known.get((call.header("X-HTTP-Method-Override") or "").upper())
        if chosen is None:
            raise PiccoloError(
                Kind.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", "Use PATCH, or X-HTTP-Method-Override: PATCH."
            )
        return await chosen(call)

    return override


def _described(method: str, summary: str, answers: dict[int, Answer], *, takes: bool = False) -> Endpoint:
    offset = Header("Upload-Offset", "Where the body goes on.", required=True, pattern=_BYTES)
    override = Header("X-HTTP-Method-Override", "PATCH, HEAD or DELETE.", pattern="^(PATCH|HEAD|DELETE)$")
    more = {"PATCH": (offset,), "POST": (override,)}.get(method, ())
    return Endpoint(
        method=method,
        path=_ONE,
        summary=summary,
        tag=_TAG,
        scope=Scope.WRITE,
        answers=answers,
        takes_bytes=takes,
        headers=(_VERSION, *more),
        unlocked=method in {"PATCH", "POST"},
        refuses=_REFUSED[method],
        seconds=None if takes else 60.0,
    )


def _begin(services: Services) -> list[Bound]:
    async def options(call: Call) -> Reply:
        return Reply(
            204,
            headers={
                **_RESUMABLE,
                "Tus-Version": tus.VERSION,
                "Tus-Extension": tus.EXTENSIONS,
                "Allow": "OPTIONS, POST",
            },
        )

    async def create(call: Call) -> Reply:
        tus.check_version(call.header("Tus-Resumable"))
        size = tus.number(call.header("Upload-Length"), "Upload-Length")
        target = tus.target(call.header("Upload-Metadata"))
        call.subject = target.path
        has_body = call.request.body_exists and call.request.content_length != 0
        if has_body:
            _check_media(call)
        pieces = pieces_held(services, call) if has_body else None
        progress = await services.uploads.create(target, size, pieces)
        headers = _headers(progress)
        if not has_body and size:
            del headers["Upload-Offset"]
        headers["Location"] = f"{_ALL}/{progress.record.upload_id}"
        return Reply(201, headers=headers)

    return [Bound(_OPTIONS, options), Bound(_CREATE, create)]


def _append(services: Services) -> Handler:
    async def append(call: Call) -> Reply:
        tus.check_version(call.header("Tus-Resumable"))
        _check_media(call)
        offset = tus.number(call.header("Upload-Offset"), "Upload-Offset")
        upload_id = call.parameter("upload_id")
        progress = await services.uploads.append(upload_id, offset, pieces_held(services, call))
        return Reply(204, headers=_headers(progress))

    return append


def _look(services: Services) -> Handler:
    async def look(call: Call) -> Reply:
        tus.check_version(call.header("Tus-Resumable"))
        progress = await services.uploads.look(call.parameter("upload_id"))
        headers = {**_headers(progress), "Upload-Length": str(progress.record.size)}
        return Reply(200, headers={**headers, "Cache-Control": "no-store"})

    return look


def _end(services: Services) -> Handler:
    async def end(call: Call) -> Reply:
        tus.check_version(call.header("Tus-Resumable"))
        await services.uploads.end(call.parameter("upload_id"))
        return Reply(204, headers=_RESUMABLE)

    return end


def _headers(progress: Progress) -> dict[str, str]:
    record = progress.record
    headers = {
        **_RESUMABLE,
        "Upload-Offset": str(progress.offset),
        "Upload-Expires": formatdate(record.expires, usegmt=True),
    }
    if record.done:
        headers["ETag"] = conditions.quoted(record.version_id)
        headers["Content-Location"] = f"{PREFIX}/files/{paths.to_address(record.path)}"
    return headers


def _check_media(call: Call) -> None:
    if call.request.content_type != tus.MEDIA:
        raise PiccoloError(Kind.INVALID, "MEDIA_UNSUPPORTED", f"Send the bytes as {tus.MEDIA}.")
