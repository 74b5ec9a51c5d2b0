"""What a process holds, as the kernel and the process itself count it.

Rules:
* What comes and goes is no growth: of several looks the least of each number is kept, so a call that happens
  to be under way, or a page that is about to be given back, counts for nothing.
* Open files and tasks are told by the process: nobody else may look into the vault (it is not dumpable).
* The heap is RssAnon (proc(5)): the process's own pages, whoever else runs Python on the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from piccolo.chassis.v1.metrics_pb2 import ReadRequest
from piccolo.chassis.v1.metrics_pb2_grpc import MetricsServiceStub
from prometheus_client.parser import text_string_to_metric_families

from integration.bench.memory import parse_mib, proportional
from integration.device import Box

_LOOKS: Final = 5
_PAUSE_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 3600.0  # of whose clock runs fast


@dataclass(frozen=True, slots=True)
class Look:
    """What one process holds.

    Attributes:
        pss_mib: pages, shared ones by their part; None when that cannot be read.
        heap_mib: pages that are its own.
        files: open file descriptors.
        threads: of the process.
        tasks: of its event loop.
        state_bytes: the files that it keeps.
        log_bytes: what it has written to its log since its start.
    """

    pss_mib: float | None
    heap_mib: float
    files: int
    threads: int
    tasks: int
    state_bytes: int
    log_bytes: int


NAMES: Final = tuple(field.name for field in fields(Look))


def least(looks: Sequence[Look]) -> Look:
    """The least of each number; one that could not be read once is not told."""
    found = {name: [getattr(look, name) for look in looks] for name in NAMES}
    lowest: dict[str, Any] = {name: None if None in each else min(each) for name, each in found.items()}
    return Look(**lowest)


async def look(boxes: Sequence[Box]) -> dict[str, Look]:
    """The least of some looks at each process, by `<box> <service>`."""
    seen: dict[str, list[Look]] = {}
    for number in range(_LOOKS):
        if number:
            await asyncio.sleep(_PAUSE_SECONDS)
        for box in boxes:
            for service in box.services:
                seen.setdefault(f"{box.name} {service}", []).append(await _look(box, service))
    return {process: least(looks) for process, looks in seen.items()}


async def _look(box: Box, name: str) -> Look:
    service = box.services[name]
    async with box.connect(name) as channel:
        text = (await MetricsServiceStub(channel).Read(ReadRequest(), timeout=_PATIENCE_SECONDS)).exposition
    told, status = _values(text), Path(f"/proc/{service.pid}/status").read_text()
    return Look(
        pss_mib=proportional(service.pid),
        heap_mib=parse_mib(status, "RssAnon"),
        files=int(told["process_open_fds"]),
        threads=_number(status, "Threads"),
        tasks=int(told["piccolo_tasks"]),
        state_bytes=sum(_sizes(box.state(name))),
        log_bytes=(service.folder / "log").stat().st_size,
    )


def _values(exposition: str) -> Mapping[str, float]:
    """What has no labels, by name."""
    families = text_string_to_metric_families(exposition)
    return {each.name: each.value for family in families for each in family.samples if not each.labels}


def _number(status: str, name: str) -> int:
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines[name])


def _sizes(folder: Path) -> Iterator[int]:
    """The bytes of each file; one that goes meanwhile has none."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path.stat().st_size
