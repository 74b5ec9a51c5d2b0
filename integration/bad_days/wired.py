"""A circle in which every byte between two boxes goes through `Wires`, and whose vaults are impatient."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from integration.bad_days.wire import Wires
from integration.circle import Circle, circle
from integration.device import Cloud, Device

IMPATIENT: Final = {
    "store": {
        "open_seconds": 3.0,
        "stall_seconds": 3.0,
        "hold_seconds": 1.0,
        "tail_seconds": 3.0,
        "look_seconds": 1.0,
        "settle_seconds": 1.0,
    }
}


@asynccontextmanager
async def wired(folder: Path, devices: int) -> AsyncIterator[tuple[Circle, Wires]]:
    """The circle, and what may befall the ways between its boxes."""
    wires = Wires()

    def plug(box: Cloud | Device) -> None:
        wires.join(box)
        box.tuning["vault"] = dict(IMPATIENT)

    try:
        async with circle(folder, devices, plug=plug) as made:
            yield made, wires
    finally:
        await wires.close()
