"""How much more an owner can store, in plaintext bytes (RFC 4331).

Rules:
* Of the keepers' room only what the owner is sure of counts (storage-rules: the guaranteed share), and only
  at members that are active: what may be borrowed is no promise.
* A file of x bytes takes x/k at each of m keepers. k is at least half of m, whatever the circle's size, so
  this is the least that there is.
"""

from __future__ import annotations

from collections.abc import Sequence

from piccolo_gateway.core.bodies.care import MemberFigures
from piccolo_gateway.core.dav.live import Quota


def quota(members: Sequence[MemberFigures], used: int) -> Quota | None:
    """The quota; None while no member has told of its room."""
    heard = [one for one in members if one.heard and one.state == "active"]
    if not heard:
        return None
    room = sum(max(0, one.share_bytes - one.owner_bytes) for one in heard)
    keepers = len(heard)
    return Quota(available=room * max(1, keepers // 2) // keepers, used=used)
