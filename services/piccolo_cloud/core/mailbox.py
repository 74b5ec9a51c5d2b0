"""The rules of a mailbox: at most 16 messages of 64 KiB, kept for 48 hours, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_cloud.core.names import arrival_of

MOST_MESSAGES: Final = 16
MOST_BYTES: Final = 65_536
KEPT_MILLISECONDS: Final = 48 * 3600 * 1000


def is_expired(key: str, now: int) -> bool:
    """Whether the message of that name is to go; `now` is in milliseconds since 1970.

    One from the future arrived under a clock that was wrong: it goes when it is too far away either way, so
    that no wrong clock keeps a message for ever.
    """
    arrival = arrival_of(key)
    return arrival is not None and abs(now - arrival) >= KEPT_MILLISECONDS


def in_order(keys: Iterable[str], now: int) -> list[str]:
    """The names of the messages that are still good, oldest first."""
    return sorted(key for key in keys if arrival_of(key) is not None and not is_expired(key, now))


def next_arrival(kept: list[str], now: int) -> int:
    """When a new message arrives: behind those that are there, even when the clock has stepped back.

    Raises PiccoloError FULL, MAILBOX_FULL.
    """
    if len(kept) >= MOST_MESSAGES:
        raise PiccoloError(
            Kind.FULL,
            "MAILBOX_FULL",
            f"The box holds {MOST_MESSAGES} messages already; they go after 48 hours.",
        )
    newest = arrival_of(kept[-1]) if kept else None
    return now if newest is None else max(now, newest + 1)


def check_message(message: bytes) -> None:
    """Raise PiccoloError INVALID, MESSAGE_SIZE for an empty or too large message."""
    if not 1 <= len(message) <= MOST_BYTES:
        raise PiccoloError(Kind.INVALID, "MESSAGE_SIZE", f"A message has 1 to {MOST_BYTES} bytes.")
