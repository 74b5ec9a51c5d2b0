"""All routes as one application. What is registered here is what the API document says, and nothing else."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from piccolo_gateway.core.api import Endpoint
from piccolo_gateway.routes import (
    care,
    circle,
    device,
    files,
    headers,
    invitations,
    operations,
    pages,
    recovery,
    safety,
    sessions,
    settings,
    tokens,
    tree,
    uploads,
)
from piccolo_gateway.routes.call import Bound
from piccolo_gateway.routes.door import Door
from piccolo_gateway.routes.services import Services

_NOUNS: Final = (
    device,
    sessions,
    tokens,
    files,
    tree,
    uploads,
    safety,
    care,
    circle,
    invitations,
    recovery,
    operations,
    settings,
)


def all_endpoints(services: Services) -> list[Bound]:
    """Every endpoint and what answers it."""
    bound = [pages.page(), pages.metrics(services)]
    for noun in _NOUNS:
        bound += noun.endpoints(services)
    return [*bound, pages.api_document([one.endpoint for one in bound])]


def application(services: Services, door: Door) -> web.Application:
    """The application that a listener serves."""
    app = web.Application(middlewares=[door.outermost], client_max_size=0)
    app.on_response_prepare.append(headers.complete)
    bound = all_endpoints(services)
    taken = {(one.endpoint.method, one.endpoint.path) for one in bound}
    for one in bound:
        handler, address = door.around(one), _address(one.endpoint)
        app.router.add_route(one.endpoint.method, address, handler, expect_handler=_later)
        if _has_head(one.endpoint) and ("HEAD", one.endpoint.path) not in taken:
            app.router.add_route("HEAD", address, handler, expect_handler=_later)
    return app


def _has_head(endpoint: Endpoint) -> bool:
    return endpoint.method == "GET" and endpoint.seconds is not None


def _address(endpoint: Endpoint) -> str:
    """The address as the router knows it; an owner's path may have any number of parts and any character."""
    return endpoint.path.replace("{path}", "{path:(?s:.*)}")


async def _later(request: web.Request) -> None:
    """A client that waits before it sends its body waits until the body is wanted."""
