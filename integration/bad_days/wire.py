"""The way between boxes, and what may befall it: cut, hung, slow, one-way, and whole again.

    wires = Wires()
    async with circle(folder, 5, wires=wires) as made:
        wires.set(a, b, Way.silent())

Rules:
* Every byte from one box to another goes through here, whoever of the two dialled: what is set for (a, b)
  holds for bytes that travel from a to b, and for no others. So a partition may be one-way, and between two
  boxes only.
* TCP stands while a way is silent, as it does when packets are dropped: nothing is lost, nobody is told, and
  what waited goes on when the way is healed.
* Who dialled is what the kernel says of the socket's owner; a TLS handshake would not tell before it ends.
  Of a vault, which lets nobody look into it, only root is told: `only_root`.
* A change may wait for a count of bytes: then it falls in the middle of a transfer, in the same place each
  time.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import pytest

from integration.device import Box, Cloud, Device

only_root: Final = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root is told whose socket it is, and so between whom bytes travel"
)
_PIECE: Final = 65_536
_TICK: Final = 1.0

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Way:
    """How bytes travel from one box to another.

    Attributes:
        rate: bytes a second; 0: none arrive, and the sender is not told.
        delay: seconds that each piece takes.
        refused: connections are broken off, and new ones as soon as they are made.
    """

    rate: float = math.inf
    delay: float = 0.0
    refused: bool = False

    @classmethod
    def silent(cls) -> Self:
        """Nothing arrives, and nobody is told."""
        return cls(rate=0)

    @classmethod
    def trickle(cls) -> Self:
        """One byte a second."""
        return cls(rate=1)

    @classmethod
    def cut(cls) -> Self:
        """Connections break."""
        return cls(refused=True)


_CLEAR: Final = Way()


@dataclass(slots=True)
class _Armed:
    """A change that waits for so many more bytes."""

    way: Way
    left: int
    fallen: asyncio.Event = field(default_factory=asyncio.Event)


class Wires:
    """All ways between the boxes of a circle."""

    def __init__(self) -> None:
        self._ways: dict[Pair, Way] = {}
        self._armed: dict[Pair, _Armed] = {}
        self._carried: dict[Pair, int] = {}
        self._changed = asyncio.Event()
        self._boxes: list[Box] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, box: Cloud | Device) -> None:
        """Lets others reach a box through here; before it starts."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self._boxes.append(box)
        box.reached_at = f"127.0.0.1:{listener.getsockname()[1]}"
        self._spawn(self._listen(listener, box))

    def set(self, source: Box, target: Box, way: Way) -> None:
        """From now on bytes from `source` to `target` travel so."""
        self._set((source.name, target.name), way)

    def after(self, carried: int, source: Box, target: Box, way: Way) -> asyncio.Event:
        """The same, once so many more bytes have gone that way; the event is set when it has come to that."""
        armed = self._armed[source.name, target.name] = _Armed(way, carried)
        return armed.fallen

    def between(self, some: Iterable[Box], others: Iterable[Box], way: Way) -> None:
        """Both ways between each of some and each of others."""
        for one in some:
            for other in others:
                self.set(one, other, way)
                self.set(other, one, way)

    def around(self, box: Box, way: Way) -> None:
        """All ways from and to one box."""
        self.between([box], [other for other in self._boxes if other is not box], way)

    def heal(self) -> None:
        """All ways are clear, and nothing is to come."""
        self._armed.clear()
        self._ways.clear()
        self._wake()

    def carried(self, source: Box, target: Box) -> int:
        """How many bytes have gone that way."""
        return self._carried.get((source.name, target.name), 0)

    async def close(self) -> None:
        """Leaves no connection behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _set(self, pair: Pair, way: Way) -> None:
        self._armed.pop(pair, None)
        self._ways[pair] = way
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _way(self, pair: Pair) -> Way:
        return self._ways.get(pair, _CLEAR)

    # --- connections ---

    async def _listen(self, listener: socket.socket, target: Cloud | Device) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                accepted, address = await loop.sock_accept(listener)
                ports = (address[1], listener.getsockname()[1])
                self._spawn(self._connect(accepted, ports, target))

    async def _connect(self, accepted: socket.socket, ports: tuple[int, int], target: Cloud | Device) -> None:
        """One connection, to its end. What either side broke off is no failure of the wire."""
        try:
            source = await asyncio.to_thread(_dialler, ports, self._boxes)
            near_reader, near = await asyncio.open_connection(sock=accepted)
        except BaseException:
            accepted.close()
            raise
        there, back = (source, target.name), (target.name, source)
        host, _, listens = target.listens_at.rpartition(":")
        with suppress(OSError), closing(near.transport):
            await self._opened(there, back)
            far_reader, far = await asyncio.open_connection(host, int(listens))
            with closing(far.transport):
                await _first(
                    self._carry(near_reader, far, there),
                    self._carry(far_reader, near, back),
                    self._broken(there, back),
                )

    async def _opened(self, *pairs: Pair) -> None:
        """Returns when a connection may be made: its packets, too, travel both ways."""
        while not all(map(self._passable, pairs)):
            await self._changed.wait()

    def _passable(self, pair: Pair) -> bool:
        way = self._way(pair)
        if way.refused:
            raise ConnectionRefusedError
        return way.rate > 0

    async def _broken(self, *pairs: Pair) -> None:
        while not any(self._way(pair).refused for pair in pairs):
            await self._changed.wait()
        raise ConnectionResetError

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: Pair) -> None:
        """Carries to the end of one direction, which both devices take for the end of the connection."""
        while piece := await reader.read(_PIECE):
            await self._pass(memoryview(piece), writer, pair)
        while not self._way(pair).rate:  # on a silent way an end is not heard either
            await self._changed.wait()

    async def _pass(self, piece: memoryview, writer: asyncio.StreamWriter, pair: Pair) -> None:
        while piece:
            way, armed, changed = self._way(pair), self._armed.get(pair), self._changed
            if way.refused:
                raise ConnectionResetError
            if way.delay:
                await asyncio.sleep(way.delay)
            room = min(len(piece), armed.left if armed else len(piece))
            if way.rate != math.inf:
                room = min(room, int(way.rate * _TICK))
            writer.write(piece[:room])
            await writer.drain()
            piece = piece[room:]
            self._count(pair, room, armed)
            if way.rate != math.inf:
                await _first(changed.wait(), asyncio.sleep(_TICK if way.rate else math.inf))

    def _count(self, pair: Pair, carried: int, armed: _Armed | None) -> None:
        self._carried[pair] = self._carried.get(pair, 0) + carried
        if armed is None or self._armed.get(pair) is not armed:
            return
        armed.left -= carried
        if armed.left <= 0:
            self._set(pair, armed.way)
            armed.fallen.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _first(*work: Coroutine[Any, Any, object]) -> None:
    """Ends all when the first has ended; raises what that one raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _dialler(ports: tuple[int, int], boxes: Sequence[Box]) -> str:
    """The name of the box that connected these ports of the loopback; "" when none of them did."""
    inode = _inode_of(ports)
    for box in boxes:
        for service in list(box.services.values()):
            if inode in _sockets_of(service.pid):
                return box.name
    return ""


def _inode_of(ports: tuple[int, int]) -> str:
    """The kernel's number of the socket that connects a port to another (its documentation: proc_net_tcp).

    gRPC dials IPv4 through sockets of IPv6.
    """
    ends = [f":{port:04X}" for port in ports]
    for table in ("/proc/net/tcp6", "/proc/net/tcp"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            if not all(end in line for end in ends):  # there are thousands, and almost all are others'
                continue
            columns = line.split()
            if all(map(str.endswith, columns[1:3], ends)):
                return columns[9]
    return ""


def _sockets_of(pid: int) -> set[str]:
    """The numbers of a process's sockets."""
    found = set()
    with suppress(OSError):  # it may be ending
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, number = str(each.readlink()).partition(":")
                if kind == "socket":
                    found.add(number.strip("[]"))
    return found
