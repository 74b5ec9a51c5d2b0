"""Headers that every answer has, and the session's cookie.

Rules:
* Nothing that the API answers is kept by a cache, shown in a frame, or run as a page.
* `__Host-` makes browsers refuse the cookie unless it is Secure, for this host only and for all its paths.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web
from piccolo_chassis import logs

from piccolo_gateway.core import tus
from piccolo_gateway.core.api import PREFIX
from piccolo_gateway.routes.keys import REQUEST_ID

_UPLOADS: Final = f"{PREFIX}/uploads"
COOKIE: Final = "__Host-piccolo"
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Strict"
ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def complete(request: web.Request, response: web.StreamResponse) -> None:
    """Adds what the handler has not set; runs before the head of each answer is sent."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "Piccolo"  # the library has put its own there
    if request.path.startswith(_UPLOADS):
        response.headers.setdefault("Tus-Resumable", tus.VERSION)  # in every answer, says tus
        if response.status == 412:
            response.headers.setdefault("Tus-Version", tus.VERSION)
    if number := request.get(REQUEST_ID):
        response.headers[logs.REQUEST_ID] = number


def cookie(secret: str, seconds: int) -> str:
    """The Set-Cookie header that begins a session."""
    return f"{COOKIE}={secret}; Max-Age={seconds}; {_ATTRIBUTES}"


def no_cookie() -> str:
    """The Set-Cookie header that ends it."""
    return f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}"
