"""How a part of the gateway knows its callers, and how it refuses: the API in one way, WebDAV in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from piccolo_chassis.errors import PiccoloError


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller shows: a session's cookie or a token's secret, or neither."""

    cookie: str | None = None
    token: str | None = None


class Manner(Protocol):
    """A manner."""

    def credentials(self, request: web.Request) -> Credentials:
        """What the caller shows. Raises PiccoloError UNAUTHENTICATED (AUTHORIZATION_UNKNOWN)."""
        ...

    def refusal(self, request: web.Request, failed: PiccoloError) -> web.Response:
        """The answer for a failure."""
        ...
