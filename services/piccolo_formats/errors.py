"""The one family of errors of this package; services translate it at their door.

`reason` is a stable constant in kebab case, for code; the message is for a person.
"""

from __future__ import annotations


class FormatError(Exception):
    """Bytes, or values meant to become bytes, that are not what the format says."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the stable reason beside the words for a person."""
        super().__init__(message)
        self.reason = reason
        self.message = message


class AuthenticationError(FormatError):
    """Well-formed bytes whose tag, signature, MAC or hash is wrong: altered, or made with another key."""


class WordsError(FormatError):
    """Words that are not a KEK. The message holds none of them, so that it may be logged; the hint may."""

    def __init__(
        self, reason: str, message: str, *, position: int | None = None, nearest: tuple[str, ...] = ()
    ) -> None:
        """Say which word (counted from 1) is wrong, and the words of the list that come nearest."""
        super().__init__(reason, message)
        self.position = position
        self.nearest = nearest

    @property
    def hint(self) -> str:
        """What to try next, for the person's eyes only: it may hold a word of the KEK."""
        if self.nearest:
            return f"Did you mean {' or '.join(self.nearest)}?"
        return "Check its spelling." if self.position else ""
