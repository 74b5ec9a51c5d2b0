"""One large file in and out, and what the processes take of memory meanwhile; and what an idle device takes.

Rules:
* The keepers' disks hold m/k times the file. Whether they have room is asked before the first byte.
* An idle device is alone: no other process shares its pages but this one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.bench import memory, ours, streams
from integration.bench.errors import NoRoomError
from integration.bench.memory import Taken
from integration.circle import Circle, circle

_SPARE: Final = 2 << 30
_PATH: Final = "/bench/large"


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


def look_for_room(folder: Path, size: int, k: int, m: int) -> None:
    """Raises NoRoomError when the disk has not what the keepers need for `size` bytes."""
    free, needed = shutil.disk_usage(folder).free, room_needed(size, k, m)
    if free < needed:
        raise NoRoomError(
            f"{folder} has {free >> 20:,} MiB free; the keepers need {needed >> 20:,} MiB"
            f" for {size >> 20:,} MiB as {k} of {m}. Name another place with --folder."
        )


async def large(made: Circle, size: int, progress: streams.Progress) -> Large:
    """Puts and gets a file of `size` bytes at the gateway. Raises NoRoomError, WrongBytesError."""
    owner = made.owners[0]
    await ours.restart_vault(owner, None)
    health = (await owner.api.put("/bench/probe", b"how is this kept?")).health
    look_for_room(made.folder, size, health.k, health.m)
    for _, pid in processes(made):
        memory.reset_peak(pid)
    put_seconds, sent, _ = await streams.put(owner.api, _PATH, size, progress)
    get_seconds = await streams.get_same(owner.api, _PATH, size, sent, progress)
    return Large(size, health.k, health.m, put_seconds, get_seconds, _peaks(made))


async def idle(folder: Path, say: Callable[[str], None]) -> list[Taken]:
    """What each process of a device takes that is set up, has founded its circle, and has nothing to do."""
    async with circle(folder, 1, say) as made:
        await made.owners[0].api.backed_up()
        await made.cloud.stop()
        services = made.owners[0].device.services
        return [Taken(name, memory.proportional(service.pid)) for name, service in sorted(services.items())]


def processes(made: Circle) -> list[tuple[str, int]]:
    """Each process of the circle: whose it is and what, and its id."""
    found = [(f"cloud {name}", service.pid) for name, service in made.cloud.services.items()]
    for number, owner in enumerate(made.owners):
        whose = "owner's" if number == 0 else "keeper's"
        found += [(f"{whose} {name}", service.pid) for name, service in owner.device.services.items()]
    return found


def _peaks(made: Circle) -> list[Taken]:
    """The highest peak among the processes of each kind."""
    highest: dict[str, float | None] = {}
    for process, pid in processes(made):
        mib, known = memory.peak(pid), highest.get(process, 0.0)
        highest[process] = None if mib is None or known is None else max(mib, known)
    return [Taken(process, mib) for process, mib in sorted(highest.items())]
