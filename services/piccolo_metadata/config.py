"""The settings of piccolo-metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_chassis.serve import ServeConfig
from piccolo_chassis.state import Format

from piccolo_metadata.adapters.schema import FORMAT, NEWEST_FORMAT

STATE: Final = Format("metadata", written=FORMAT, oldest=1, newest=NEWEST_FORMAT)


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """Where the backup log is kept.

    Attributes:
        address: `host:port` or `[IPv6 address]:port`; empty: no cloud, changes wait on this device.
        roots: PEM file of the certificates that vouch for the cloud; absent: those of the system.
        fingerprint: of the cloud's own certificate, 64 hex digits, instead of roots.
    """

    address: str = ""
    roots: Path | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.

    Attributes:
        state: the folder of the database.
    """

    state: Path = Path("/var/lib/piccolo-metadata")
    serve: ServeConfig = ServeConfig()
    cloud: CloudConfig = CloudConfig()
