"""The machine's own figures, by psutil."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from piccolo_gateway.core.bodies.machine import Machine

_LOOPBACK = "lo"


class OwnMachine:
    """This machine, and the disk that a folder lies on."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def look(self) -> Machine:
        """Its figures now."""
        cpu, memory, disk = psutil.cpu_times(), psutil.virtual_memory(), psutil.disk_usage(self._folder)
        idle = cpu.idle + cpu.iowait
        nets = [each for name, each in psutil.net_io_counters(pernic=True).items() if name != _LOOPBACK]
        return Machine(
            time=time.monotonic(),
            cores=psutil.cpu_count() or 1,
            busy_seconds=cpu.user + cpu.nice + cpu.system + cpu.irq + cpu.softirq + cpu.steal,
            idle_seconds=idle,
            memory_bytes=memory.total,
            memory_free_bytes=memory.available,
            disk_bytes=disk.total,
            disk_free_bytes=disk.free,
            received_bytes=sum(each.bytes_recv for each in nets),
            sent_bytes=sum(each.bytes_sent for each in nets),
            started=int(psutil.boot_time()),
        )
