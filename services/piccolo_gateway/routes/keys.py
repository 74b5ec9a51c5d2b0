"""What is noted on a request while it is answered, and on the application for all of them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from piccolo_gateway.core.api import Endpoint
from piccolo_gateway.routes.manner import Manner

ENDPOINT: Final = web.RequestKey("endpoint", Endpoint)
MANNER: Final = web.RequestKey("manner", Manner)
REQUEST_ID: Final = web.RequestKey("request_id", str)
SHARE_STYLE: Final = web.AppKey("share_style", str)
WELCOMED: Final = web.RequestKey("welcomed", bool)
