"""What is not a noun: the API document, the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from piccolo_gateway.core import exposition
from piccolo_gateway.core.api import PREFIX, About, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.openapi import document
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "about"
ABOUT: Final = About(
    title="Piccolo",
    version="1",
    words="A device of a circle that keeps its owners' files. Every failure is a problem document (RFC 9457)"
    " with a next step; long work answers with an operation.",
    tags={
        "device": "Setup, unlocking, the owner's words.",
        "sessions": "Logging in and out.",
        "factors": "What a login needs beside the passphrase.",
        "tokens": "For programs.",
        "files": "Storing, reading, naming.",
        "directories": "Listing.",
        "trash": "What was deleted, for as long as the setting trash.days says (30 days).",
        "uploads": "Resumable uploads, tus 1.0.",
        "shares": "Links for people without a device.",
        "safety": "What everything survives.",
        "circle": "The devices that keep each other's files.",
        "recovery": "Backup, and the way back from the words.",
        "operations": "Long work, and what changes.",
        "settings": "The owner's settings.",
        "audit": "Who did what.",
        "about": "This API.",
    },
)


_READ = Endpoint(
    method="GET",
    path="/metrics",
    summary="What all services count, for Prometheus",
    tag=_TAG,
    scope=Scope.METRICS,
    answers={200: Answer("The text exposition format, version 0.0.4.", media="text/plain")},
)

_DOCUMENT = Endpoint(
    method="GET",
    path=f"{PREFIX}/openapi.json",
    summary="This document",
    tag=_TAG,
    scope=None,
    answers={200: Answer("OpenAPI 3.1.", media="application/json")},
)


def metrics(services: Services) -> Bound:
    """The metrics of all services."""

    async def read(call: Call) -> Reply:
        text = exposition.merge(await services.metrics.read())
        return Reply(raw=text.encode(), media=exposition.MEDIA)

    return Bound(_READ, read)


def api_document(others: Sequence[Endpoint]) -> Bound:
    """The document of all endpoints, itself included; it is written when somebody first asks for it."""
    raw = cache(lambda: written(others))

    async def show(call: Call) -> Reply:
        return Reply(raw=raw())

    return Bound(_DOCUMENT, show)


def written(others: Sequence[Endpoint]) -> bytes:
    """The document as it is served, JSON."""
    return msgspec.json.encode(document(ABOUT, [*others, _DOCUMENT]))
