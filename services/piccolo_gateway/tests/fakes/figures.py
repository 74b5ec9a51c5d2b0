"""Figures of members, as the vault tells them."""

from __future__ import annotations

from typing import Any

from piccolo_gateway.core.bodies.care import MemberFigures

_USUAL: dict[str, Any] = {
    "owner_id": "00", "name": "Ana", "state": "active", "away_since": 0, "availability": 1.0, "last_audit": 1,
    "audited_blocks": 1, "failed_blocks": 0, "last_failure": 0, "heard": 1, "offer_bytes": 0, "used_bytes": 0,
    "owner_bytes": 0, "share_bytes": 0, "beyond_bytes": 0, "damaged_fragments": 0, "notices": [],
    "reason": "WELL", "stuck": False, "words": "", "next_step": "",
}  # fmt: skip


def member(**figures: Any) -> MemberFigures:
    """A member that is well, save what is said."""
    return MemberFigures(**{**_USUAL, **figures})
