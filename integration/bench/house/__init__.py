"""Bare processes in the shape that the architecture gives a device, as a contender: the floor of that shape.

    client -HTTPS-> front -gRPC, Unix socket-> vault -gRPC, mTLS-> m bare keepers
                                                '-gRPC, Unix socket-> metadata (SQLite)

Rules:
* As many hops one after the other, messages of the same sizes and as many syncs as ours: before a put a
  durable Prepare, after it a durable Publish, before a get a lookup. A file of up to 4 MiB goes to each
  keeper in one message; a larger one is streamed once all keepers have answered, and each is given a record
  at the end.
* Nothing else: no sealing, code, hash, signature, rule, log or count. Files are stored one by one.
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from piccolo_gateway.adapters import certificate

from integration.api import pinned
from integration.bench.bare import Grid
from integration.bench.bare_process import MESSAGE, started
from integration.bench.house.shape import FRONT, MEMORY, VAULT, write_shape

NAMED: Final = "bare house"
_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class House:
    """The client of a bare house."""

    session: aiohttp.ClientSession
    name: str = NAMED

    async def put(self, name: str, data: bytes) -> str:
        """Stores a file."""
        key = name.strip("/").replace("/", "-")
        headers = {"Content-Length": str(len(data))}
        async with self.session.put(f"/{key}", data=_pieces(data), headers=headers, raise_for_status=True):
            return key

    async def get(self, key: str) -> bytes:
        """Reads a file."""
        async with self.session.get(f"/{key}", raise_for_status=True) as answer:
            return b"".join([piece async for piece in answer.content.iter_chunked(MESSAGE)])


@asynccontextmanager
async def house(folder: Path, grid: Grid) -> AsyncIterator[House]:
    """The processes of a device in front of a grid of bare keepers; all end with the block."""
    write_shape(folder, grid)
    now = datetime.datetime.now(datetime.UTC)
    shown = certificate.self_made(folder / FRONT, ["localhost"], ["127.0.0.1"], now).certificate
    async with AsyncExitStack() as stack:
        await started(stack, "house.memory", folder / MEMORY)
        await started(stack, "house.vault", folder / VAULT)
        port = await started(stack, "house.front", folder / FRONT)
        session = aiohttp.ClientSession(
            f"https://127.0.0.1:{port}",
            connector=aiohttp.TCPConnector(ssl=pinned(shown), limit=64),
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
        )
        yield House(await stack.enter_async_context(session))


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), MESSAGE):
        yield data[at : at + MESSAGE]
