"""Pages of a listing and the tokens that continue them.

Rules:
* A token names the last key of its page, so what is added or removed meanwhile neither repeats nor hides
  another entry.
* A token belongs to one listing with the same parameters; elsewhere it is refused, as is a damaged one.
* A page ends at so many items or at about 4 MiB, whichever comes first: a message has 8 MiB at most.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats import cbor
from piccolo_formats.digests import digest, same
from piccolo_formats.errors import FormatError

Key = list[int | str | bytes]
T = TypeVar("T")

PAGE_BYTES: Final = 4 * 1024 * 1024
_CHECK: Final = 8


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and whether there are more."""

    items: list[T]
    more: bool


def take(items: Iterable[T], most: int, weigh: Callable[[T], int]) -> Page[T]:
    """The first items: at most `most`, and no more than about 4 MiB by `weigh` (bytes), but at least one."""
    page: list[T] = []
    weight = 0
    for item in items:
        weight += weigh(item)
        if page and (len(page) >= most or weight > PAGE_BYTES):
            return Page(page, more=True)
        page.append(item)
    return Page(page, more=False)


def make_token(listing: Key, key: Key) -> str:
    """The token that continues `listing` (its name and parameters) after `key`."""
    body = cbor.encode(list(key))
    return base64.urlsafe_b64encode(_check(listing, body) + body).decode().rstrip("=")


def read_token(listing: Key, token: str) -> Key | None:
    """The key that a token names; None for no token.

    Raises PiccoloError INVALID, PAGE_TOKEN_FOREIGN.
    """
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError as wrong:
        raise _foreign() from wrong
    check, body = raw[:_CHECK], raw[_CHECK:]
    if not same(check, _check(listing, body)):
        raise _foreign()
    try:
        return cast("Key", cbor.decode(body))  # make_token wrote it: the check says so
    except FormatError as wrong:  # or somebody who reckoned the check
        raise _foreign() from wrong


def _foreign() -> PiccoloError:
    return PiccoloError(
        Kind.INVALID,
        "PAGE_TOKEN_FOREIGN",
        "The page token does not belong to this listing; begin again without one.",
    )


def _check(listing: Key, body: bytes) -> bytes:
    return digest("page", cbor.encode(list(listing)), body)[:_CHECK]
