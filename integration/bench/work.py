"""The work that everybody is given, and how it is done in turn.

Rules:
* Each round has fresh random bytes, so that nobody gains from having seen them.
* Each round begins with another contender, so that what one leaves behind (dirty pages, late writes) does not
  always fall on the same other.
* What is over in milliseconds is done several times in a round; the round's sample is the median of these.
* What comes back is compared, outside the measured time; a contender that returns other bytes ends the run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

from integration.bench.errors import WrongBytesError

AT_ONCE: Final = 16
_SECONDS: Final = 1800.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work:
    """So many files of so many bytes, as one job; `repeats`: how often it is done in a round."""

    name: str
    count: int
    file_size: int
    repeats: int = 1

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return self.count * self.file_size


WORKS: Final = (
    Work("64MiB", 1, 64 << 20),
    Work("1MiB", 1, 1 << 20, repeats=5),
    Work("4KiB", 1, 4 << 10, repeats=10),
    Work("1000x4KiB", 1000, 4 << 10),
)


class Contender(Protocol):
    """Somebody who keeps files."""

    @property
    def name(self) -> str:
        """What it is called in the figures."""

    async def put(self, name: str, data: bytes) -> str:
        """Stores a file; returns by what it is asked for again."""

    async def get(self, key: str) -> bytes:
        """Reads a whole file."""


@dataclass(slots=True)
class Samples:
    """Seconds of every round, by contender."""

    put: dict[str, list[float]] = field(default_factory=dict)
    get: dict[str, list[float]] = field(default_factory=dict)


def order(contenders: Sequence[T], turn: int) -> list[T]:
    """The contenders in the order of one round: each round another one is first."""
    at = turn % len(contenders)
    return [*contenders[at:], *contenders[:at]]


async def measure(
    work: Work, contenders: Sequence[Contender], rounds: int, told: Callable[[str], None]
) -> Samples:
    """Gives the work to every contender in turn, so many rounds."""
    samples = Samples()
    for turn in range(rounds):
        for contender in order(contenders, turn):
            done = [await _once(work, contender, f"{turn}-{repeat}") for repeat in range(work.repeats)]
            put, get = (median(seconds) for seconds in zip(*done, strict=True))
            samples.put.setdefault(contender.name, []).append(put)
            samples.get.setdefault(contender.name, []).append(get)
            told(f"{work.name} round {turn + 1}: {contender.name}: put {put:.3f} s, get {get:.3f} s")
    return samples


async def _once(work: Work, contender: Contender, turn: str) -> tuple[float, float]:
    files = [os.urandom(work.file_size) for _ in range(work.count)]
    names = [f"/bench/{work.name}/{turn}/{number:04d}" for number in range(work.count)]

    async def put(at: int) -> str:
        return await contender.put(names[at], files[at])

    put_seconds, keys = await _all(work.count, put)

    async def get(at: int) -> bytes:
        return await contender.get(keys[at])

    get_seconds, found = await _all(work.count, get)
    if found != files:
        raise WrongBytesError(f"{contender.name} returned other bytes than it was given ({work.name})")
    return put_seconds, get_seconds


async def _all(count: int, one: Callable[[int], Coroutine[Any, Any, T]]) -> tuple[float, list[T]]:
    """Does all of it, a bounded number at once; returns the seconds it took and the results in order."""
    waiting, results = iter(range(count)), dict[int, T]()

    async def worker() -> None:
        for at in waiting:
            results[at] = await one(at)

    began = perf_counter()
    async with asyncio.timeout(_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(min(count, AT_ONCE)):
            group.create_task(worker())
    return perf_counter() - began, [results[at] for at in range(count)]
