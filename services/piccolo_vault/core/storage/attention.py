"""A member in an owner's words: what is the matter with it, and what to do next.

Rules:
* One sentence about the gravest thing, and one about what helps; the second is empty when there is nothing to
  do. Figures stand beside them.
* Nobody is accused: disks fail, people travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from piccolo_formats.records.keeping import NoticeKind

from piccolo_vault.core.circle import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.records.keeping import Notice

    from piccolo_vault.core.storage.figures import Figures

_DAY = 86_400
_RECENT = 30 * _DAY
_QUIET = 3_600
_PATIENCE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a member now.

    Attributes:
        name: what it calls itself.
        standing: what the roster says it may do.
        away_since: since when it has not answered, seconds since 1970; None when it does.
        full: whether it takes no new fragments of this owner.
        damaged: how many of this owner's fragments it says are damaged.
        notices: its notices in force, the most urgent first.
        beyond_bytes: what it asks to be moved.
        stuck: whether nobody took what was to leave it.
        figures: what is remembered of it.
    """

    name: str
    standing: Standing
    away_since: float | None
    full: bool
    damaged: int
    notices: Sequence[Notice]
    beyond_bytes: int
    stuck: bool
    figures: Figures


class Matter(StrEnum):
    """What is the matter with a member, for programs."""

    WELL = "MEMBER_WELL"
    UNCHECKED = "MEMBER_UNCHECKED"
    FULL = "MEMBER_FULL"
    ASKS_BACK = "MEMBER_ASKS_BACK"
    SILENT = "MEMBER_SILENT"
    AWAY = "MEMBER_AWAY"
    AWAY_LONG = "MEMBER_AWAY_LONG"
    MISSED_BLOCKS = "MEMBER_MISSED_BLOCKS"
    DAMAGED = "MEMBER_DAMAGED"
    LEAVING = "MEMBER_LEAVING"
    EXPELLED = "MEMBER_EXPELLED"
    COMPROMISED = "MEMBER_COMPROMISED"


@dataclass(frozen=True, slots=True)
class Words:
    """What is the matter, and what to do next. `urgent`: somebody should look at it."""

    matter: Matter
    words: str
    next_step: str = ""
    urgent: bool = False


def words_for(member: Known, now: float) -> Words:
    """Returns the sentences about a member."""
    return (
        _going(member, now)
        or _failing(member, now)
        or _away(member, now)
        or _asking(member, now)
        or _fine(member)
    )


def _going(member: Known, now: float) -> Words | None:
    name, notice = member.name, next(iter(member.notices), None)
    if member.standing is Standing.COMPROMISED:
        return Words(
            Matter.COMPROMISED,
            f"{name} was cut off as compromised; what it kept is rebuilt on other members.",
            f"Help {name}'s owner to set up another device with the 24 words.",
            urgent=True,
        )
    if member.standing is Standing.EXPELLED:
        return _moving(Matter.EXPELLED, member, f"{name} was removed from the circle")
    if member.standing is Standing.LEAVING:
        return _moving(Matter.LEAVING, member, f"{name} is leaving the circle")
    if notice is not None and notice.kind is NoticeKind.LEAVING:
        return _moving(Matter.LEAVING, member, f"{name} is leaving within {_days(notice.until - now)}")
    return None


def _moving(matter: Matter, member: Known, why: str) -> Words:
    if member.stuck:
        return Words(
            matter,
            f"{why}, and nobody else has a place for what it keeps of yours.",
            "Invite another member, or ask one to give more room.",
            urgent=True,
        )
    return Words(matter, f"{why}; what it keeps of yours is moved to others.")


def _failing(member: Known, now: float) -> Words | None:
    figures, name = member.figures, member.name
    if member.damaged:
        found = _fragments(member.damaged)
        told = f"{name} found {found} of yours damaged on its disk; what is damaged is put there anew."
        return Words(Matter.DAMAGED, told, f"Tell {name}'s owner that the disk may be failing.", urgent=True)
    if figures.failed and now - figures.last_failure < _RECENT:
        return Words(
            Matter.MISSED_BLOCKS,
            f"{name} did not have {_blocks(figures.failed)} of the {figures.audited:,} that were read to "
            "check on it; what was wrong is repaired.",
            f"Tell {name}'s owner that the disk may be failing.",
            urgent=True,
        )
    return None


def _away(member: Known, now: float) -> Words | None:
    if member.away_since is None:
        return None
    name, silent = member.name, now - member.away_since
    if silent < _QUIET:
        return Words(Matter.SILENT, f"{name} does not answer at the moment.")
    if silent < _PATIENCE_DAYS * _DAY:
        return Words(
            Matter.AWAY,
            f"{name} has not answered for {_span(silent)}; after {_PATIENCE_DAYS} days what it keeps is "
            "rebuilt on others.",
            f"Ask {name}'s owner whether the device is on and connected.",
            urgent=True,
        )
    return Words(
        Matter.AWAY_LONG,
        f"{name} has not answered for {_span(silent)}; what it keeps is rebuilt on others, as far as they "
        "have room.",
        f"Ask {name}'s owner whether the device will come back; if not, propose its removal.",
        urgent=True,
    )


def _asking(member: Known, now: float) -> Words | None:
    name = member.name
    asked = next((each for each in member.notices if each.kind is not NoticeKind.LEAVING), None)
    if asked is not None and member.beyond_bytes:
        size, time = _size(member.beyond_bytes), _days(asked.until - now)
        told = f"{name} needs {size} back that you borrowed, within {time}"
        if member.stuck:
            next_ = "Invite another member, ask one to give more room, or delete what you do not need."
            return Words(Matter.ASKS_BACK, f"{told}, and nobody else has a place for it.", next_, urgent=True)
        return Words(Matter.ASKS_BACK, f"{told}; it is being moved to others.")
    if member.full:
        return Words(Matter.FULL, f"{name} has no room for more of your files; what it has is safe.")
    return None


def _fine(member: Known) -> Words:
    if member.figures.audited:
        return Words(Matter.WELL, f"{member.name} answers, and had all that was read to check on it.")
    return Words(Matter.UNCHECKED, f"{member.name} answers; nothing of it was checked yet.")


def _span(seconds: float) -> str:
    return _days(seconds) if seconds >= _DAY else _count(max(1, int(seconds // 3_600)), "hour")


def _days(seconds: float) -> str:
    return _count(max(1, round(seconds / _DAY)), "day")


def _fragments(count: int) -> str:
    return _count(count, "fragment")


def _blocks(count: int) -> str:
    return _count(count, "block")


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _size(count: int) -> str:
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{-(-count // 1000)} kB"
