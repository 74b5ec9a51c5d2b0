"""What a reader is told: on what the figures were taken, and the figures."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from integration.bench.figures import columns, table
from integration.bench.memory import Taken
from integration.bench.run import Run

_BUDGET: Final = 45.0
_LEGEND: Final = (
    "ratio: how many times as fast as the other; spread: (slowest - fastest) / median of the rounds"
)


def machine() -> list[str]:
    """What the figures are taken on, and how busy it is with other things."""
    cores = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = cores[0].partition(":")[2].strip() if cores else platform.machine()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} x {model}, Linux {platform.release()}",
        f"Python {platform.python_version()}, load {load}: other work on the machine spoils the figures",
    ]


def lines(run: Run) -> list[str]:
    """Everything that was measured."""
    told: list[str] = []
    if run.figures:
        told += ["", *table(run.figures), "", _LEGEND]
    if run.idle:
        known = [row.mib for row in run.idle if row.mib is not None]
        together = sum(known) if len(known) == len(run.idle) else None
        told += ["", f"idle device, PSS (budget {_BUDGET:g} MiB a service)"]
        told += memory_rows([*run.idle, Taken("together", together)])
    if run.file:
        took = run.file
        told += ["", f"{took.size >> 20:,} MiB as {took.k} of {took.m}"]
        told += [_way("in", took.size, took.put_seconds), _way("out", took.size, took.get_seconds)]
        told += ["highest RSS of each kind of process", *memory_rows(took.peaks)]
    return told


def memory_rows(rows: Sequence[Taken]) -> list[str]:
    """Processes and what they take."""
    told = [(row.process, "?" if row.mib is None else f"{row.mib:.0f} MiB") for row in rows]
    hidden = any(row.mib is None for row in rows)
    return columns(told, right=(1,)) + ["?: only root may look into the vault"] * hidden


def _way(way: str, size: int, seconds: float) -> str:
    return f"{way}: {seconds:.1f} s, {size / seconds / 1e6:.1f} MB/s"
