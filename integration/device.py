"""One device, or the cloud, as the processes that it is: each service on its own socket, state in one folder.

    <folder>/<service>/            configuration, log, run/s.sock
    <folder>/state/<service>/      what the service keeps

A device that is killed gets no warning; one that is wiped loses its state and becomes a blank box of the same
name.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from piccolo_chassis.calls import Channel
from piccolo_chassis.rpc import connect
from piccolo_chassis.testing import Service, spawned, until_ready

SERVICES: Final = ("metadata", "attestation", "fragment-store", "vault", "gateway")
_PORTS: Final = range(10_000, 32_768)
_GIVEN: Final[set[int]] = set()
_START_SECONDS: Final = 90.0
_GOSSIP_SECONDS: Final = 3.0
_HEADS_SECONDS: Final = 1.0


def free_port() -> int:
    """A port of the loopback that nobody uses; not one of those that the kernel gives to outgoing connections
    (ip(7), ip_local_port_range), which would take it while the box that it belongs to is off. None is given
    twice: the box that has it may not listen yet."""
    while True:
        port = secrets.choice(_PORTS)
        if port in _GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _GIVEN.add(port)
        return port


@dataclass(slots=True)
class Box(ABC):
    """Processes that live and die together.

    Attributes:
        environment: what its processes are started with besides.
        tuning: settings by service that are other than usual.
    """

    name: str
    folder: Path
    starting: asyncio.Semaphore
    services: dict[str, Service] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    tuning: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ends: dict[str, AsyncExitStack] = field(default_factory=dict)

    def socket(self, service: str) -> Path:
        """Where a service of this box listens."""
        return self.folder / service / "run" / "s.sock"

    def state(self, service: str) -> Path:
        """What a service of this box keeps."""
        return self.folder / "state" / service

    def connect(self, service: str) -> Channel:
        """A channel to a service of this box."""
        return connect(self.socket(service))

    @abstractmethod
    def settings(self, service: str) -> dict[str, Any]:
        """The configuration of one service."""

    async def run(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Starts services, all at once as the service manager does, and returns when all are ready."""
        async with asyncio.TaskGroup() as group:
            for name, values in settings.items():
                group.create_task(self._run(name, values))

    async def _run(self, name: str, values: Mapping[str, Any]) -> None:
        self.state(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        end = self._ends[name] = AsyncExitStack()
        async with self.starting:
            service = await end.enter_async_context(
                spawned(name, values, self.folder / name, environment=self.environment)
            )
            self.services[name] = service
            await until_ready(service, _START_SECONDS)

    async def stop(self, names: Sequence[str] | None = None) -> None:
        """Ends services in order, as a shutdown does."""
        for name in reversed(names or list(self.services)):
            await self.services[name].stop()
            await self._end(name)

    async def kill(self, names: Sequence[str] | None = None) -> None:
        """Cuts the power, or kills some services."""
        await asyncio.gather(*(self._end(name) for name in names or list(self.services)))

    async def close(self) -> None:
        """Leaves no process behind."""
        await asyncio.gather(*(self._end(name) for name in list(self._ends)))

    async def _end(self, name: str) -> None:
        self.services.pop(name, None)
        if end := self._ends.pop(name, None):
            await end.aclose()


@dataclass(slots=True)
class Cloud(Box):
    """The central cloud on a port of the loopback; `reached_at` when devices dial another address."""

    port: int = field(default_factory=free_port)
    reached_at: str = ""

    @property
    def listens_at(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Where devices dial it."""
        return self.reached_at or self.listens_at

    @property
    def certificate(self) -> Path:
        """The certificate that devices expect of it."""
        return self.state("cloud") / "tls.pem"

    async def start(self) -> None:
        """Starts the cloud."""
        await self.run({"cloud": self.settings("cloud")})

    def settings(self, service: str) -> dict[str, Any]:
        """The configuration of its one service."""
        return {
            "state": str(self.state(service)),
            "listen": self.listens_at,
            **self.tuning.get(service, {}),
        }


@dataclass(slots=True)
class Device(Box):
    """One owner's device; `reached_at` when peers dial another address than it listens at."""

    cloud: Cloud | None = None
    peers_port: int = field(default_factory=free_port)
    reached_at: str = ""
    https_port: int = field(default_factory=free_port)
    offer_bytes: int = 1 << 40
    store: Mapping[str, Any] = field(default_factory=dict)
    """The table [store] of the vault: its pace, where a test cannot wait for a real one."""

    @property
    def listens_at(self) -> str:
        """Where it listens for peers."""
        return f"127.0.0.1:{self.peers_port}"

    @property
    def url(self) -> str:
        """Where its owner's browser and programs go."""
        return f"https://127.0.0.1:{self.https_port}"

    @property
    def certificate(self) -> Path:
        """What it shows there."""
        return self.state("gateway") / "tls.pem"

    async def start(self) -> None:
        """Starts all services of the device."""
        await self.run({name: self.settings(name) for name in SERVICES})

    def settings(self, service: str) -> dict[str, Any]:
        """The configuration of one service."""
        state = {"state": str(self.state(service))}
        sockets = {name: str(self.socket(name)) for name in SERVICES if name != "gateway"}
        cloud = (
            {"cloud": {"address": self.cloud.address, "roots": str(self.cloud.certificate)}}
            if self.cloud
            else {}
        )
        each: dict[str, dict[str, Any]] = {
            "metadata": cloud,
            "attestation": {"metadata": sockets["metadata"], "pace": {"gossip": _GOSSIP_SECONDS}, **cloud},
            "fragment-store": {
                "attestation": sockets["attestation"],
                "address": self.listens_at,
                "endpoint": self.reached_at,
                "offer_bytes": self.offer_bytes,
            },
            "vault": {
                "metadata": sockets["metadata"],
                "attestation": sockets["attestation"],
                "heads": {"pace": _HEADS_SECONDS},
                "store": dict(self.store),
            },
            "gateway": {
                "address": f"127.0.0.1:{self.https_port}",
                "sockets": {name.replace("-", "_"): where for name, where in sockets.items()},
            },
        }
        return state | each[service] | self.tuning.get(service, {})

    def wipe(self) -> None:
        """Makes the box a blank one; its processes must have ended."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)
