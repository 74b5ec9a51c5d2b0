"""What WebDAV's methods have in common."""

from __future__ import annotations

from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.api import Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.dav import conditions, headers
from piccolo_gateway.core.dav.conditions import If
from piccolo_gateway.core.dav.multistatus import MEDIA
from piccolo_gateway.engine.dav.guard import Asked
from piccolo_gateway.routes.call import Call

ALLOW: Final = "OPTIONS, GET, HEAD, PUT, DELETE, PROPFIND, PROPPATCH, MKCOL, COPY, MOVE, LOCK, UNLOCK"
_REFUSES: Final = (404, 405, 409, 412, 413, 415, 416, 423, 429, 502, 503, 507)


def described(
    method: str, scope: Scope | None, *answers: int, takes_bytes: bool = False, seconds: float | None = 90.0
) -> Endpoint:
    """A method."""
    return Endpoint(
        method=method,
        path=f"{headers.ROOT}/{{path}}",
        summary=method,
        tag="dav",
        scope=scope,
        answers={status: Answer(method, media=MEDIA) for status in answers},
        takes_bytes=takes_bytes,
        unlocked=scope is not None,
        seconds=seconds,
        refuses=_REFUSES,
    )


def path_of(call: Call) -> str:
    """The owner's path in the address. Raises PiccoloError INVALID (PATH_...)."""
    raw = raw_of(call)
    call.subject = headers.path_of(raw.removeprefix(headers.ROOT))
    return call.subject


def raw_of(call: Call) -> str:
    """The address as it was sent."""
    raw = call.request.rel_url.raw_path
    if raw != headers.ROOT and not raw.startswith(headers.ROOT + "/"):
        raise PiccoloError(Kind.INVALID, "PATH_INVALID", f"Write {headers.ROOT} as it is, without escapes.")
    if "#" in call.request.raw_path:  # what is meant may be a part of what would be changed
        raise PiccoloError(Kind.INVALID, "PATH_INVALID", "An address has no fragment; write # as %23.")
    return raw


def asked_of(call: Call) -> Asked:
    """What a request is about, and its conditions. Raises PiccoloError INVALID."""
    condition = call.header("If")
    return Asked(
        path=path_of(call),
        holder=call.actor.token_id,
        host=call.request.host,
        condition=If() if condition is None else conditions.read(condition),
        conditions=call.conditions,
    )
