"""What a keeper's signed notice asks of its owner, and how fast it is obeyed.

Rules:
* A notice counts when the keeper itself signed it for this owner, and until its time.
* EVICT and FULL ask for what is beyond the owner's share; LEAVING for everything.
* What is asked is moved evenly over the first half of the time, so that the other half is left for what went
  wrong; what is asked without a time is moved at once.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from piccolo_formats.errors import FormatError
from piccolo_formats.records.keeping import Notice, NoticeKind
from piccolo_formats.signed import open_signed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from piccolo_vault.core.circle import Member


def in_force(member: Member, owner_id: bytes, notices: Iterable[bytes], now: float) -> list[Notice]:
    """Returns the notices that count now, the most urgent first; others are passed over."""
    found = []
    for data in notices:
        try:
            notice = open_signed(Notice, data, [member.receipt_key]).record
        except FormatError:
            continue
        if (notice.keeper, notice.owner) == (member.owner_id, owner_id) and notice.until > now:
            found.append(notice)
    return sorted(found, key=lambda each: (each.kind is not NoticeKind.LEAVING, each.until))


def due(beyond: int, notice: Notice, now: float, interval: float) -> int:
    """Returns how many of the bytes that are still to be moved are moved in the coming `interval` seconds."""
    left = notice.time + (notice.until - notice.time) / 2 - now
    return beyond if left <= interval else ceil(beyond * interval / left)
