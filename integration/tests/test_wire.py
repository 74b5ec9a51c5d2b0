"""The way between boxes carries what it is given, and befalls exactly what was set."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from integration.bad_days.wire import Way, Wires
from integration.device import Cloud, Device

_SOON = 0.2


@dataclass
class Line:
    """Two boxes, both played by this process: the first one dials, the second one listens and collects."""

    wires: Wires
    dialler: Device
    listener: Cloud
    heard: bytearray = field(default_factory=bytearray)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _answering: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def close(self) -> None:
        """Leaves no connection behind."""
        await self.wires.close()
        await asyncio.gather(*filter(None, self._answering))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sends everything back."""
        self._answering.append(asyncio.current_task())
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                self.heard += piece
                self._news.set()
                writer.write(piece)
        writer.close()

    async def has_heard(self, count: int) -> None:
        """Returns when so many bytes arrived."""
        while len(self.heard) < count:
            self._news.clear()
            await self._news.wait()

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from the dialler to the listener."""
        host, _, port = self.listener.address.rpartition(":")
        return await asyncio.open_connection(host, int(port))


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with _line(tmp_path) as made:
        async with asyncio.timeout(20):
            yield made


@asynccontextmanager
async def _line(folder: Path) -> AsyncIterator[Line]:
    starting = asyncio.Semaphore(1)
    here: Any = SimpleNamespace(pid=os.getpid())
    made = Line(
        Wires(),
        Device("dialler", folder / "a", starting, services={"vault": here}),
        Cloud("listener", folder / "b", starting),
    )
    made.wires.join(made.dialler)
    made.wires.join(made.listener)
    server = await asyncio.start_server(made.answer, "127.0.0.1", made.listener.port)
    try:
        yield made
    finally:
        server.close()
        await made.close()


async def test_a_clear_way_carries_every_byte_both_ways(line: Line) -> None:
    reader, writer = await line.dial()
    sent = os.urandom(3_000_000)
    writer.write(sent)
    assert await reader.readexactly(len(sent)) == sent
    writer.close()
    assert line.wires.carried(line.dialler, line.listener) == len(sent)
    assert line.wires.carried(line.listener, line.dialler) == len(sent)


async def test_one_direction_is_silent_while_the_other_one_is_not_and_nothing_is_lost(line: Line) -> None:
    reader, writer = await line.dial()
    writer.write(b"a")
    assert await reader.readexactly(1) == b"a"
    line.wires.set(line.listener, line.dialler, Way.silent())
    writer.write(b"bc")
    await line.has_heard(3)
    assert not await _arrives(reader)
    line.wires.heal()
    assert await reader.readexactly(2) == b"bc"
    writer.close()


async def test_a_silent_way_accepts_and_never_answers(line: Line) -> None:
    line.wires.around(line.listener, Way.silent())
    reader, writer = await line.dial()
    writer.write(b"abc")
    assert not await _arrives(reader)
    assert not line.heard
    line.wires.heal()
    assert await reader.readexactly(3) == b"abc"
    writer.close()


async def test_a_way_is_cut_after_as_many_bytes_as_was_said(line: Line) -> None:
    fallen = line.wires.after(100_001, line.dialler, line.listener, Way.cut())
    reader, writer = await line.dial()
    writer.write(bytes(300_000))
    await fallen.wait()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(300_000)
    writer.close()
    assert line.wires.carried(line.dialler, line.listener) == 100_001
    reader, writer = await line.dial()
    assert await _ended(reader)
    writer.close()


async def test_a_trickle_is_one_byte_a_second(line: Line) -> None:
    line.wires.set(line.dialler, line.listener, Way.trickle())
    reader, writer = await line.dial()
    began = asyncio.get_running_loop().time()
    writer.write(b"abc")
    assert await reader.readexactly(2) == b"ab"
    assert asyncio.get_running_loop().time() - began >= 1.0
    writer.close()


async def test_what_is_set_for_one_box_is_nothing_to_another(line: Line, tmp_path: Path) -> None:
    stranger = Device("stranger", tmp_path / "c", asyncio.Semaphore(1))
    line.wires.join(stranger)
    line.wires.between([stranger], [line.listener], Way.silent())
    reader, writer = await line.dial()
    writer.write(b"abc")
    assert await reader.readexactly(3) == b"abc"
    writer.close()


async def _arrives(reader: asyncio.StreamReader) -> bool:
    """Whether anything comes soon."""
    try:
        async with asyncio.timeout(_SOON):
            return bool(await reader.read(1))
    except TimeoutError:
        return False


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True
