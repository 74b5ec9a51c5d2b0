"""A process of the fork server is, to its parent and to itself, as one that was executed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

import pytest

from piccolo_chassis import command
from piccolo_chassis.testing_forks import Forked, ForkServer

pytestmark = pytest.mark.component

_TELLER = "piccolo_chassis.tests.toy.teller"
Process: TypeAlias = Forked | command.Process
Start: TypeAlias = Callable[[str], Awaitable[Process]]


@pytest.fixture
def server(no_leaked_processes: None) -> Iterator[ForkServer]:
    """A server of one program."""
    with ForkServer([_TELLER]) as server:
        yield server


@pytest.fixture
def log(tmp_path: Path) -> Iterator[IO[bytes]]:
    """Where the program writes."""
    with (tmp_path / "log").open("w+b") as log:
        yield log


@pytest.fixture(params=["forked", "executed"])
async def start(request: pytest.FixtureRequest, server: ForkServer, log: IO[bytes]) -> AsyncIterator[Start]:
    """Starts the program with one argument."""
    started: list[Process] = []

    async def start(argument: str) -> Process:
        secret = {"SECRET": "whispered"}
        if request.param == "forked":
            process: Process = server.start(_TELLER, [argument], secret, log)
        else:
            launched = [sys.executable, "-m", "piccolo_chassis.launch", _TELLER, argument]
            process = await command.start(launched, output=log, environment=secret)
        started.append(process)
        return process

    yield start
    for process in started:
        await command.end(process)


async def _told(log: IO[bytes]) -> dict[str, Any]:
    """What the program says; it may not have come so far yet."""
    while not (line := log.readline()).endswith(b"\n"):
        log.seek(0)
        await asyncio.sleep(0.01)
    return dict(json.loads(line))


async def test_it_finds_what_a_service_is_started_with_and_nothing_else(start: Start, log: IO[bytes]) -> None:
    process = await start("0")
    assert await process.wait() == 0
    assert await _told(log) == {
        "arguments": ["0"],
        "secret": "whispered",
        "locale": "C.UTF-8",
        "descriptors": [0, 1, 2],
        "input": "/dev/null",
        "parent": os.getpid(),
        "leads": True,
        "interrupted": True,
    }


@pytest.mark.parametrize("status", [0, 1, 78])
async def test_all_who_wait_hear_how_it_ended(start: Start, status: int) -> None:
    process = await start(str(status))
    assert set(await asyncio.gather(process.wait(), process.wait())) == {status}
    assert process.returncode == status
    await command.end(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_it_hears_signals(start: Start, log: IO[bytes], number: signal.Signals) -> None:
    process = await start("wait")
    await _told(log)
    assert process.returncode is None
    process.send_signal(number)
    assert await process.wait() == -number


async def test_its_group_is_ended_with_it(start: Start, log: IO[bytes]) -> None:
    process = await start("wait")
    await _told(log)
    await command.end(process, polite_seconds=0)
    assert process.returncode == -signal.SIGKILL


async def test_it_outlives_the_server_and_who_waits_in_vain_disturbs_nobody(log: IO[bytes]) -> None:
    with ForkServer([_TELLER]) as server:
        process = server.start(_TELLER, ["wait"], {}, log)
    await _told(log)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await process.wait()
    await command.end(process)
    assert process.returncode == -signal.SIGTERM
