"""A file in and out at the gateway, of which nothing is kept: made as it is sent, forgotten as it comes.

Rules:
* Two digests tell whether the same came back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from time import perf_counter
from typing import Final

import aiohttp
from blake3 import blake3

from integration.answers import Written
from integration.api import checked
from integration.bench.errors import WrongBytesError
from integration.client import Client

_PIECE: Final = 1 << 20
SECONDS: Final = 3600.0
Progress = Callable[[int, int], None]


async def put(api: Client, path: str, size: int, progress: Progress) -> tuple[float, bytes, Written]:
    """Stores `size` random bytes; returns the seconds it took, their digest, and what was stored.

    Raises ApiError as the device refuses it.
    """
    state, began = blake3(), perf_counter()
    headers, limits = {"Content-Length": str(size)}, aiohttp.ClientTimeout(total=SECONDS)
    data = made(size, state, progress)
    async with api.http.put(f"/api/v1/files{path}", data=data, headers=headers, timeout=limits) as answer:
        written = Written.of(await checked(answer))
    return perf_counter() - began, state.digest(), written


async def made(size: int, state: blake3, progress: Progress) -> AsyncIterator[bytes]:
    """Random bytes, which go into the digest as they are made."""
    for at in range(0, size, _PIECE):
        piece = os.urandom(min(_PIECE, size - at))
        state.update(piece)
        progress(at, size)
        yield piece


async def get(api: Client, path: str, size: int, progress: Progress) -> tuple[float, bytes]:
    """Reads a file; returns the seconds it took and the digest of what came."""
    began = perf_counter()
    async with asyncio.timeout(SECONDS):
        digest = await digest_of(api.read(path), size, progress)
    return perf_counter() - began, digest


async def digest_of(pieces: AsyncIterator[bytes], size: int, progress: Progress) -> bytes:
    """The digest of all that comes."""
    state, done = blake3(), 0
    async for piece in pieces:
        state.update(piece)
        done += len(piece)
        progress(done, size)
    return state.digest()


async def get_same(api: Client, path: str, size: int, sent: bytes, progress: Progress) -> float:
    """Reads a file; returns the seconds it took. Raises WrongBytesError if it is not what was sent."""
    seconds, came = await get(api, path, size, progress)
    if came != sent:
        raise WrongBytesError(f"{path} came back with other bytes")
    return seconds
