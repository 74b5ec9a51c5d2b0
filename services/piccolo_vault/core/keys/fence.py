"""What it means that a newer device of this owner took over, in words."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    from piccolo_vault.core.keys.records import FenceRecord


def fence_words(fence: FenceRecord) -> str:
    """Says who took over and when, as far as it is known."""
    who = f" ({fence.name!r})" if fence.name else ""
    if fence.generation:
        who += f", generation {fence.generation} of your devices,"
    when = ""
    if fence.time:
        since = datetime.datetime.fromtimestamp(fence.time, datetime.UTC)
        when = f" on {since:%Y-%m-%d at %H:%M} UTC"
    return f"A newer device of yours{who} took over{when}. This one still reads, and writes nothing any more."


def fenced(fence: FenceRecord) -> PiccoloError:
    """Returns the error of every write on a device that was replaced."""
    details = {"generation": str(fence.generation)} if fence.generation else {}
    return PiccoloError(Kind.DENIED, "FENCED", fence_words(fence), details)
