"""What changes one entry: PUT, DELETE, MKCOL, PROPPATCH."""

from __future__ import annotations

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.dav import asked, headers, multistatus
from piccolo_gateway.core.dav.markup import element
from piccolo_gateway.ports.store import WriteStart
from piccolo_gateway.routes import files
from piccolo_gateway.routes.call import Bound, Call, Reply, read_xml
from piccolo_gateway.routes.dav.endpoint import asked_of, described, raw_of
from piccolo_gateway.routes.sending import pieces_held
from piccolo_gateway.routes.services import Services

_PUT = described("PUT", Scope.WRITE, 201, 204, takes_bytes=True, seconds=None)
_DELETE = described("DELETE", Scope.WRITE, 204)
_MKCOL = described("MKCOL", Scope.WRITE, 201, takes_bytes=True)
_PROPPATCH = described("PROPPATCH", Scope.WRITE, 207, takes_bytes=True)


def endpoints(services: Services) -> list[Bound]:
    """The methods."""

    async def put(call: Call) -> Reply:
        if raw_of(call).endswith("/"):
            raise PiccoloError(Kind.PRECONDITION, "IS_A_DIRECTORY", "A name with a slash behind is MKCOL's.")
        files.refuse_parts(call)
        what, mtime = asked_of(call), headers.modified(call.header("X-OC-Mtime"))
        start = WriteStart(
            what.path,
            modified=files.modified_of(call.header("X-Modified")) if mtime is None else mtime,
            media=files.media_of(call),
            size=call.request.content_length,
        )
        written = await services.dav.changes.put(what, start, pieces_held(services, call))
        told = {"ETag": conditions.quoted(written.version_id)}
        if mtime is not None:
            told["X-OC-Mtime"] = "accepted"
        return Reply(201 if written.created else 204, headers=told)

    async def delete(call: Call) -> Reply:
        await services.dav.changes.delete(asked_of(call))
        return Reply(204)

    async def mkcol(call: Call) -> Reply:
        if await read_xml(call.request):
            raise PiccoloError(Kind.INVALID, "MEDIA_UNSUPPORTED", "MKCOL takes no body.")
        await services.dav.changes.mkcol(asked_of(call))
        return Reply(201)

    async def proppatch(call: Call) -> Reply:
        what, changes = asked_of(call), asked.proppatch(await read_xml(call.request))
        outcome = await services.dav.changes.patch(what, changes)
        body = multistatus.BEGIN + _patched(call, outcome) + multistatus.END
        return Reply(207, raw=body.encode(), media=multistatus.MEDIA)

    return [Bound(_PUT, put), Bound(_DELETE, delete), Bound(_MKCOL, mkcol), Bound(_PROPPATCH, proppatch)]


def _patched(call: Call, outcome: dict[str, bool]) -> str:
    """What became of each property: all were changed, or none."""
    may = [element(name) for name, allowed in outcome.items() if allowed]
    may_not = [element(name) for name, allowed in outcome.items() if not allowed]
    told = multistatus.propstat(424 if may_not else 200, may) if may else ""
    if may_not:
        told += multistatus.propstat(403, may_not, "cannot-modify-protected-property")
    return multistatus.response(raw_of(call), told)
