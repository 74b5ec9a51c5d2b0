"""The device's one-time code, in a file that systemd hands over as a credential."""

from __future__ import annotations

import logging
from pathlib import Path

from piccolo_chassis.logs import fields

from piccolo_gateway.core import claim
from piccolo_gateway.engine.claiming import ClaimCode

_log = logging.getLogger(__name__)


def read(path: Path | None) -> ClaimCode | None:
    """The code in the file; an empty one when there is none that can be used; None without a file."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as unreadable:
        _log.error(
            "the claim code cannot be read: nobody can set this device up",
            extra=fields(problem=str(unreadable)),
        )
        return ClaimCode("")
    if not claim.usable(text):
        _log.error(
            "the claim code is too short: nobody can set this device up", extra=fields(least=claim.SHORTEST)
        )
        return ClaimCode("")
    return ClaimCode(text)
