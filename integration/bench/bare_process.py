"""What all bare processes have in common: how one is started, and how it serves until it is asked to end."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import grpc
from piccolo_chassis import command
from piccolo_chassis.state import write_durably

from integration.bench.errors import GridError
from integration.bench.waiting import until

MESSAGE: Final = 1 << 20
OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", 8 * MESSAGE),
    ("grpc.max_send_message_length", 8 * MESSAGE),
    ("grpc.so_reuseport", 0),
]
READY_SECONDS: Final = 60.0
_GRACE: Final = 1.0
_READY: Final = "ready"


async def started(stack: AsyncExitStack, module: str, place: Path) -> str:
    """Starts a module with its folder, to end with the stack; returns what it says when it is ready.

    Raises GridError when it ends instead.
    """
    program: list[str | Path] = [sys.executable, "-m", f"integration.bench.{module}", place]
    with (place / "log").open("wb") as log:
        process = await command.start(program, output=log, folder=Path(__file__).parents[2])
    stack.push_async_callback(command.end, process)

    async def look() -> str | None:
        if process.returncode is not None:
            raise GridError(f"{module} ended:\n{(place / 'log').read_text()}")
        return (place / _READY).read_text() if (place / _READY).exists() else None

    return await until(look, READY_SECONDS, f"{module} that is ready")


async def serve(server: grpc.aio.Server, place: Path, said: str) -> None:
    """Serves, says so, and ends at SIGTERM."""
    await server.start()
    await say_and_wait(place, said)
    await server.stop(_GRACE)


async def say_and_wait(place: Path, said: str) -> None:
    """Says that the process is ready; returns at SIGTERM."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    write_durably(place / _READY, said.encode())
    await asked.wait()
