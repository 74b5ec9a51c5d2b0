"""How much anybody may store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

_GIB: Final = 1 << 30
BEYOND: Final = 1 << 20
"""What a full log has left for the few words of who follows: claims, and that it moved."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The table [limits]; sizes in bytes.

    Attributes:
        entry: one entry of a log. S3 copies at most 5 GiB in one request.
        log: all entries of one log.
        mailboxes: all messages of all boxes.
    """

    entry: int = 4 * _GIB
    log: int = 64 * _GIB
    mailboxes: int = _GIB

    def __post_init__(self) -> None:
        if not 0 < self.entry <= min(self.log, 5 * _GIB) or self.mailboxes <= 0:
            raise ValueError("an entry is at most 5 GiB and no larger than a log; all limits are above 0")

    def check_append(self, size: int, kept: int, *, beyond: int = 0) -> None:
        """Refuse an entry of `size` bytes for a log that holds `kept`; `beyond`: what its limit is lifted by.

        Raises PiccoloError FULL: ENTRY_TOO_LARGE, LOG_FULL.
        """
        if size > self.entry:
            raise PiccoloError(
                Kind.FULL,
                "ENTRY_TOO_LARGE",
                f"An entry may have at most {self.entry} bytes here.",
                {"limit": str(self.entry)},
            )
        if kept + size > self.log + beyond:
            raise PiccoloError(
                Kind.FULL,
                "LOG_FULL",
                f"The log may hold at most {self.log} bytes here; delete old chains, or ask the cloud's "
                "operator for more.",
                {"limit": str(self.log), "kept": str(kept)},
            )
