"""One large file in and out, and what the processes take of memory meanwhile; and what an idle device takes.

Rules:
* The plaintext is made as it is sent and forgotten: two digests tell whether the same came back.
* The keepers' disks hold m/k times the file. Whether they have room is asked before the first byte.
* An idle device is alone: no other process shares its pages but this one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
from blake3 import blake3

from integration.bench import memory, ours
from integration.bench.errors import BenchError, NoRoomError, WrongBytesError
from integration.bench.memory import Taken
from integration.circle import Circle, circle
from integration.client import Client

_PIECE: Final = 1 << 20
_SPARE: Final = 2 << 30
_PATH: Final = "/bench/large"
_SECONDS: Final = 3600.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Large:
    """How it went: bytes, the fragments, seconds in and out, and the peak of each process."""

    size: int
    k: int
    m: int
    put_seconds: float
    get_seconds: float
    peaks: list[Taken]


def room_needed(size: int, k: int, m: int) -> int:
    """Free bytes without which a file of that size is not begun."""
    return size * m // k + size // 50 + _SPARE


async def large(made: Circle, size: int, progress: Progress) -> Large:
    """Puts and gets a file of `size` bytes at the gateway. Raises NoRoomError, WrongBytesError."""
    owner = made.owners[0]
    await ours.restart_vault(owner, None)
    health = (await owner.api.put("/bench/probe", b"how is this kept?")).health
    free, needed = shutil.disk_usage(made.folder).free, room_needed(size, health.k, health.m)
    if free < needed:
        raise NoRoomError(
            f"{made.folder} has {free >> 20:,} MiB free; the keepers need {needed >> 20:,} MiB"
            f" for {size >> 20:,} MiB as {health.k} of {health.m}. Name another place with --folder."
        )
    for _, pid in _processes(made):
        memory.reset_peak(pid)
    put_seconds, sent = await _put(owner.api, size, progress)
    get_seconds, came = await _get(owner.api, size, progress)
    if sent != came:
        raise WrongBytesError("the large file came back with other bytes")
    return Large(size, health.k, health.m, put_seconds, get_seconds, _peaks(made))


async def idle(folder: Path, say: Callable[[str], None]) -> list[Taken]:
    """What each process of a device takes that is set up, has founded its circle, and has nothing to do."""
    async with circle(folder, 1, say) as made:
        await made.owners[0].api.backed_up()
        await made.cloud.stop()
        services = made.owners[0].device.services
        return [Taken(name, memory.proportional(service.pid)) for name, service in sorted(services.items())]


async def _put(api: Client, size: int, progress: Progress) -> tuple[float, bytes]:
    state = blake3()

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, size, _PIECE):
            piece = os.urandom(min(_PIECE, size - at))
            state.update(piece)
            progress(at, size)
            yield piece

    began = perf_counter()
    headers, limits = {"Content-Length": str(size)}, aiohttp.ClientTimeout(total=_SECONDS)
    async with api.http.put(f"/api/v1/files{_PATH}", data=body(), headers=headers, timeout=limits) as answer:
        if answer.status >= 300:
            raise BenchError(f"the gateway answered {answer.status}: {(await answer.text())[:300]}")
        await answer.read()
    return perf_counter() - began, state.digest()


async def _get(api: Client, size: int, progress: Progress) -> tuple[float, bytes]:
    state, began, done = blake3(), perf_counter(), 0
    async with asyncio.timeout(_SECONDS):
        async for piece in api.read(_PATH):
            state.update(piece)
            done += len(piece)
            progress(done, size)
    return perf_counter() - began, state.digest()


def _processes(made: Circle) -> list[tuple[str, int]]:
    """Each process of the circle: whose it is and what, and its id."""
    found = [(f"cloud {name}", service.pid) for name, service in made.cloud.services.items()]
    for number, owner in enumerate(made.owners):
        whose = "owner's" if number == 0 else "keeper's"
        found += [(f"{whose} {name}", service.pid) for name, service in owner.device.services.items()]
    return found


def _peaks(made: Circle) -> list[Taken]:
    """The highest peak among the processes of each kind."""
    highest: dict[str, float | None] = {}
    for process, pid in _processes(made):
        mib, known = memory.peak(pid), highest.get(process, 0.0)
        highest[process] = None if mib is None or known is None else max(mib, known)
    return [Taken(process, mib) for process, mib in sorted(highest.items())]
