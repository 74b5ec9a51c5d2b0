"""When things end. All ages are running time, in seconds.

Rules:
* A buried fragment stays 45 whole days in the trash.
* A provisional fragment ends 30 days after it came or was last claimed, and only when its owner has listed
  its fragments since then and did not claim it within a day. Without an inventory it stays.
* A half-written fragment, of which nothing was promised, is kept seven days for its owner to resume.
* A member that is leaving is served for 90 days more, and one that was expelled gets what is its own as long.
* What an owner has here outlives its removal by 365 days: an expulsion, the end of a leaver's 90 days, or a
  roster that names it no more. A compromised device is no removed owner: its words may enrol another.
* Another device than an owner's first may not purge for 45 days, whatever generation it says it is: the words
  could be a thief's. One that goes on under new words is the same device, and as old.
"""

from __future__ import annotations

from typing import Final

from piccolo_fragment_store.core.circle import Standing
from piccolo_fragment_store.core.running import DAY

TRASH_DAYS: Final = 45
_PROVISIONAL: Final = 30 * DAY
_TO_CLAIM: Final = DAY
_INCOMING: Final = 7 * DAY
_BEFORE_PURGING: Final = 45 * DAY
NOTICE_SECONDS: Final = 30 * DAY
SERVED_SECONDS: Final = 90 * DAY
_AFTER_REMOVAL: Final = 365 * DAY


def trash_ends(day: int, now: int) -> bool:
    """Whether all that was buried on a day has been in the trash long enough."""
    return now >= (day + 1 + TRASH_DAYS) * DAY


def provisional_due(now: int) -> int:
    """Only provisional fragments that came or were claimed at or before this time may end."""
    return now - _PROVISIONAL


def incoming_due(now: int) -> int:
    """Only half-written fragments last written to at or before this time may end."""
    return now - _INCOMING


def provisional_ends(since: int, inventory: int | None, now: int) -> bool:
    """Whether a provisional fragment may go.

    Args:
        since: when it came or was last claimed.
        inventory: when its owner last listed all its fragments; None for never.
        now: the running time.
    """
    due = since + _PROVISIONAL
    return inventory is not None and inventory >= due and now >= inventory + _TO_CLAIM


def known_since(now: int, *, first: bool) -> int:
    """Since when a device counts as known that is heard of now; an owner's first one was never waited for."""
    return now - _BEFORE_PURGING if first else now


def may_purge(since: int, now: int) -> bool:
    """Whether a device that is known here since then may delete without the trash."""
    return now >= since + _BEFORE_PURGING


def service_ends(standing: Standing, since: int, now: int) -> bool:
    """Whether a member that has had this standing since then is served no more."""
    return standing in (Standing.LEAVING, Standing.EXPELLED) and now >= since + SERVED_SECONDS


def life_ends(standing: Standing, since: int, now: int) -> bool:
    """Whether what an owner that has had this standing since then has here may go."""
    match standing:
        case Standing.EXPELLED | Standing.UNKNOWN:
            return now >= since + _AFTER_REMOVAL
        case Standing.LEAVING:
            return now >= since + SERVED_SECONDS + _AFTER_REMOVAL
        case Standing.ACTIVE | Standing.COMPROMISED:
            return False
