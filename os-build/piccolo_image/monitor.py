"""QEMU's own protocol: what is asked of a virtual machine, and what befalls it.

Source: https://www.qemu.org/docs/master/interop/qmp-spec.html
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from piccolo_chassis.errors import Kind, PiccoloError

_SECONDS = 30.0


@dataclass(slots=True)
class Monitor:
    """One virtual machine's monitor; events are kept until they are waited for."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _events: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _ids: itertools.count[int] = field(default_factory=itertools.count)
    _listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, socket: Path) -> Self:
        """Connects to a machine's monitor."""
        made = cls(*await asyncio.open_unix_connection(socket))
        await made.reader.readline()  # the greeting
        made._listening = asyncio.create_task(made._listen())
        try:
            await made.ask("qmp_capabilities")
        except BaseException:
            await made.close()
            raise
        return made

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Gives a command; returns its answer. Raises PiccoloError INTERNAL, QEMU_REFUSED."""
        number = next(self._ids)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        said = {"execute": command, "arguments": arguments, "id": number}
        self.writer.write(json.dumps(said).encode() + b"\n")
        async with asyncio.timeout(_SECONDS):
            await self.writer.drain()
            answer = await waiting
        if "error" in answer:
            raise PiccoloError(Kind.INTERNAL, "QEMU_REFUSED", f"{command}: {answer['error']['desc']}")
        return answer["return"]

    async def event(self, name: str, seconds: float) -> None:
        """Returns when this has happened since the last `forget`."""
        async with asyncio.timeout(seconds):
            while await self._events.get() != name:
                pass

    def forget(self) -> None:
        """Forgets what has happened."""
        while not self._events.empty():
            self._events.get_nowait()

    async def _listen(self) -> None:
        with suppress(ConnectionError):
            while line := await self.reader.readline():
                told = json.loads(line)
                if "event" in told:
                    self._events.put_nowait(told["event"])
                elif waiting := self._answers.pop(told.get("id", -1), None):
                    waiting.set_result(told)

    async def close(self) -> None:
        """Lets go of it."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()
