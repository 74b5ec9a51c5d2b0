"""The vault's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from piccolo_chassis.serve import ServeConfig
from piccolo_chassis.state import Format

from piccolo_vault.core.storage.settings import StoreSettings

STATE: Final = Format("vault", written=1, oldest=1, newest=1)
_LEAST_MIB = 64


@dataclass(frozen=True, slots=True)
class CustodyConfig:
    """The table [custody]: what one guess of the passphrase costs (Argon2id).

    A KEK that was wrapped at another cost still opens; the next change of the passphrase uses this one.

    Attributes:
        passes: how often the memory is walked through.
        memory_mib: MiB of memory, at least 64.
    """

    passes: int = 3
    memory_mib: int = 256

    def __post_init__(self) -> None:
        """Refuses what would make guessing cheap."""
        if self.memory_mib < _LEAST_MIB or self.passes < 2:
            raise ValueError(f"a passphrase needs at least 2 passes over {_LEAST_MIB} MiB")
        if self.memory_mib > 2047 or self.passes > 32:
            raise ValueError("no device unlocks with more than 32 passes over 2047 MiB")


@dataclass(frozen=True, slots=True)
class RecoveryConfig:
    """The table [recovery].

    Attributes:
        patience: seconds in which a majority of the members must have answered; then it waits for the same
            words to be given again.
        asking: seconds that its end waits for the members to tell what is newer than the backup.
    """

    patience: float = 600.0
    asking: float = 120.0


@dataclass(frozen=True, slots=True)
class HeadsConfig:
    """The table [heads].

    Attributes:
        pace: seconds at least between two times that the head of the backup log is left with the members.
    """

    pace: float = 60.0


@dataclass(frozen=True, slots=True)
class Config:
    """Where things are.

    Attributes:
        state: this service's folder.
        metadata: metadata's socket.
        attestation: attestation's socket.
        disk: the socket of root's part of the data partition; None: there is no such partition.
    """

    state: Path = Path("/var/lib/piccolo/vault")
    metadata: Path = Path("/run/piccolo/metadata/s.sock")
    attestation: Path = Path("/run/piccolo/attestation/s.sock")
    disk: Path | None = None
    serve: ServeConfig = ServeConfig()
    custody: CustodyConfig = field(default_factory=CustodyConfig)
    recovery: RecoveryConfig = field(default_factory=RecoveryConfig)
    heads: HeadsConfig = field(default_factory=HeadsConfig)
    store: StoreSettings = field(default_factory=StoreSettings)
