"""All routes as one application. What is registered here is what the API document says, and nothing else."""

from __future__ import annotations

from typing import Final, cast

from aiohttp import web

from piccolo_gateway.core.api import NARROW, Endpoint
from piccolo_gateway.routes import (
    about,
    archives,
    audit,
    care,
    circle,
    device,
    factors,
    files,
    headers,
    invitations,
    machine,
    network,
    operations,
    pages,
    power,
    recovery,
    safety,
    sessions,
    settings,
    shared,
    shares,
    support,
    tokens,
    tree,
    trust,
    uploads,
)
from piccolo_gateway.routes.call import Bound
from piccolo_gateway.routes.dav import register as register_dav
from piccolo_gateway.routes.door import Door
from piccolo_gateway.routes.face import Face
from piccolo_gateway.routes.keys import SHARE_STYLE
from piccolo_gateway.routes.services import Services

_NOUNS: Final = (
    device,
    sessions,
    factors,
    tokens,
    files,
    archives,
    tree,
    uploads,
    shares,
    shared,
    safety,
    care,
    circle,
    invitations,
    recovery,
    operations,
    settings,
    machine,
    power,
    audit,
    about,
    support,
    trust,
    network,
)


def all_endpoints(services: Services) -> list[Bound]:
    """Every endpoint and what answers it."""
    bound = _nouns(services)
    return [*bound, pages.api_document([one.endpoint for one in bound])]


def api_document() -> bytes:
    """The OpenAPI document as a gateway serves it, JSON."""
    unused = cast(Services, None)  # handlers look at their services when they are called, not before
    return pages.written([one.endpoint for one in _nouns(unused)])


def _nouns(services: Services) -> list[Bound]:
    return [pages.metrics(services), *(one for noun in _NOUNS for one in noun.endpoints(services))]


def application(services: Services, door: Door, face: Face) -> web.Application:
    """The application that a listener serves."""
    app = web.Application(middlewares=[door.outermost, face.navigate], client_max_size=0)
    app[SHARE_STYLE] = face.share_style
    app.on_response_prepare.append(headers.complete)
    bound = all_endpoints(services)
    taken = {(one.endpoint.method, one.endpoint.path) for one in bound}
    for one in bound:
        handler, address = door.around(one), _address(one.endpoint)
        app.router.add_route(one.endpoint.method, address, handler, expect_handler=_later)
        if _has_head(one.endpoint) and ("HEAD", one.endpoint.path) not in taken:
            app.router.add_route("HEAD", address, handler, expect_handler=_later)
    register_dav(app, services, door, _later)
    face.register(app.router)
    return app


def _has_head(endpoint: Endpoint) -> bool:
    return endpoint.method == "GET" and endpoint.seconds is not None


def _address(endpoint: Endpoint) -> str:
    """The address as the router knows it; an owner's path may have any number of parts and any character."""
    address = endpoint.path.replace("{path}", "{path:(?s:.*)}")
    for name, pattern in NARROW.items():
        address = address.replace(f"{{{name}}}", f"{{{name}:{pattern}}}")
    return address


async def _later(request: web.Request) -> None:
    """A client that waits before it sends its body waits until the body is wanted."""
