"""The process as a later release has it: the same but for the format of its state folder."""

from __future__ import annotations

from piccolo_chassis.state import Format

from piccolo_metadata import config

config.STATE = Format("metadata", config.STATE.written + 1, config.STATE.oldest)  # type: ignore[misc]


def main() -> None:
    """Runs it."""
    from piccolo_metadata.__main__ import main as as_now

    as_now()
