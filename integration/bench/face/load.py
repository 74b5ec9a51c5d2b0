"""Many requests of one address over a few connections that stay, each sent when the last was answered.

Rules:
* One process speaks for all connections, and is not what is measured: what an answer costs is told by the
  processor time of the processes that answer, which others on the machine do not change.
* An answer that is not 200 ends the measurement.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.bench.errors import BenchError

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TICKS: Final = 100.0  # USER_HZ, proc_pid_stat(5)
_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What was measured of one address.

    Attributes:
        requests: how many were answered.
        seconds: how long that took.
        latencies: seconds of each, sorted.
        cpu: processor seconds, by process.
    """

    path: str
    requests: int
    seconds: float
    latencies: tuple[float, ...]
    cpu: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Answers a second of the clock, whatever else the machine does."""
        return self.requests / self.seconds

    def per_core(self, process: str) -> float:
        """Answers for each second of one processor that a process used."""
        return self.requests / max(self.cpu[process], 1 / _TICKS)

    def percentile(self, share: float) -> float:
        """Seconds within which that share was answered."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


async def measure(
    host: str,
    port: int,
    tls: ssl.SSLContext,
    path: str,
    pids: Mapping[str, int],
    connections: int,
    count: int,
) -> Load:
    """Sends so many requests in all. Raises BenchError."""
    each = max(1, count // connections)
    links = [await asyncio.open_connection(host, port, ssl=tls) for _ in range(connections)]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    try:
        await asyncio.gather(*(_talk(*link, request, 3) for link in links))  # whatever is made at first use
        before, began = _cpu(pids), time.perf_counter()
        found = await asyncio.gather(*(_talk(*link, request, each) for link in links))
        seconds, after = time.perf_counter() - began, _cpu(pids)
    finally:
        for _, writer in links:
            writer.transport.abort()
    latencies = tuple(sorted(one for some in found for one in some))
    cpu = {name: after[name] - before[name] for name in pids}
    return Load(path, len(latencies), seconds, latencies, cpu)


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, count: int
) -> list[float]:
    taken = []
    async with asyncio.timeout(_SECONDS + count / 10):
        for _ in range(count):
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if not head.startswith(b"HTTP/1.1 200 ") or length is None:
                raise BenchError(f"the answer was {head.partition(bytes([13]))[0].decode(errors='replace')}")
            await reader.readexactly(int(length[1]))
            taken.append(time.perf_counter() - began)
    return taken


def _cpu(pids: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds of processes so far, user's and system's."""
    return {name: _of(pid) for name, pid in pids.items()}


def _of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
