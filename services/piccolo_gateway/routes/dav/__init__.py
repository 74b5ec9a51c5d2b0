"""WebDAV at /dav: the same files, for the file managers and sync programs that people have.

Its methods are no words of OpenAPI, so they are registered here and not in the API's document; the door is
the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from aiohttp import web

from piccolo_gateway.core.dav.headers import ROOT
from piccolo_gateway.routes.call import Bound
from piccolo_gateway.routes.dav import locking, naming, reading, writing
from piccolo_gateway.routes.dav.manner import DavManner
from piccolo_gateway.routes.door import Door
from piccolo_gateway.routes.services import Services

_GROUPS: Final = (reading, writing, naming, locking)


def endpoints(services: Services) -> list[Bound]:
    """Every method and what answers it."""
    return [bound for group in _GROUPS for bound in group.endpoints(services)]


def register(
    app: web.Application, services: Services, door: Door, later: Callable[[web.Request], Awaitable[None]]
) -> None:
    """Adds the methods to an application; `later` is what happens at Expect: 100-continue."""
    manner = DavManner()
    for bound in endpoints(services):
        handler = door.around(replace(bound, manner=manner))
        for address in (ROOT, ROOT + "/{path:(?s:.*)}"):
            app.router.add_route(bound.endpoint.method, address, handler, expect_handler=later)
