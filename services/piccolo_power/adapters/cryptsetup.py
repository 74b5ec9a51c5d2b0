"""The partition's header by cryptsetup(8)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from piccolo_chassis import command

from piccolo_power.core.mark import MARK

_SECONDS: Final = 120.0


class Cryptsetup:
    """A partition with a LUKS2 header, in use or not."""

    def __init__(self, partition: Path) -> None:
        self._partition = partition

    def there(self) -> bool:
        """As the port says."""
        return self._partition.exists()

    async def mark(self) -> None:
        """As the port says."""
        await command.run(
            ["cryptsetup", "config", "--batch-mode", "--label", MARK, self._partition], seconds=_SECONDS
        )

    async def erase(self) -> None:
        """As the port says."""
        await command.run(["cryptsetup", "erase", "--batch-mode", self._partition], seconds=_SECONDS)
