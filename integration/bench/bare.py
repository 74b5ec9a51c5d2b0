"""The floor of any design of this kind: the same expanded bytes, copied to as many processes over bare gRPC.

Rules:
* As many bytes as we would place: m fragments of the size that the storage format gives a file; nothing is
  sealed, coded or hashed.
* A get reads k of them. Connections stand before the first measurement, as ours do.
* Files are copied one by one: a thousand small ones are not packed, as ours are.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography.hazmat.primitives import serialization
from piccolo_chassis import command
from piccolo_formats import tls
from piccolo_formats.segments import SegmentPlan
from piccolo_formats.stripes import LONE_STRIPE_SIZE, StripePlan

from integration.bench.bare_keeper import MESSAGE, NAME, OPTIONS, SERVICE
from integration.bench.errors import GridError
from integration.bench.waiting import until

NAMED: Final = "bare gRPC mTLS"
_READY_SECONDS: Final = 60.0
_CALL_SECONDS: Final = 600.0
_AT_ONCE: Final = 2


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


@asynccontextmanager
async def bare(folder: Path, k: int, m: int) -> AsyncIterator[Bare]:
    """m keepers that know nothing, each a process; all end with the block."""
    pairs = [_pair() for _ in range(m + 1)]
    roots = b"".join(tls.to_pem(certificate) for _, certificate in pairs)
    mine = grpc.ssl_channel_credentials(roots, pairs[m][0], tls.to_pem(pairs[m][1]))
    async with AsyncExitStack() as stack:
        at_once, channels = asyncio.Semaphore(_AT_ONCE), list[grpc.aio.Channel]()

        async def keeper(number: int) -> grpc.aio.Channel:
            key, certificate = pairs[number]
            place = folder / f"b{number:02d}"
            place.mkdir(parents=True)
            (place / "key.pem").write_bytes(key)
            (place / "certificate.pem").write_bytes(tls.to_pem(certificate))
            (place / "roots.pem").write_bytes(roots)
            async with at_once:
                port = await _started(stack, place)
            expect = ("grpc.ssl_target_name_override", tls.certificate_name(certificate))
            channel = grpc.aio.secure_channel(f"127.0.0.1:{port}", mine, [*OPTIONS, expect])
            await stack.enter_async_context(channel)
            await asyncio.wait_for(channel.channel_ready(), _READY_SECONDS)
            return channel

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(keeper(number)) for number in range(m)]
        channels += [task.result() for task in tasks]
        yield Bare(tuple(channels), k)


async def _started(stack: AsyncExitStack, place: Path) -> int:
    program: list[str | Path] = [sys.executable, "-m", "integration.bench.bare_keeper", place]
    with (place / "log").open("wb") as log:
        process = await command.start(program, output=log, folder=Path(__file__).parents[2])
    stack.push_async_callback(command.end, process)

    async def look() -> int | None:
        if process.returncode is not None:
            raise GridError(f"a bare keeper ended:\n{(place / 'log').read_text()}")
        return int((place / "port").read_text()) if (place / "port").exists() else None

    return await until(look, _READY_SECONDS, "bare keeper that listens")


def _pair() -> tuple[bytes, bytes]:
    key = tls.generate_key()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, tls.make_certificate(key)


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
