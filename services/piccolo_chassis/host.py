"""What a process offers to its wiring: listeners, background tasks, metrics, and the word that the end is
near.

Rules:
* Every listener answers grpc.health.v1 and reflection; the socket also answers MetricsService. What a
  listener for peers serves is its own list: nothing is offered to the network by accident.
* Handlers of streams take `host.stopping` and end with what is durable when it is set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from piccolo.chassis.v1 import metrics_pb2_grpc
from prometheus_client import CollectorRegistry

from piccolo_chassis import rpc, validation
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.interceptors import Door, Limits
from piccolo_chassis.metrics import SERVICE as METRICS
from piccolo_chassis.metrics import MetricsServicer, new_registry
from piccolo_chassis.running import Running
from piccolo_chassis.tasks import Tasks

Register = Callable[[grpc.aio.Server], None]
_STREAMS_OF_A_CONNECTION: Final = 256


class Listener:
    """One server of the process: on its socket, or on an address with TLS."""

    def __init__(self, server: grpc.aio.Server, port: int = 0) -> None:
        self._server = server
        self._health = health.aio.HealthServicer()
        self._names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        self.port = port

    def add_service(self, register: Register, full_name: str) -> None:
        """Adds a service before serving begins.

        Args:
            register: puts the servicer into the server it is given (the generated add_..._to_server).
            full_name: the service's name on the wire, for health and reflection.
        """
        register(self._server)
        self._names.append(full_name)

    async def start(self) -> None:
        """Begins to serve."""
        validation.prepare(self._names)
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        reflection.enable_server_reflection(self._names, self._server)
        await self._server.start()

    async def refuse(self) -> None:
        """Tells whoever asks for its health that this listener is about to go."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace: float) -> None:
        """Takes no new calls and waits for those under way."""
        await self._server.stop(grace)


class Host:
    """The process as its wiring sees it."""

    def __init__(self, name: str, socket: Path | None, limits: Limits) -> None:
        self.name = name
        self.stopping = asyncio.Event()
        self.task_group = Tasks()
        self.metrics: CollectorRegistry = new_registry()
        self._running = Running(self.metrics)
        self._door = Door(self._running, limits)
        self._socket = socket
        self._listeners: list[Listener] = []
        self._local: Listener | None = None
        if socket is not None:
            rpc.check_socket(socket)
            self._local_server = rpc.new_server([self._door])
            self._local = Listener(self._local_server)
            self._listeners.append(self._local)
            servicer = MetricsServicer(name, self.metrics)
            self.add_service(
                lambda server: metrics_pb2_grpc.add_MetricsServiceServicer_to_server(servicer, server),
                METRICS,
            )

    def add_service(self, register: Register, full_name: str) -> None:
        """Adds a service to the process's Unix socket; see `Listener.add_service`.

        Raises PiccoloError PRECONDITION, NO_SOCKET when the configuration names no socket.
        """
        if self._local is None:
            raise PiccoloError(
                Kind.PRECONDITION,
                "NO_SOCKET",
                f"Set serve.socket: {self.name} serves {full_name} on a Unix socket.",
            )
        self._local.add_service(register, full_name)

    def add_listener(
        self,
        address: str,
        credentials: grpc.ServerCredentials,
        *,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        limit: int | None = None,
    ) -> Listener:
        """Adds a listener with TLS, bound at once and serving with the rest.

        Args:
            address: `host:port`; with port 0 the kernel chooses, and `Listener.port` tells.
            credentials: who we are, and whom we let in.
            interceptors: what authorises each call; they run inside the chassis's own.
            limit: how many calls may run at once; further ones are refused as RESOURCE_EXHAUSTED.

        Raises PiccoloError UNAVAILABLE, ADDRESS_IN_USE.
        """
        # each stream may have some bytes lying here that nobody has read
        options = [("grpc.max_concurrent_streams", _STREAMS_OF_A_CONNECTION)]
        server = rpc.new_server([self._door, *interceptors], limit, options)
        listener = Listener(server, rpc.bind_address(server, address, credentials))
        self._listeners.append(listener)
        return listener

    async def start(self) -> None:
        """Serves on every listener. Called by the chassis when the wiring stands."""
        if self._socket is not None:
            rpc.bind_socket(self._local_server, self._socket)
        for listener in self._listeners:
            await listener.start()

    async def stop(self, grace: float) -> None:
        """Ends serving: health off, `stopping`, drain, cancel. Called by the chassis."""
        for listener in self._listeners:
            await listener.refuse()
        self.stopping.set()
        async with asyncio.TaskGroup() as ending:
            for listener in self._listeners:
                ending.create_task(listener.stop(2 * grace + 1))
            ending.create_task(self._running.drain(grace))
