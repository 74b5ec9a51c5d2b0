"""LOCK and UNLOCK."""

from __future__ import annotations

from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.dav import asked, headers, live, multistatus
from piccolo_gateway.core.dav.locks import Lock
from piccolo_gateway.core.dav.markup import DAV, element
from piccolo_gateway.routes.call import Bound, Call, Reply, read_xml
from piccolo_gateway.routes.dav.endpoint import asked_of, described
from piccolo_gateway.routes.services import Services

_LOCK = described("LOCK", Scope.WRITE, 200, 201, takes_bytes=True)
_UNLOCK = described("UNLOCK", Scope.WRITE, 204)


def endpoints(services: Services) -> list[Bound]:
    """The methods."""

    async def lock(call: Call) -> Reply:
        what, seconds = asked_of(call), headers.timeout(call.header("Timeout"))
        deep = headers.depth(call.header("Depth"), headers.INFINITY, without="1") == headers.INFINITY
        raw = await read_xml(call.request)
        if not raw:
            return Reply(raw=_told(services, await services.dav.locking.refresh(what, seconds)), media=_MEDIA)
        given, made = await services.dav.locking.lock(what, asked.lockinfo(raw), deep=deep, seconds=seconds)
        token = {"Lock-Token": f"<{given.token}>"}
        return Reply(201 if made else 200, headers=token, raw=_told(services, given), media=_MEDIA)

    async def unlock(call: Call) -> Reply:
        services.dav.locking.unlock(asked_of(call), headers.lock_token(call.header("Lock-Token")))
        return Reply(204)

    return [Bound(_LOCK, lock), Bound(_UNLOCK, unlock)]


_MEDIA = multistatus.MEDIA


def _told(services: Services, lock: Lock) -> bytes:
    inside = live.discovery([lock], services.clock.running())
    return multistatus.prop(element(f"{DAV}lockdiscovery", inside))
