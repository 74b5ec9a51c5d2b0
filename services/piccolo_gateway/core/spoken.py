"""Numbers, sizes and times as people write them, for pages without a script: in the UI, browsers do that.

Rules:
* Sizes are in powers of 1,000, as in the UI.
* How far away a moment is holds everywhere; its date is that of UTC, and left out where that could mislead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from piccolo_gateway.core.languages import Language

Forms = tuple[str, str]
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How a language writes them; of two forms the first is for one."""

    separators: Mapping[int, int]
    bytes: Forms
    minutes: Forms
    hours: Forms
    days: Forms
    months: tuple[str, ...]
    date: str

    def count(self, number: int, forms: Forms) -> str:
        """So many of something."""
        return forms[number != 1].format(self._written(f"{number:,}"))

    def size(self, count: int) -> str:
        """Bytes: "3.4 MB"."""
        amount, unit = float(count), ""
        for larger in ("kB", "MB", "GB", "TB"):
            if amount < 999.5:
                break
            amount, unit = amount / 1000, larger
        if not unit:
            return self.count(count, self.bytes)
        digits = f"{amount:.1f}".removesuffix(".0") if amount < 99.5 else f"{amount:,.0f}"
        return f"{self._written(digits)} {unit}"

    def until(self, end: int, now: int) -> str:
        """How far away an end is: "in 7 days (3 December)"; the year, where it is another."""
        left = max(_MINUTE, end - now)
        if left < _HOUR:
            return f"in {self.count(left // _MINUTE, self.minutes)}"
        if left < _DAY:
            return f"in {self.count(left // _HOUR, self.hours)}"
        day, today = _day(end), _day(now)
        year = f" {day.year}" if day.year != today.year else ""
        days = self.count((day.date() - today.date()).days, self.days)
        return f"in {days} ({self._date(day)}{year})"

    def exact(self, moment: int) -> str:
        """A moment for who wants to know: "3 December 2026, 14:00 UTC"."""
        day = _day(moment)
        return f"{self._date(day)} {day.year}, {day:%H:%M} UTC"

    def _date(self, day: datetime) -> str:
        return self.date.format(day.day, self.months[day.month - 1])

    def _written(self, number: str) -> str:
        return number.translate(self.separators)


def _day(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


SPEECH: Final[Mapping[Language, Speech]] = MappingProxyType(
    {
        "en": Speech(
            separators={},
            bytes=("{} byte", "{} bytes"),
            minutes=("{} minute", "{} minutes"),
            hours=("{} hour", "{} hours"),
            days=("{} day", "{} days"),
            months=(
                *("January", "February", "March", "April", "May", "June"),
                *("July", "August", "September", "October", "November", "December"),
            ),
            date="{} {}",
        ),
        "de": Speech(
            separators=str.maketrans(",.", ".,"),
            bytes=("{} Byte", "{} Byte"),
            minutes=("{} Minute", "{} Minuten"),
            hours=("{} Stunde", "{} Stunden"),
            days=("{} Tag", "{} Tagen"),
            months=(
                *("Januar", "Februar", "März", "April", "Mai", "Juni"),
                *("Juli", "August", "September", "Oktober", "November", "Dezember"),
            ),
            date="{}. {}",
        ),
    }
)
