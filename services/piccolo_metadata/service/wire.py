"""What all servicers need: numbers and pages, between the wire and the engine."""

from __future__ import annotations

from typing import Final, TypeVar, cast

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.pages import Key, make_token, read_token
from piccolo_metadata.core.paths import Path

T = TypeVar("T", int, str, bytes)

_LARGEST: Final = (1 << 63) - 1


def whole(number: int) -> int:
    """A number that the database can hold; raises PiccoloError INVALID, NUMBER_TOO_LARGE."""
    if number > _LARGEST:
        raise PiccoloError(Kind.INVALID, "NUMBER_TOO_LARGE", f"{number} is more than 2^63 - 1.")
    return number


def optional(message: object, name: str) -> int | None:
    """A field that may be absent."""
    return whole(getattr(message, name)) if message.HasField(name) else None  # type: ignore[attr-defined]


def path_or_root(text: str) -> Path:
    """A path; empty is the root."""
    return Path.parse(text) if text else Path()


class Listing:
    """One listing with its parameters: reads and makes the tokens of its pages."""

    def __init__(self, name: str, *parameters: int | str | bytes) -> None:
        self._listing: Key = [name, *parameters]

    def after(self, token: str, first: T) -> T:
        """The key to go on after; `first` at the beginning.

        Raises PiccoloError INVALID, PAGE_TOKEN_FOREIGN.
        """
        key = read_token(self._listing, token)
        return cast("T", key[0]) if key else first

    def before(self, token: str) -> int | None:
        """The number to go on below; None at the beginning. Raises as `after`."""
        key = read_token(self._listing, token)
        return cast("int", key[0]) if key else None

    def names(self, token: str) -> tuple[str, ...]:
        """The place to go on after, as names; none at the beginning. Raises as `after`."""
        return tuple(cast("list[str]", read_token(self._listing, token) or []))

    def next(self, more: bool, *key: int | str | bytes) -> str:
        """The token for the next page; empty when there is none."""
        return make_token(self._listing, list(key)) if more else ""
