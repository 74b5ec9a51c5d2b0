"""The image that people get, from outside: who may knock, and where nobody may log in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final

import pytest

from integration.device import free_port
from integration.machines.images import Image
from integration.machines.qemu import Qemu, device
from integration.machines.wiretap import answered
from integration.tests.qemu.test_refusals import HANDED

pytestmark = pytest.mark.qemu
OPEN: Final = {443, 7443}
PORTS: Final = range(1, 1 << 16)
INSIDE: Final = IPv4Address("10.0.2.15").packed
AT_ONCE: Final = 64
TRIES: Final = 3
PATIENCE: Final = 5.0
SECONDS: Final = 1200.0
CURSOR: Final = 16 * 32 * 3
"""Bytes of a cursor on the screen, at most; a prompt has many more."""


async def knock(made: Qemu, port: int, here: int) -> None:
    """Dials a TCP port of the device, until either side has had enough."""
    forward = f"tcp:127.0.0.1:{here}"
    assert not await made.monitor_line(f"hostfwd_add net {forward}-:{port}")
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", here)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(PATIENCE):
                await reader.read(1)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    finally:
        await made.monitor_line(f"hostfwd_remove net {forward}")


async def knock_all(made: Qemu, ports: Iterable[int]) -> None:
    """Dials many, some at once."""
    waiting = iter(ports)

    async def some(here: int) -> None:
        for port in waiting:
            await knock(made, port, here)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some(free_port()))


async def open_ports(made: Qemu) -> set[int]:
    """Those of the device's TCP ports that accept; every single one was heard."""
    packets = made.folder / "packets"
    await made.power.monitor.ask(
        "object-add",
        **{"qom-type": "filter-dump", "id": "tap", "netdev": "net", "file": str(packets), "maxlen": 96},
    )
    async with asyncio.timeout(SECONDS):
        while not answered(packets.read_bytes(), INSIDE)[0] >= OPEN:
            await knock_all(made, OPEN)  # the last of its services is still starting
    silent = set(PORTS)
    for _ in range(TRIES):
        await knock_all(made, silent)
        accepted, refused = answered(packets.read_bytes(), INSIDE)
        silent = set(PORTS) - accepted - refused
    assert not silent
    return accepted


async def shown(made: Qemu) -> bytes:
    """Its screen's picture, three bytes a dot."""
    _, _, _, dots = (await made.screen("console")).split(b"\n", 3)
    return dots


async def knock_at_consoles(made: Qemu) -> None:
    """Turns to another virtual console, and types there and on the serial line."""
    await made.press("ctrl", "alt", "f2")
    await made.press("ret")
    _reader, writer = await asyncio.open_unix_connection(made.power.device.serial)
    writer.write(b"\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_production_takes_no_units_from_firmware(production: Image) -> None:
    """They would run as root, and PCR 7 and 11 would be as ever."""
    async with device(production, "handed") as made:
        made.alter(credentials=HANDED)
        await made.start()
        assert "handed in" not in made.said()
        made.forget()
        await made.cut_power()


async def test_production_listens_to_few_and_lets_nobody_log_in(production: Image) -> None:
    """The ports are many: a prompt that somebody's knock called up is there before the last of them."""
    async with device(production, "production") as made:
        await made.start()
        before = await shown(made)
        assert any(before), "it says what became of its data"
        await knock_at_consoles(made)
        assert await open_ports(made) == OPEN
        changed = sum(one != other for one, other in zip(before, await shown(made), strict=True))
        assert changed <= CURSOR, "somebody who turned to a console was shown something"
        assert "login" not in made.said()
