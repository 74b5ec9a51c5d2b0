"""What a process counts, and the RPC that reads it.

Rules:
* Each process has one registry of its own, never the library's global one.
* Names follow Prometheus' habits: piccolo_ in front, base units, _total for counters.
* Labels have few values: methods that exist, the 17 codes; never a file, an owner or an address.
* No process opens a port for metrics: they are read through its socket and merged by the gateway.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from piccolo.chassis.v1 import metrics_pb2, metrics_pb2_grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SERVICE = "piccolo.chassis.v1.MetricsService"
_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class RpcMetrics:
    """What is counted of every call that a server answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter(
            "piccolo_rpc_calls", "Calls answered, by method and code.", ["method", "code"], registry=registry
        )
        self.seconds = Histogram(
            "piccolo_rpc_seconds",
            "How long answered calls took.",
            ["method"],
            registry=registry,
            buckets=_BUCKETS,
        )
        self.running = Gauge(
            "piccolo_rpc_running", "Calls being answered now.", ["method"], registry=registry
        )
        # the library looks a labelled series up anew, under a lock, each time it is asked for
        self.running_of, self.seconds_of = cache(self.running.labels), cache(self.seconds.labels)
        self.ended_of = cache(self.ended.labels)


def new_registry() -> CollectorRegistry:
    """A registry that already counts what the process itself uses; it is read in the event loop."""
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(registry=registry)
    tasks = Gauge("piccolo_tasks", "Tasks of the event loop, running or waiting.", registry=registry)
    tasks.set_function(lambda: len(asyncio.all_tasks()))
    return registry


class MetricsServicer(metrics_pb2_grpc.MetricsServiceServicer):
    """Serves one registry as text."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._service, self._registry = service, registry

    async def Read(self, request: metrics_pb2.ReadRequest, context: Any) -> metrics_pb2.ReadResponse:
        """The registry as it is now."""
        text = generate_latest(self._registry).decode()
        return metrics_pb2.ReadResponse(service=self._service, exposition=text)
