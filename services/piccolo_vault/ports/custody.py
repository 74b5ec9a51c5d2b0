"""What the custody of the keys needs of the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

# Returns a new passphrase in its normal form; raises PiccoloError INVALID (PASSPHRASE_...).
Check: TypeAlias = Callable[[str], str]


class StateFiles(Protocol):
    """Small files in the vault's state folder, each replaced whole and durably.

    Calls block until the bytes survive a power cut. They are few and tiny, and made on the event loop on
    purpose:
    between the disk and the memory no cancellation can fall.
    """

    def load(self, name: str) -> bytes | None:
        """Returns a file's bytes, None when there is none.

        Raises PiccoloError UNAVAILABLE (STATE_UNREADABLE).
        """

    def save(self, name: str, content: bytes) -> None:
        """Replaces a file; raises PiccoloError FULL (STATE_FULL) or UNAVAILABLE (STATE_UNWRITABLE)."""

    def remove(self, name: str) -> None:
        """Removes a file, if it is there; raises as `save`."""


class Clock(Protocol):
    """Time, in seconds."""

    def wall(self) -> float:
        """Returns seconds since 1970. It may jump."""

    def running(self) -> float:
        """Returns seconds on a clock that only goes forward."""
