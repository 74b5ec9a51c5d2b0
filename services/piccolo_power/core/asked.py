"""What the gateway asks for: one word, and the end of the line."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MOST: Final = 64


class Act(StrEnum):
    """All that can be asked for."""

    RESTART = "restart"
    SHUTDOWN = "shutdown"
    RESET = "reset"
    """Everything that the device keeps is gone, and it starts as a blank one."""


def parse(line: bytes) -> Act | None:
    """The act; None when it is none."""
    return next((act for act in Act if line == f"{act}\n".encode()), None)
