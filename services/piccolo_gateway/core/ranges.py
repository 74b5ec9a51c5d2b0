"""The Range header, RFC 9110 section 14.

Rules:
* One range of bytes is served. Several ranges, another unit, or what cannot be understood: the whole file, as
  the RFC allows.
* A range that begins behind the end is refused with the size; one that ends behind it is cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

_RANGE: Final = re.compile(
    r"bytes\s*=\s*(?:,\s*)*(\d{0,19})-(\d{0,19})\s*(?:,\s*)*", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Span:
    """So many bytes from an offset on, of `size` in all."""

    offset: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        """The Content-Range header."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{self.size}"


def parse(header: str, size: int) -> Span | None:
    """The span that a Range header asks for, None for the whole file.

    Raises PiccoloError OUT_OF_RANGE (RANGE_UNSATISFIABLE), with the size among the details.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return _suffix(int(last), size)
    begin, end = int(first), int(last) if last else size - 1
    if last and end < begin:
        return None
    if begin >= size:
        raise _unsatisfiable(size)
    return Span(begin, min(end, size - 1) - begin + 1, size)


def _suffix(length: int, size: int) -> Span | None:
    if length == 0 or size == 0:
        raise _unsatisfiable(size)
    length = min(length, size)
    return Span(size - length, length, size)


def _unsatisfiable(size: int) -> PiccoloError:
    return PiccoloError(
        Kind.OUT_OF_RANGE,
        "RANGE_UNSATISFIABLE",
        f"The file has {size} bytes; none of them lies in the range that was asked for.",
        {"size": str(size)},
    )
