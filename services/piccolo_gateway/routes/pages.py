"""What is not a noun: the plain page, the API document, the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from piccolo_gateway.core import exposition
from piccolo_gateway.core.api import PREFIX, About, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.openapi import document
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "about"
_HTML: Final = "text/html; charset=utf-8"
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Piccolo</title></head>
<body>
<h1>Piccolo</h1>
<p>This is a Piccolo device: a personal cloud. Its owner's files are kept, encrypted and in fragments,
by the other members of its circle.</p>
<p>Programs speak to it at <code>/api/v1</code>; the API document is
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</body>
</html>
"""
ABOUT: Final = About(
    title="Piccolo",
    version="1",
    words="A device of a circle that keeps its owners' files. Every failure is a problem document (RFC 9457)"
    " with a next step; long work answers with an operation.",
    tags={
        "device": "Setup, unlocking, the owner's words.",
        "sessions": "Logging in and out.",
        "tokens": "For programs.",
        "files": "Storing, reading, naming.",
        "directories": "Listing.",
        "trash": "What was deleted, for 30 days.",
        "uploads": "Resumable uploads, tus 1.0.",
        "safety": "What everything survives.",
        "circle": "The devices that keep each other's files.",
        "recovery": "Backup, and the way back from the words.",
        "operations": "Long work, and what changes.",
        "settings": "The owner's settings.",
        "audit": "Who did what.",
        "about": "This API.",
    },
)


_SHOW = Endpoint(
    method="GET",
    path="/",
    summary="What this is",
    tag=_TAG,
    scope=None,
    answers={200: Answer("A plain page.", media="text/html")},
)

_READ = Endpoint(
    method="GET",
    path="/metrics",
    summary="What all services count, for Prometheus",
    tag=_TAG,
    scope=Scope.METRICS,
    answers={200: Answer("The text exposition format, version 0.0.4.", media="text/plain")},
)


def page() -> Bound:
    """The plain page."""

    async def show(call: Call) -> Reply:
        return Reply(raw=_PAGE, media=_HTML)

    return Bound(_SHOW, show)


def metrics(services: Services) -> Bound:
    """The metrics of all services."""

    async def read(call: Call) -> Reply:
        text = exposition.merge(await services.metrics.read())
        return Reply(raw=text.encode(), media=exposition.MEDIA)

    return Bound(_READ, read)


def api_document(others: Sequence[Endpoint]) -> Bound:
    """The document of all endpoints, itself included."""
    endpoint = Endpoint(
        method="GET",
        path=f"{PREFIX}/openapi.json",
        summary="This document",
        tag=_TAG,
        scope=None,
        answers={200: Answer("OpenAPI 3.1.", media="application/json")},
    )
    made = document(ABOUT, [*others, endpoint])
    raw = msgspec.json.encode(made)

    async def show(call: Call) -> Reply:
        return Reply(raw=raw)

    return Bound(endpoint, show)
