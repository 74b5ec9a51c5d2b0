"""Folders and chosen entries as one ZIP file, made while it is sent."""

from __future__ import annotations

from aiohttp import web

from piccolo_gateway.core import archives, paths
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, StructType
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.files import Chosen
from piccolo_gateway.routes.call import Bound, Call, Sink
from piccolo_gateway.routes.sending import head_of_archive, held, send
from piccolo_gateway.routes.services import Services


def endpoints(services: Services) -> list[Bound]:
    """The archives' endpoints."""

    async def of_one(call: Call) -> web.StreamResponse:
        return await _sent(call, [call.path])

    async def of_several(call: Call) -> web.StreamResponse:
        return await _sent(call, [paths.check(path) for path in call.query(Chosen).path])

    async def _sent(call: Call, chosen: list[str]) -> web.StreamResponse:
        async with services.archives.open(chosen) as pieces:
            head = head_of_archive(archives.file_name(chosen))
            return await send(Sink(call.request, head, services.idle_seconds), pieces, held(services, call))

    return [
        Bound(_described(f"{PREFIX}/archives/{{path}}", "A folder, or a file, as a ZIP file"), of_one),
        Bound(
            _described(f"{PREFIX}/archives", "Chosen files and folders as one ZIP file", Chosen), of_several
        ),
    ]


def _described(path: str, summary: str, query: StructType | None = None) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        summary=summary,
        tag="files",
        scope=Scope.READ,
        query=query,
        repeats=("path",) if query else (),
        refuses=(404, 409, 429),
        answers={200: Answer("The archive.", media=archives.MEDIA)},
        words="Nothing is compressed. When something cannot be read on the way, the connection is cut: an"
        f" archive that came to its end is whole. It may have {archives.MOST_NAMES:,} names.",
        unlocked=True,
        seconds=None,
    )
