"""Fakes for the keys' half: state files that crash on demand, clocks that are set, servers for small fakes.

The services that the keys call are faked in tests/ (metadata_fake, circle_fakes, keeper_fake): they speak the
real wire over what `serving` serves, and check what they are given.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc
from piccolo_chassis import rpc
from piccolo_chassis.interceptors import Door, Limits
from piccolo_chassis.running import Running
from piccolo_formats.passphrase import Cost
from prometheus_client import CollectorRegistry

from piccolo_vault.adapters.common_passphrases import CommonPassphrases
from piccolo_vault.core.keys.passphrase import check_new

CHEAP = Cost(ops=1, mem=8 * 1024)
"""The least that Argon2id takes: tests guess thousands of passphrases."""
good_new = partial(check_new, common=CommonPassphrases())
"""The rules of a real vault for new passphrases."""


class Crash(Exception):  # noqa: N818 - it is no error of the program
    """The power went."""


@dataclass(slots=True)
class MemoryFiles:
    """`StateFiles` in memory. With `crash_at` = n the n-th change (from 1) is the last thing that happens.

    `torn` decides whether that change itself is still made: a rename either happened or did not.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    changes: int = 0
    crash_at: int = 0
    torn: bool = False

    def load(self, name: str) -> bytes | None:
        """Returns a file's bytes, None when there is none."""
        return self.content.get(name)

    def save(self, name: str, content: bytes) -> None:
        """Replaces a file."""
        self._change(lambda: self.content.update({name: content}))

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        self._change(lambda: self.content.pop(name, None))

    def rebooted(self) -> MemoryFiles:
        """The same disk after the power came back."""
        return MemoryFiles(content=dict(self.content))

    def _change(self, make: Callable[[], object]) -> None:
        self.changes += 1
        if self.changes != self.crash_at or not self.torn:
            make()
        if self.changes == self.crash_at:
            raise Crash(f"at change {self.changes}")


@dataclass(slots=True)
class SetClock:
    """`Clock` that stands still until it is moved."""

    at_wall: float = 1_800_000_000.0
    at_running: float = 0.0

    def wall(self) -> float:
        """Returns seconds since 1970."""
        return self.at_wall

    def running(self) -> float:
        """Returns seconds since the start."""
        return self.at_running

    def pass_by(self, seconds: float) -> None:
        """Lets time pass."""
        self.at_wall += seconds
        self.at_running += seconds


Register = Callable[[grpc.aio.Server], None]


@asynccontextmanager
async def serving(
    *registers: Register,
    path: Path | None = None,
    tls: grpc.ServerCredentials | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[int]:
    """A server with the chassis's door, on a Unix socket, or with TLS on a port; yields the port."""
    server = rpc.new_server([Door(Running(CollectorRegistry()), Limits(30.0, 30.0))])
    for register in registers:
        register(server)
    if path is not None:
        rpc.bind_socket(server, path)
    if tls is not None:
        port = rpc.bind_address(server, f"{host}:{port}", tls)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)
