"""Conditional requests, RFC 9110 section 13.

Rules:
* A file's entity tag is its version's id and strong: the same tag is the same bytes.
* The order of section 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else (for GET and
  HEAD) If-Modified-Since.
* Dates are whole seconds; a date that cannot be read is as if it were not sent. Tags that cannot be read
  are an error: to ignore them would overwrite what the client wanted to protect.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from email.utils import formatdate, parsedate_tz
from enum import Enum, auto
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LONGEST: Final = 8190


class Outcome(Enum):
    """What a request's conditions lead to."""

    GO_ON = auto()
    NOT_MODIFIED = auto()


@dataclass(frozen=True, slots=True)
class Present:
    """What is there now: its tag (without quotes) and when it was modified."""

    tag: str
    modified: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One entity tag of a header."""

    value: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Tags:
    """A list of entity tags, or any (`*`)."""

    any: bool
    tags: tuple[Tag, ...] = ()

    def has(self, tag: str, *, strong: bool) -> bool:
        """Whether the tag of something that exists is among them."""
        return self.any or any(one.value == tag and not (strong and one.weak) for one in self.tags)


@dataclass(frozen=True, slots=True)
class Conditions:
    """A request's conditions, read."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self != Conditions()

    def judge(self, present: Present | None, *, reading: bool) -> Outcome:
        """What the conditions say of what is there (None: nothing).

        Raises PiccoloError CONFLICT (PRECONDITION_FAILED).
        """
        self._judge_expected(present)
        if self.if_none_match is not None:
            if present and self.if_none_match.has(present.tag, strong=False):
                if reading:
                    return Outcome.NOT_MODIFIED
                raise _failed("what must not be there is there")
        elif reading and present and _not_after(present.modified, self.if_modified_since):
            return Outcome.NOT_MODIFIED
        return Outcome.GO_ON

    def _judge_expected(self, present: Present | None) -> None:
        if self.if_match is not None:
            if present is None or not self.if_match.has(present.tag, strong=True):
                raise _failed("it is not what you saw any more")
        elif self.if_unmodified_since is not None and not (
            present and _not_after(present.modified, self.if_unmodified_since)
        ):
            raise _failed("it was modified since")


def _not_after(modified: int, limit: int | None) -> bool:
    return limit is not None and modified <= limit


def read(
    *,
    if_match: str | None = None,
    if_none_match: str | None = None,
    if_modified_since: str | None = None,
    if_unmodified_since: str | None = None,
) -> Conditions:
    """The conditions of a request's headers. Raises PiccoloError INVALID (TAG_INVALID)."""
    return Conditions(
        if_match=_tags(if_match),
        if_none_match=_tags(if_none_match),
        if_modified_since=read_date(if_modified_since),
        if_unmodified_since=read_date(if_unmodified_since),
    )


def range_still_fits(if_range: str | None, present: Present) -> bool:
    """Whether a Range header is to be followed: If-Range is absent or names exactly what is there."""
    if if_range is None:
        return True
    text = if_range.strip()
    if text.startswith(('"', "W/")):
        return text == f'"{present.tag}"'
    return read_date(text) == present.modified


def quoted(tag: str) -> str:
    """A tag as it stands in a header."""
    return f'"{tag}"'


def read_date(text: str | None) -> int | None:
    """Seconds since 1970 of an HTTP date; None when it is none."""
    if text is None or len(text) > 64:
        return None
    fields = parsedate_tz(text)
    if fields is None:
        return None
    try:
        return calendar.timegm(fields[:9]) - (fields[9] or 0)
    except (ValueError, OverflowError):
        return None


def date(seconds: int) -> str | None:
    """An HTTP date; None for a time that has none (before the year 1 or after 9999)."""
    try:
        return formatdate(seconds, usegmt=True)
    except (ValueError, OverflowError, OSError):
        return None


def _tags(header: str | None) -> Tags | None:
    if header is None:
        return None
    text = header.strip()
    if text == "*":
        return Tags(any=True)
    if len(text) > _LONGEST:
        raise _unreadable()
    tags, at = [], 0
    while at < len(text):
        if text[at] in ", \t":
            at += 1
            continue
        found = _TAG.match(text, at)
        if found is None:
            raise _unreadable()
        tags.append(Tag(found[2], weak=found[1] is not None))
        at = found.end()
    if not tags:
        raise _unreadable()
    return Tags(any=False, tags=tuple(tags))


def _unreadable() -> PiccoloError:
    return PiccoloError(
        Kind.INVALID,
        "TAG_INVALID",
        'If-Match and If-None-Match hold * or quoted entity tags, such as "0123abcd".',
    )


def _failed(why: str) -> PiccoloError:
    return PiccoloError(Kind.CONFLICT, "PRECONDITION_FAILED", f"Nothing was changed: {why}.")
