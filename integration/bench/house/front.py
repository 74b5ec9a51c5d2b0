"""The bare house's front: HTTPS on one side, a gRPC stream to the vault on the other.

python -m integration.bench.house.front FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
from aiohttp import web
from piccolo_chassis import memory as allocator
from piccolo_gateway.adapters import certificate

from integration.bench.bare_process import MESSAGE, say_and_wait
from integration.bench.house import shape, vault
from integration.bench.house.shape import named

_BUFFER: Final = 256 * 1024


class Front:
    """Moves bytes between a client and the vault."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def put(self, request: web.Request) -> web.Response:
        """Stores a body."""
        call: Any = self._channel.stream_unary(f"/{vault.SERVICE}/Write")
        await call(_pieces(request), metadata=named(request.match_info["name"]))
        return web.Response()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answers with a file."""
        call: Any = self._channel.unary_stream(f"/{vault.SERVICE}/Read")
        parts = aiter(call(b"", metadata=named(request.match_info["name"])))
        response = web.StreamResponse()
        response.content_length = int.from_bytes(await anext(parts))
        await response.prepare(request)
        async for part in parts:
            await response.write(part)
        await response.write_eof()
        return response


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    kept = bytearray()
    async for chunk in request.content.iter_any():
        kept += chunk
        while len(kept) >= MESSAGE:
            yield bytes(memoryview(kept)[:MESSAGE])
            del kept[:MESSAGE]
    if kept:
        yield bytes(kept)


async def run(folder: Path) -> None:
    """Serves until SIGTERM."""
    async with shape.local(shape.read_shape(folder).vault) as channel:
        front = Front(channel)
        app = web.Application()
        app.add_routes([web.put("/{name}", front.put), web.get("/{name}", front.get)])
        runner = web.AppRunner(app, access_log=None, read_bufsize=_BUFFER)
        await runner.setup()
        pair = certificate.Identity(folder / certificate.KEY, folder / certificate.CERTIFICATE)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context(pair))
        await site.start()
        await say_and_wait(folder, str(runner.addresses[0][1]))
        await runner.cleanup()


if __name__ == "__main__":
    allocator.tune()
    asyncio.run(run(Path(sys.argv[1])))
