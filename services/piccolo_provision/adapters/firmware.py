"""Ignition data that a hypervisor hands over: QEMU's fw_cfg, as the kernel shows it."""

from __future__ import annotations

from pathlib import Path

from piccolo_provision.core import seed
from piccolo_provision.core.refusals import Reason, RefusedError


class Firmware:
    """The item at a path of /sys."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, bytes] | None:
        """The data, by its name on a volume; None: there is none. Raises RefusedError, SEED_UNREADABLE."""
        try:
            with self._path.open("rb") as item:
                data = item.read(seed.LARGEST_IGNITION + 1)
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise RefusedError(Reason.SEED_UNREADABLE) from failed
        if len(data) > seed.LARGEST_IGNITION:
            raise RefusedError(Reason.SEED_UNREADABLE)
        return {seed.IGNITION: data}
