"""A disk whose power can be cut, as a test holds it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from piccolo_chassis import command

_ROOT: Final = Path(__file__).resolve().parents[3]
_ANSWER_SECONDS: Final = 60.0


class NoPowerError(Exception):
    """Such a disk cannot be had on this machine."""


@dataclass(slots=True)
class Disk:
    """A file system at `at`; see the package's rules for what a cut leaves of it."""

    at: Path
    _process: command.Process
    frozen: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def arm(self, after: int) -> None:
        """Lets the power go at the so-manieth change from now: then `frozen` is set, and nothing goes on."""
        self.frozen.clear()
        await self._ask(do="arm", after=after)

    async def freeze(self) -> None:
        """The power goes now: whoever uses the disk waits, until `die`."""
        await self._ask(do="freeze")

    async def die(self) -> None:
        """Lets those go who wait, with EIO; they should have been stopped before."""
        await self._ask(do="die")

    async def cut(self, seed: str) -> dict[str, int]:
        """Forgets what was not durable, as the seed will have it, and is there again; nobody may use it
        meanwhile.

        Returns how many changes of names were lost, and how many files had something at stake.
        """
        self.frozen.clear()
        return await self._ask(do="cut", seed=seed)

    async def blank(self) -> None:
        """Puts a new disk in its place."""
        await self._ask(do="blank")

    async def capacity(self, count: int) -> None:
        """How many bytes all its files together may have; those that are there stay."""
        await self._ask(do="capacity", bytes=count)

    async def about(self) -> dict[str, int]:
        """How many changes it has seen, and how many bytes its files have."""
        return await self._ask(do="about")

    async def _ask(self, **order: Any) -> dict[str, Any]:
        async with self._asking, asyncio.timeout(_ANSWER_SECONDS):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            answer = await self._answers.get()
        if refused := answer.get("refused"):
            raise NoPowerError(refused)
        return answer

    async def listen(self) -> None:
        """Hears what the disk's process says, to its end."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            heard = json.loads(line)
            if "frozen" in heard:
                self.frozen.set()
            else:
                self._answers.put_nowait(heard)
        assert self._process.stderr is not None
        words = (await self._process.stderr.read()).decode().strip()
        self._answers.put_nowait({"refused": words or "its process ended"})

    async def mounted(self) -> None:
        """Returns when it is there. Raises NoPowerError."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            if refused := (await self._answers.get()).get("refused"):
                raise NoPowerError(refused)


@asynccontextmanager
async def disk(at: Path) -> AsyncIterator[Disk]:
    """Mounts an empty disk there; it is gone at the end. Raises NoPowerError."""
    at.mkdir(mode=0o700, parents=True, exist_ok=True)
    backing = at.with_name(f"{at.name}.backing")
    backing.mkdir()
    program: list[str | Path] = [sys.executable, "-m", "integration.bad_days.power", at, backing]
    paths = os.pathsep.join((os.fspath(_ROOT), *filter(None, sys.path)))
    async with _started(program, {"PYTHONPATH": paths}) as process:
        made = Disk(at, process)
        hearing = asyncio.create_task(made.listen())
        try:
            await made.mounted()
            yield made
        finally:
            await _ended(process)
            await hearing
    shutil.rmtree(backing)


@asynccontextmanager
async def disks(places: list[Path]) -> AsyncIterator[list[Disk]]:
    """Several, each with a power of its own. Raises NoPowerError."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(disk(at)) for at in places]


@asynccontextmanager
async def _started(program: list[str | Path], environment: dict[str, str]) -> AsyncIterator[command.Process]:
    process = await command.start(program, piped=True, stdin=True, environment=environment)
    try:
        yield process
    finally:
        await command.end(process, polite_seconds=0)


async def _ended(process: command.Process) -> None:
    """It unmounts when its standard input ends."""
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(_ANSWER_SECONDS):
        await process.wait()
