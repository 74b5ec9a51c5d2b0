"""This service's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from piccolo_chassis.serve import ServeConfig
from piccolo_chassis.state import Format

from piccolo_fragment_store.core.scrubbing import Pace
from piccolo_fragment_store.engine.limits import Limits

STATE: Final = Format("fragment-store", written=1, oldest=1, newest=1)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the fragment-store.

    Attributes:
        state: the folder that holds the fragments and everything else this service remembers.
        attestation: attestation's Unix socket.
        address: where peers reach us: `host:port`, on which to listen.
        endpoint: the address that peers dial, when it is another one (behind a router); else `address`.
        offer_bytes: bytes given to the circle; 0 gives nothing.
        disk_reserve_bytes: bytes of the disk that stay free, whatever the offer says.
        limits: what members may have under way at once.
        scrub: how fast everything that is kept is read again and again.
        serve: what every process has.
    """

    state: Path
    attestation: Path
    address: str = "0.0.0.0:7443"
    endpoint: str = ""
    offer_bytes: int = 0
    disk_reserve_bytes: int = 1 << 30
    limits: Limits = field(default_factory=Limits)
    scrub: Pace = field(default_factory=Pace)
    serve: ServeConfig = field(default_factory=ServeConfig)

    def __post_init__(self) -> None:
        if self.offer_bytes < 0 or self.disk_reserve_bytes < 0:
            raise ValueError("offer_bytes and disk_reserve_bytes are not negative")
        if ":" not in self.address:
            raise ValueError(f"address must be host:port, not {self.address!r}")
