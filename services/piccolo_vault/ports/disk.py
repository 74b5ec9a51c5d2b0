"""This device's data partition: root's part of it, which the vault asks for two things."""

from __future__ import annotations

from typing import Protocol

from piccolo_vault.core.keys.disk import DiskAnswer


class Disk(Protocol):
    """The partition. All methods raise PiccoloError UNAVAILABLE (DISK_AWAY, DISK_BUSY)."""

    async def enrol(self, key: bytes) -> DiskAnswer:
        """Lets this key open it, beside the TPM, and no earlier one: 32 bytes."""
        ...

    async def open(self, key: bytes) -> DiskAnswer:
        """Opens it by this key; when that succeeds, this process will be asked to end."""
        ...
