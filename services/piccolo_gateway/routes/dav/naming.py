"""What gives names: COPY and MOVE."""

from __future__ import annotations

from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.dav import headers
from piccolo_gateway.engine.dav.changes import Target
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.dav.endpoint import asked_of, described
from piccolo_gateway.routes.services import Services

_COPY = described("COPY", Scope.WRITE, 201, 204)
_MOVE = described("MOVE", Scope.WRITE, 201, 204)


def endpoints(services: Services) -> list[Bound]:
    """The methods."""

    async def copy(call: Call) -> Reply:
        shallow = headers.depth(call.header("Depth"), headers.INFINITY, without="1") == "0"
        made = await services.dav.changes.copy(asked_of(call), _target(call), shallow=shallow)
        return Reply(201 if made else 204)

    async def move(call: Call) -> Reply:
        headers.depth(call.header("Depth"), headers.INFINITY, without="1")
        made = await services.dav.changes.move(asked_of(call), _target(call))
        return Reply(201 if made else 204)

    return [Bound(_COPY, copy), Bound(_MOVE, move)]


def _target(call: Call) -> Target:
    path = headers.destination(call.header("Destination"), call.request.host)
    return Target(path, headers.overwrite(call.header("Overwrite")))
