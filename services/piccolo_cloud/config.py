"""The cloud's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from piccolo_chassis.serve import ServeConfig
from piccolo_chassis.state import Format

from piccolo_cloud.adapters.s3_store import S3Settings
from piccolo_cloud.core.limits import Limits

STATE: Final = Format("cloud", written=1, oldest=1, newest=1)


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """The table [folder], used when there is no [s3].

    Attributes:
        path: where objects lie; absent is `objects` in the state folder.
        reserve: bytes of its disk that are never used.
    """

    path: Path | None = None
    reserve: int = 1 << 30


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The table [tls]: a certificate of one's own; absent, the cloud makes one."""

    key: Path
    certificate: Path


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.

    Attributes:
        state: the folder of the cloud's own state.
        listen: `host:port` of the gRPC listener; port 0 is the kernel's choice.
        calls: how many calls run at once.
        sweep_hours: how often expired messages are looked for.
    """

    state: Path
    listen: str = "0.0.0.0:7443"
    calls: int = 256
    sweep_hours: float = 1.0
    serve: ServeConfig = ServeConfig()
    limits: Limits = field(default_factory=Limits)
    folder: FolderSettings = FolderSettings()
    s3: S3Settings | None = None
    tls: TlsSettings | None = None

    def __post_init__(self) -> None:
        if self.calls < 1 or self.sweep_hours <= 0:
            raise ValueError("calls and sweep_hours must be above 0")
