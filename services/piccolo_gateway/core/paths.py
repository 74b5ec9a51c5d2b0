"""From an address to an owner's path.

Rules:
* Names are split at the slashes of the address as it was sent, then each is decoded: so `%2F` cannot stand
  for a separator, and is refused because no name holds a slash.
* Names are UTF-8. What cannot be a name (empty, `.`, `..`, NUL, too long) is refused here already, before a
  body is read; which form a name is kept in is metadata's business.
"""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from piccolo_chassis.errors import Kind, PiccoloError

NAME_BYTES: Final = 255
PATH_BYTES: Final = 4096


def from_address(tail: str) -> str:
    """The path that the rest of an address names; an empty rest is the root.

    Raises PiccoloError INVALID (PATH_INVALID, PATH_TOO_LONG).
    """
    tail = tail.removeprefix("/")
    return check("/" + "/".join(map(_decoded, tail.split("/")))) if tail else "/"


def check(path: str) -> str:
    """The path itself, when it can be one. Raises as `from_address`."""
    if not path.startswith("/"):
        raise _invalid("a path begins with /")
    if path != "/":
        for name in path[1:].split("/"):
            _check_name(name)
    if len(_utf8(unicodedata.normalize("NFC", path))) > PATH_BYTES:
        raise PiccoloError(
            Kind.INVALID, "PATH_TOO_LONG", f"A path may have {PATH_BYTES} bytes; shorten the names."
        )
    return path


def to_address(path: str) -> str:
    """The rest of the address that names a path, without its first slash."""
    return quote(path.removeprefix("/"), safe="/")


def _decoded(name: str) -> str:
    try:
        text = unquote_to_bytes(name).decode()
    except UnicodeDecodeError as wrong:
        raise _invalid("a name is not UTF-8") from wrong
    if "/" in text:
        raise _invalid("a name must not hold a slash, not even as %2F")
    return text


def _check_name(name: str) -> None:
    if not name:
        raise _invalid("it has an empty name (two slashes, or one at the end)")
    if name in {".", ".."}:
        raise _invalid(f'"{name}" is not allowed as a name')
    if "\0" in name:
        raise _invalid("a name must not hold a NUL character")
    if len(_utf8(unicodedata.normalize("NFC", name))) > NAME_BYTES:
        raise _invalid(f"a name may have {NAME_BYTES} bytes")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as wrong:
        raise _invalid("it is no valid Unicode text") from wrong


def _invalid(why: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "PATH_INVALID", f"The path cannot be used: {why}.")
