"""Bodies about the machine that the device is."""

from __future__ import annotations

from typing import Annotated

import msgspec

from piccolo_gateway.core.bodies.base import Seconds, Told


class Machine(Told, frozen=True):
    """What the machine has, and what it has done since it started; two of these give rates."""

    time: Annotated[float, msgspec.Meta(description="Seconds of a clock that nobody sets.")]
    cores: int
    busy_seconds: Annotated[float, msgspec.Meta(description="Processor time used, of all cores together.")]
    idle_seconds: float
    memory_bytes: int
    memory_free_bytes: Annotated[int, msgspec.Meta(description="What programs could still get.")]
    disk_bytes: Annotated[int, msgspec.Meta(description="The disk that holds the others' fragments.")]
    disk_free_bytes: int
    received_bytes: Annotated[int, msgspec.Meta(description="By all networks but the loopback.")]
    sent_bytes: int
    started: Seconds
