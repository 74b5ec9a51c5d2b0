"""What processes take of the machine's memory, as the kernel counts it (proc(5)).

Rules:
* RSS is told at its highest since the work began: the kernel's own mark, which is reset before.
* PSS counts a page that n processes share as an n-th of it, so that a device's processes add up.
* The vault may not be looked into (it is not dumpable), except by root: what cannot be read is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RESET_PEAK: Final = "5"


@dataclass(frozen=True, slots=True)
class Taken:
    """A process and the MiB it takes; None when that cannot be read."""

    process: str
    mib: float | None


def parse_mib(text: str, name: str) -> float:
    """A field of status or smaps_rollup, which the kernel writes in KiB. Raises ValueError without it."""
    for line in text.splitlines():
        field, _, value = line.partition(":")
        if field == name:
            return int(value.split()[0]) / 1024
    raise ValueError(f"there is no {name} among what the kernel tells")


def reset_peak(pid: int) -> None:
    """Lets the peak of the RSS begin anew; where that is forbidden it stays the peak since the start."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)
    except PermissionError:
        return


def peak(pid: int) -> float | None:
    """The highest RSS, MiB."""
    return _read(pid, "status", "VmHWM")


def proportional(pid: int) -> float | None:
    """The PSS, MiB."""
    return _read(pid, "smaps_rollup", "Pss")


def _read(pid: int, file: str, name: str) -> float | None:
    try:
        return parse_mib(Path(f"/proc/{pid}/{file}").read_text(), name)
    except PermissionError:
        return None
