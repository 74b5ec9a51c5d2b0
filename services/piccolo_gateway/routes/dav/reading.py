"""What changes nothing: OPTIONS, GET, HEAD, PROPFIND."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.dav import asked, headers, multistatus
from piccolo_gateway.routes import files
from piccolo_gateway.routes.call import Bound, Call, Reply, Sink, read_xml
from piccolo_gateway.routes.dav.endpoint import ALLOW, described, path_of
from piccolo_gateway.routes.services import Services

_PIECE: Final = 64 * 1024
# classes 1 and 2 of RFC 4918, which is 3; the second header is what Microsoft's clients look for
_OFFER: Final = {"DAV": "1, 2, 3", "MS-Author-Via": "DAV", "Allow": ALLOW}

_OPTIONS = described("OPTIONS", None, 200)
_GET = described("GET", Scope.READ, 200, 206, 304, seconds=None)
_HEAD = described("HEAD", Scope.READ, 200, 304, seconds=None)
_PROPFIND = described("PROPFIND", Scope.READ, 207, takes_bytes=True, seconds=None)


def endpoints(services: Services) -> list[Bound]:
    """The methods."""

    async def options(call: Call) -> Reply:
        return Reply(headers=_OFFER)

    async def get(call: Call) -> Reply | web.StreamResponse:
        return await files.told(services, call, files.request_of(call, path_of(call)))

    async def head(call: Call) -> Reply | web.StreamResponse:
        return await files.headed(services, files.request_of(call, path_of(call)))

    async def propfind(call: Call) -> web.StreamResponse:
        path = path_of(call)
        depth = headers.depth(call.header("Depth"), headers.INFINITY)
        wanted = asked.propfind(await read_xml(call.request))
        if depth == headers.INFINITY:
            raise PiccoloError(
                Kind.DENIED, "DEPTH_INFINITE", "A PROPFIND is answered to Depth 0 or 1; say which."
            )
        told = services.dav.listing.responses(path, wanted, children=depth == "1")
        return await _multistatus(call, told, services.idle_seconds)

    return [Bound(_OPTIONS, options), Bound(_GET, get), Bound(_HEAD, head), Bound(_PROPFIND, propfind)]


async def _multistatus(call: Call, told: AsyncIterator[str], idle_seconds: float) -> web.StreamResponse:
    """Sends responses as they come; what fails on the way cuts the connection."""
    kept = [multistatus.BEGIN, await anext(told)]
    response = web.StreamResponse(status=207, headers={"Content-Type": multistatus.MEDIA})
    sink = Sink(call.request, response, idle_seconds)
    await sink.begin()
    try:
        size = 0
        async for one in told:
            kept.append(one)
            size += len(one)
            if size >= _PIECE:
                await sink.send("".join(kept).encode())
                kept, size = [], 0
        await sink.send("".join([*kept, multistatus.END]).encode())
        await sink.end()
    except BaseException:
        sink.cut()
        raise
    return response
