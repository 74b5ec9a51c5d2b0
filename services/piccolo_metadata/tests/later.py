"""The process as a later release has it: the same but for the format of its state folder."""

from __future__ import annotations

from piccolo_chassis.state import Format

from piccolo_metadata import config

_LATER = config.STATE.written + 1
config.STATE = Format("metadata", _LATER, config.STATE.oldest, _LATER)  # type: ignore[misc]


def main() -> None:
    """Runs it."""
    from piccolo_metadata.__main__ import main as as_now

    as_now()
