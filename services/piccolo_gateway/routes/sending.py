"""Sending what a file or an archive holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import archives, conditions, media
from piccolo_gateway.engine.reading import Facts, Plan
from piccolo_gateway.routes.call import Call, Sink
from piccolo_gateway.routes.services import Services


def head_of_archive(name: str) -> web.StreamResponse:
    """The head of an answer that is an archive, not sent yet; its size is not known."""
    response = web.StreamResponse()
    response.headers["Content-Type"] = archives.MEDIA
    response.headers["Content-Disposition"] = media.attachment(name)
    response.headers["Accept-Ranges"] = "none"
    return response


def head_of(plan: Plan, facts: Facts, disposition: str) -> web.StreamResponse:
    """The head of an answer, not sent yet."""
    span = plan.span
    response = web.StreamResponse(status=206 if span else 200, headers=told_of(facts))
    response.headers["Content-Type"] = media.shown(facts.media)
    response.headers["Content-Disposition"] = disposition
    response.headers["Content-Security-Policy"] = media.SANDBOX
    response.headers["Accept-Ranges"] = "bytes"
    if span:
        response.headers["Content-Range"] = span.content_range
    response.content_length = span.length if span else facts.size
    return response


def told_of(facts: Facts) -> dict[str, str]:
    """The headers that tell of a version."""
    made = {
        "ETag": conditions.quoted(facts.version_id),
        "Cache-Control": "private, no-cache",
        "X-Modified": str(facts.modified),
    }
    date = conditions.date(facts.modified)
    return {**made, "Last-Modified": date} if date else made


def held(services: Services, call: Call) -> Callable[[], None]:
    """What raises when that by which the caller was let in has ended."""
    return lambda: services.access.require_held(call.actor)


async def pieces_held(services: Services, call: Call) -> AsyncIterator[bytes]:
    """The body in pieces, as long as that by which the caller was let in holds."""
    async for piece in call.pieces():
        services.access.require_held(call.actor)
        yield piece
    services.access.require_held(call.actor)


async def send(
    sink: Sink, data: AsyncIterator[bytes | memoryview], holds: Callable[[], None]
) -> web.StreamResponse:
    """Sends the bytes, and asks before each piece whether it may go on.

    What fails on the way, and too few of them, cuts the connection.
    """
    await sink.begin()
    try:
        sent = 0
        async for piece in data:
            holds()
            await sink.send(piece)
            sent += len(piece)
        _check_whole(sent, sink.response.content_length)
        await sink.end()
    except BaseException:
        sink.cut()
        raise
    return sink.response


def _check_whole(sent: int, promised: int | None) -> None:
    if promised is not None and sent != promised:
        raise PiccoloError(Kind.DATA_LOSS, "FILE_SHORT", f"{sent} bytes came of {promised}.")
