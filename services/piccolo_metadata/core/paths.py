"""Paths of the owner's files.

Rules:
* A path is absolute; "/" is the root. Names are separated by single slashes, and there is none at the end.
* Text is normalised to NFC here, at the door, and nowhere else; what is stored is what is compared.
* A name has 1 to 255 bytes of UTF-8, a path at most 4,096; "." and ".." are no names, NUL is in none.
* Path order is the order of the lists of names, each compared by its UTF-8 bytes: a directory comes right
  before what is in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from piccolo_chassis.errors import Kind, PiccoloError

NAME_BYTES: Final = 255
PATH_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """A checked path. `parts` are the names from the root; the root has none."""

    parts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Checks and normalises what a caller sent.

        Raises PiccoloError INVALID (PATH_INVALID, PATH_TOO_LONG).
        """
        _refuse_unless(text.startswith("/"), "a path begins with /")
        parts = tuple(_name(part) for part in text[1:].split("/")) if text != "/" else ()
        return cls.of(parts)

    @classmethod
    def of(cls, parts: Iterable[str]) -> Self:
        """Makes a path of names that were checked already; raises PiccoloError INVALID, PATH_TOO_LONG."""
        path = cls(tuple(parts))
        check_length(path.size)
        return path

    @property
    def size(self) -> int:
        """Bytes of UTF-8."""
        return max(1, sum(1 + len(part.encode()) for part in self.parts))

    @property
    def name(self) -> str:
        """The last name; empty for the root."""
        return self.parts[-1] if self.parts else ""

    @property
    def parent(self) -> Path:
        """The directory it lies in; the root's is itself."""
        return Path(self.parts[:-1])

    def __str__(self) -> str:
        return "/" + "/".join(self.parts)

    def __truediv__(self, name: str) -> Path:
        return Path((*self.parts, name))

    def within(self, other: Path) -> bool:
        """Whether it is `other` or lies somewhere below."""
        return self.parts[: len(other.parts)] == other.parts


def check_length(size: int) -> None:
    """Raises PiccoloError INVALID, PATH_TOO_LONG for more bytes than a path may have."""
    if size > PATH_BYTES:
        raise PiccoloError(
            Kind.INVALID,
            "PATH_TOO_LONG",
            f"A path may have {PATH_BYTES} bytes, this one would have {size}; shorten the names.",
        )


def fold(text: str) -> str:
    """The form in which names are searched: without regard to case (Unicode's full case folding)."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.casefold())


def _name(text: str) -> str:
    _refuse_unless(bool(text), "it has an empty name (two slashes, or one at the end)")
    try:
        name = unicodedata.normalize("NFC", text)
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise PiccoloError(
            Kind.INVALID, "PATH_INVALID", "The path cannot be used: it is no valid Unicode text."
        ) from error
    _refuse_unless("\0" not in name, "a name must not hold a NUL character")
    _refuse_unless(name not in {".", ".."}, f'"{name}" is not allowed as a name')
    _refuse_unless(size <= NAME_BYTES, f"a name may have {NAME_BYTES} bytes, this one has {size}")
    return name


def _refuse_unless(good: bool, why: str) -> None:
    if not good:
        raise PiccoloError(Kind.INVALID, "PATH_INVALID", f"The path cannot be used: {why}.")
