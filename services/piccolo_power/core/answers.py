"""What the gateway is answered, in one line."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """One word; the gateway knows them by heart (piccolo_gateway/core/power.py)."""

    ENDING = "ending"
    """The system goes down now; of a reset, nothing that was kept can be read any more."""
    CLOSED = "closed"
    """A reset is refused: nothing opened the data at this start, so whose it is nobody here knows."""
    NONE = "none"
    """A reset is refused: this system was not started from the image."""
    MALFORMED = "malformed"
    """The request is none."""
    FAILED = "failed"
    """The journal says why."""
