"""What the device's services count, read through their sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from piccolo.chassis.v1 import metrics_pb2
from piccolo.chassis.v1.metrics_pb2_grpc import MetricsServiceStub
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import PiccoloError
from prometheus_client import CollectorRegistry, generate_latest

_SECONDS = 2.0


class ServiceMetrics:
    """All services' expositions, the gateway's own first."""

    def __init__(self, own: CollectorRegistry, channels: Mapping[str, Channel]) -> None:
        self._own = own
        self._stubs = {name: MetricsServiceStub(channel) for name, channel in channels.items()}

    async def read(self) -> dict[str, str | None]:
        """Each service's exposition; None when it does not answer."""
        found = await asyncio.gather(*(self._read(stub) for stub in self._stubs.values()))
        return {"gateway": generate_latest(self._own).decode(), **dict(zip(self._stubs, found, strict=True))}

    async def _read(self, stub: MetricsServiceStub) -> str | None:
        try:
            return (await stub.Read(metrics_pb2.ReadRequest(), timeout=_SECONDS)).exposition
        except PiccoloError:
            return None
