"""The disk's two slots, of which one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from piccolo_updater.core.manifest import Manifest


class Slots(Protocol):
    """Where a release is installed."""

    def there(self) -> bool:
        """Whether this device was started from one of them; one that runs from memory was not."""

    def running(self) -> str:
        """The version that runs."""

    def on_trial(self) -> bool:
        """Whether the version that runs was not found good yet."""

    def room(self) -> int:
        """Bytes that the boot entry of another version may have, when those are gone that give way to it."""

    async def write(self, staging: Path, version: str) -> None:
        """Writes a version's files from the staging folder into the free slot, its boot entry last.

        What there is of the same version was tried and gave up, or was cut off: it gives way.

        Raises PiccoloError FULL (SLOT_FAILED) or INTERNAL (SLOT_FAILED): what ran before still boots.
        """

    async def verify(self, manifest: Manifest) -> None:
        """Reads what was written and compares it with the root hash.

        Raises PiccoloError DATA_LOSS (SLOT_DAMAGED), after the boot entry was taken away again.
        """
