"""What an owner of very many files waits for, at the real process and a real cloud: 50,000 files a round.

    script/test bench --rounds 20 -- -k a_million     (a million files; some ten minutes)

Prints figures and fails on none.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from piccolo.metadata.v1 import backup_pb2, file_pb2
from piccolo_chassis.calls import Channel
from piccolo_chassis.testing import Service, running

from piccolo_metadata.core.objects import NewFile
from piccolo_metadata.tests.builders import a_file
from piccolo_metadata.tests.process import Client
from piccolo_metadata.tests.test_backup_fakes import Owner, real_cloud
from piccolo_metadata.tests.test_backup_process import Device, settings

pytestmark = pytest.mark.bench
A_ROUND = 50_000
A_PACK = 500
FOLDER = "/one folder of a hundred thousand"
CROWD = 100_000
WRITERS, COMMITS = 16, 5_000
LOOKS = 30
SEARCHES = ("größe 0", "0777", "099999", "nothing of that name", "9")
QUIET = 600.0


async def test_what_a_million_files_cost(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    count, owner = A_ROUND * pytestconfig.getoption("--rounds"), Owner()
    async with real_cloud(tmp_path / "cloud") as cloud:
        async with AsyncExitStack() as stack:
            process, channel = await metadata(stack, tmp_path / "one", cloud)
            device, client = Device(owner, channel), Client(channel)
            await device.delegate()
            await filled(client, count)
            await device.until(lambda now: now.enabled and not now.pending, QUIET)
            await looked(client, count)
            await committed(client, device)
            say(f"highest RSS {peak(process)} MiB")
        async with AsyncExitStack() as stack:
            process, channel = await metadata(stack, tmp_path / "two", cloud)
            begun = time.perf_counter()
            _, told = await Device(owner, channel).restore()
            seconds, all_files = time.perf_counter() - begun, count + COMMITS
            share = seconds / all_files * 1e5
            say(f"restored {all_files:,} files in {seconds:.1f} s, {share:.2f} s a 100,000")
            say(f"progress was told {len(told)} times; highest RSS {peak(process)} MiB")


async def metadata(stack: AsyncExitStack, folder: Path, cloud: tuple[str, str]) -> tuple[Service, Channel]:
    """A process, until the stack ends."""
    config = settings(folder, cloud) | {"serve": {"log_level": "warning"}}
    process = await stack.enter_async_context(running("metadata", config, folder, alone=True))
    return process, await stack.enter_async_context(process.connect())


def path_of(number: int) -> str:
    """The first hundred thousand in one folder, the others in folders of a thousand."""
    folder = FOLDER if number < CROWD else f"/folders/{number // 1_000}"
    return f"{folder}/Größe {number:07}.txt"


async def filled(client: Client, count: int) -> None:
    """In packs of five hundred, four under way."""
    begun, gate = time.perf_counter(), asyncio.Semaphore(4)

    async def pack(first: int) -> None:
        async with gate:
            await client.publish(*(a_file(path_of(each), each) for each in range(first, first + A_PACK)))

    async with asyncio.TaskGroup() as group:
        for first in range(0, count, A_PACK):
            group.create_task(pack(first))
    seconds = time.perf_counter() - begun
    say(f"published {count:,} files in packs of {A_PACK} in {seconds:.1f} s, {count / seconds:,.0f} a second")


async def looked(client: Client, count: int) -> None:
    """Pages of lists and searches, as a person asks for them."""
    middle = file_pb2.ListRequest(path=FOLDER, page_size=1_000)
    for _ in range(min(CROWD, count) // 2_000):
        middle.page_token = (await client.files.List(middle)).next_page_token
    await timed("list 1,000 in the middle of the folder", lambda: client.files.List(middle))
    small = file_pb2.ListRequest(path=path_of(count - 1).rpartition("/")[0], page_size=100)
    await timed("list 100 of a folder of a thousand", lambda: client.files.List(small))
    for query in SEARCHES:
        asked = file_pb2.SearchRequest(query=query)
        await timed(f"search {query!r}", partial(client.files.Search, asked))


async def timed(what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Says how long an answer takes."""
    seconds = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        await ask()
        seconds.append(time.perf_counter() - begun)
    say(f"{what}: median {statistics.median(seconds) * 1e3:.1f} ms, slowest {max(seconds) * 1e3:.1f} ms")


async def committed(client: Client, device: Device) -> None:
    """Single files by many writers, and how long the cloud lags behind them."""
    numbers, lags = iter(range(COMMITS)), []
    unsaved: dict[int, float] = {}

    async def writer() -> None:
        for number in numbers:
            await client.publish(a_single(number))
            unsaved[number] = time.perf_counter()

    async def watcher() -> None:
        async for answer in device.backup.WatchBackup(backup_pb2.WatchBackupRequest()):
            now, waiting = time.perf_counter(), answer.status.pending
            if waiting:
                lags.append(now - min(list(unsaved.values())[-waiting:], default=now))

    watching, begun = asyncio.ensure_future(watcher()), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(writer())
    seconds = time.perf_counter() - begun
    await device.backed_up()
    last = time.perf_counter() - begun - seconds
    watching.cancel()
    say(f"{COMMITS:,} files one by one by {WRITERS} writers: {COMMITS / seconds:.0f} a second")
    say(f"the cloud had the last one {last:.1f} s later; highest lag seen {max(lags, default=0.0):.1f} s")


def a_single(number: int) -> NewFile:
    """A small file of its own object."""
    return a_file(f"/single/{number % 50}/{number}", ("single", number))


def peak(process: Service) -> int:
    """The most memory that it ever had, MiB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


def say(line: str) -> None:
    """Also where pytest keeps what tests print."""
    sys.stderr.write(line + "\n")
