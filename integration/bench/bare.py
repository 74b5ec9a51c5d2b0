"""The floor of any design of this kind: the same expanded bytes, copied to as many processes over bare gRPC.

Rules:
* As many bytes as we would place: m fragments of the size that the storage format gives a file; nothing is
  sealed, coded or hashed.
* A get reads k of them. Connections stand before the first measurement, as ours do.
* Files are copied one by one: a thousand small ones are not packed, as ours are.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography.hazmat.primitives import serialization
from piccolo_formats import tls
from piccolo_formats.segments import SegmentPlan
from piccolo_formats.stripes import LONE_STRIPE_SIZE, StripePlan

from integration.bench.bare_keeper import NAME, SERVICE
from integration.bench.bare_process import MESSAGE, OPTIONS, READY_SECONDS, started

NAMED: Final = "bare gRPC mTLS"
_CALL_SECONDS: Final = 600.0
_AT_ONCE: Final = 2
_PEERS: Final = "peers.json"


def fragment_size(size: int, k: int) -> int:
    """Bytes of each fragment of a file of that size, kept alone."""
    return StripePlan(SegmentPlan(size).sealed_size, LONE_STRIPE_SIZE, k).fragment_size


@dataclass(frozen=True, slots=True)
class Bare:
    """The client of all the processes, as a contender."""

    channels: tuple[grpc.aio.Channel, ...]
    k: int
    name: str = NAMED

    async def put(self, name: str, data: bytes) -> str:
        """Copies k parts of the file, and some of them again up to m, each to a process of its own."""
        key, size = name.strip("/").replace("/", "-"), fragment_size(len(data), self.k)
        async with asyncio.TaskGroup() as group:
            for index, channel in enumerate(self.channels):
                part = memoryview(data)[index % self.k * size :][:size]
                group.create_task(_put(channel, key, part, size))
        return f"{key} {len(data)}"

    async def get(self, key: str) -> bytes:
        """Reads the k parts."""
        name, size = key.split()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_get(channel, name)) for channel in self.channels[: self.k]]
        return b"".join(piece for task in tasks for piece in task.result())[: int(size)]


@dataclass(frozen=True, slots=True)
class Grid:
    """m keepers that run. `folder` is what a process needs to reach them."""

    folder: Path
    k: int
    m: int


@asynccontextmanager
async def grid(folder: Path, k: int, m: int) -> AsyncIterator[Grid]:
    """m keepers that know nothing, each a process; all end with the block."""
    pairs = [_pair() for _ in range(m + 1)]
    roots = b"".join(tls.to_pem(certificate) for _, certificate in pairs)
    async with AsyncExitStack() as stack:
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def keeper(number: int) -> list[str]:
            place = folder / f"b{number:02d}"
            _write_identity(place, *pairs[number], roots)
            async with at_once:
                port = await started(stack, "bare_keeper", place)
            return [f"127.0.0.1:{port}", tls.certificate_name(pairs[number][1])]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(keeper(number)) for number in range(m)]
        client = folder / "client"
        _write_identity(client, *pairs[m], roots)
        (client / _PEERS).write_text(json.dumps([task.result() for task in tasks]))
        yield Grid(client, k, m)


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[tuple[grpc.aio.Channel, ...]]:
    """Channels to all keepers of a grid, which stand."""
    key, certificate, roots = (
        (folder / f"{each}.pem").read_bytes() for each in ("key", "certificate", "roots")
    )
    mine = grpc.ssl_channel_credentials(roots, key, certificate)
    peers: Sequence[tuple[str, str]] = json.loads((folder / _PEERS).read_text())
    async with AsyncExitStack() as stack:
        channels = []
        for address, name in peers:
            expect = ("grpc.ssl_target_name_override", name)
            channel = grpc.aio.secure_channel(address, mine, [*OPTIONS, expect])
            channels.append(await stack.enter_async_context(channel))
            await asyncio.wait_for(channel.channel_ready(), READY_SECONDS)
        yield tuple(channels)


@asynccontextmanager
async def bare(made: Grid) -> AsyncIterator[Bare]:
    """One client of a grid."""
    async with connected(made.folder) as channels:
        yield Bare(channels, made.k)


def _pair() -> tuple[bytes, bytes]:
    key = tls.generate_key()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, tls.make_certificate(key)


def _write_identity(place: Path, key: bytes, certificate: bytes, roots: bytes) -> None:
    place.mkdir(parents=True)
    (place / "key.pem").write_bytes(key)
    (place / "certificate.pem").write_bytes(tls.to_pem(certificate))
    (place / "roots.pem").write_bytes(roots)


async def _put(channel: grpc.aio.Channel, key: str, part: memoryview, size: int) -> None:
    def pieces() -> Iterator[bytes]:
        for at in range(0, size, MESSAGE):
            length = min(MESSAGE, size - at)
            yield bytes(part[at : at + length]).ljust(length, b"\0")

    call: Any = channel.stream_unary(f"/{SERVICE}/Put")
    await call(pieces(), timeout=_CALL_SECONDS, metadata=((NAME, key),))


async def _get(channel: grpc.aio.Channel, key: str) -> list[bytes]:
    call: Any = channel.unary_stream(f"/{SERVICE}/Get")
    return [piece async for piece in call(b"", timeout=_CALL_SECONDS, metadata=((NAME, key),))]
