"""A grid of Tahoe-LAFS on loopback: introducer, storage nodes and one client, spoken to by its web API.

Rules:
* As its makers ship it: nothing is tuned but k, m and the addresses.
* Files are stored without a name (PUT /uri), which spares it the directories: the faster of its ways.
* On a busy machine it gives up on nodes that answer slowly, and refuses the file: that is tried again, as a
  person would, and the time counts.
* It is ready when its client's status page shows every storage node as connected.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
from piccolo_chassis import command

from integration.bench.errors import GridError
from integration.bench.waiting import until
from integration.device import free_port

PROGRAM: Final = Path(__file__).parents[2] / ".venv-tahoe" / "bin" / "tahoe"
VERSION: Final = "Tahoe-LAFS 1.20"
_CREATE_SECONDS: Final = 60.0
_READY_SECONDS: Final = 180.0
_AT_ONCE: Final = 2
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Tahoe:
    """The client node, as a contender."""

    session: aiohttp.ClientSession
    address: str
    name: str = VERSION

    async def put(self, name: str, data: bytes) -> str:
        """Stores an unlinked file; returns its capability."""
        del name
        for _ in range(_TRIES - 1):
            with suppress(GridError):
                return await self._put(data)
        return await self._put(data)

    async def _put(self, data: bytes) -> str:
        async with self.session.put(f"{self.address}/uri", data=data) as answer:
            return (await _body(answer)).decode()

    async def get(self, key: str) -> bytes:
        """Reads a file by its capability."""
        async with self.session.get(f"{self.address}/uri/{quote(key, safe='')}") as answer:
            return await _body(answer)

    async def connected(self) -> int:
        """How many storage nodes the client is connected to."""
        async with self.session.get(f"{self.address}/", params={"t": "json"}) as answer:
            servers = json.loads(await _body(answer))["servers"]
        return sum(server["connection_status"].lower().startswith("connected") for server in servers)


@asynccontextmanager
async def grid(folder: Path, needed: int, total: int) -> AsyncIterator[Tahoe]:
    """A running grid of `total` storage nodes; all its processes end with the block."""
    nodes = _Nodes(folder, asyncio.Semaphore(_AT_ONCE))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(nodes.close)
        introducer = await nodes.introducer()
        options = [f"--introducer={introducer}"]
        async with asyncio.TaskGroup() as group:
            for number in range(total):
                group.create_task(nodes.storage(f"s{number:02d}", options))
        port = free_port()
        shares = [f"--shares-needed={needed}", f"--shares-total={total}"]
        web = f"--webport=tcp:{port}:interface=127.0.0.1"
        await nodes.start("client", "create-client", [*options, *shares, web])
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=900)
        plain = {"Accept": "text/plain"}  # errors in words instead of in HTML
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=limits, headers=plain))
        client = Tahoe(session, f"http://127.0.0.1:{port}")
        await _ready(client, total)
        yield client


class _Nodes:
    """The processes of the grid."""

    def __init__(self, folder: Path, at_once: asyncio.Semaphore) -> None:
        self._folder, self._at_once = folder, at_once
        self._processes: list[command.Process] = []

    async def introducer(self) -> str:
        """Starts the introducer; returns its address, which it writes when it listens."""
        await self.start("introducer", "create-introducer", _listening())
        written = self._folder / "introducer" / "private" / "introducer.furl"

        async def look() -> str | None:
            return written.read_text().strip() or None if written.exists() else None

        return await until(look, _READY_SECONDS, "introducer")

    async def storage(self, name: str, options: list[str]) -> None:
        """Starts a storage node."""
        await self.start(name, "create-node", [*options, *_listening(), "--webport=none"])

    async def start(self, name: str, create: str, options: list[str]) -> None:
        """Makes a node and starts it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        place, home = self._folder / name, {"HOME": str(self._folder)}
        async with self._at_once:
            made: list[str | Path] = [PROGRAM, create, *options, place]
            await command.run(made, seconds=_CREATE_SECONDS, environment=home)
            with (self._folder / f"{name}.log").open("wb") as log:
                run: list[str | Path] = [PROGRAM, "run", "--allow-stdin-close", place]
                self._processes.append(await command.start(run, output=log, environment=home))

    async def close(self) -> None:
        """Leaves no process behind."""
        await asyncio.gather(*(command.end(process) for process in self._processes))


def _listening() -> list[str]:
    port = free_port()
    return ["--listen=tcp", f"--port=tcp:{port}:interface=127.0.0.1", f"--location=tcp:127.0.0.1:{port}"]


async def _ready(client: Tahoe, total: int) -> None:
    async def look() -> bool | None:
        try:
            return await client.connected() >= total or None
        except aiohttp.ClientConnectionError:  # the client does not listen yet
            return None

    await until(look, _READY_SECONDS, f"client that is connected to {total} storage nodes")


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = await answer.read()
    if answer.status not in (200, 201):
        raise GridError(f"the web API answered {answer.status}: {body[-600:].decode(errors='replace')}")
    return body
