"""How WebDAV knows its callers, and how it refuses.

Rules:
* A token is the password of Basic, whatever the name; or it comes as Bearer. A session's cookie counts for
  nothing here: browsers send it unasked, and what changes files needs no page of ours.
* A failure that RFC 4918 has a name for is told in XML; all others are problem documents, as everywhere.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec
from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.dav import refusals
from piccolo_gateway.core.dav.multistatus import MEDIA
from piccolo_gateway.core.problems import MEDIA as PROBLEM
from piccolo_gateway.core.problems import problem_of, retry_after
from piccolo_gateway.routes.call import Reply
from piccolo_gateway.routes.dav.endpoint import ALLOW
from piccolo_gateway.routes.door import bearer, respond
from piccolo_gateway.routes.manner import Credentials

_CHALLENGE: Final = 'Basic realm="Piccolo", charset="UTF-8"'
_BASIC: Final = "basic "


class DavManner:
    """WebDAV's."""

    def credentials(self, request: web.Request) -> Credentials:
        """The token."""
        header = request.headers.get("Authorization")
        if header is None or not header.lower().startswith(_BASIC):
            return Credentials(token=bearer(header))
        try:
            pair = base64.b64decode(header[len(_BASIC) :].strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as wrong:
            raise PiccoloError(
                Kind.UNAUTHENTICATED, "AUTHORIZATION_UNKNOWN", "The Authorization header cannot be read."
            ) from wrong
        return Credentials(token=pair.partition(":")[2])

    def refusal(self, request: web.Request, failed: PiccoloError) -> web.Response:
        """The answer for a failure."""
        status = refusals.status_of(failed)
        extra = {
            "Allow": ALLOW if status == 405 else None,
            "Content-Range": f"bytes */{failed.details['size']}" if "size" in failed.details else None,
            "Retry-After": retry_after(failed),
            "WWW-Authenticate": _CHALLENGE if status == 401 else None,
        }
        headers = {name: value for name, value in extra.items() if value}
        body = refusals.body_of(failed)
        if body is not None:
            return respond(Reply(status, headers=headers, raw=body, media=MEDIA))
        told = msgspec.structs.replace(problem_of(failed), status=status)
        return respond(Reply(status, told, headers, media=PROBLEM))
