"""The settings of provision."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from piccolo_chassis.state import Format

STATE: Final = Format("provision", written=1, oldest=1, newest=1)


@dataclass(frozen=True, slots=True)
class AskingConfig:
    """The table [asking]: how patiently the site is asked. All else waits meanwhile.

    Attributes:
        attempts: at most.
        first: seconds before the second one; doubled before each one after it.
        patience: seconds for all.
    """

    attempts: int = 6
    first: float = 1.0
    patience: float = 30.0

    def __post_init__(self) -> None:
        """Refuses what asks never, or holds up a boot."""
        if self.attempts < 1 or not 0 < self.patience <= 60 or self.first < 0:
            raise ValueError("attempts must be 1 at least, first not negative, patience 60 seconds at most")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings.

    Attributes:
        state: the folder of what is remembered.
        run: below it go all files that are made.
        volume: where the seed volume appears.
        firmware: where a hypervisor's Ignition data appears; it is looked at when there is no volume.
        vault: the vault's state folder; what is in it tells whether somebody owns the device.
        wait: seconds since the kernel's start after which no volume is waited for.
    """

    state: Path = Path("/var/lib/piccolo/provision")
    run: Path = Path("/run")
    vault: Path = Path("/var/lib/piccolo/vault")
    volume: Path = Path("/dev/disk/by-label/PICCOLOSEED")
    firmware: Path = Path("/sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw")
    wait: float = 12.0
    asking: AskingConfig = field(default_factory=AskingConfig)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def handover(self) -> Path:
        """Where steps leave what the next one needs."""
        return self.run / "piccolo/provision"
