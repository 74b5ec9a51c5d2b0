"""Records of the memory, read: what does not parse or verify becomes an error in words, never a guess."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.records.manifest import Content, Layout
from piccolo_formats.signed import open_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
_LAYOUTS = 128  # files that are read one after the other often lie in one pack


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns a FormatError inside into PiccoloError DATA_LOSS, RECORD_BROKEN; `what` begins its sentence."""
    try:
        yield
    except FormatError as error:
        raise PiccoloError(Kind.DATA_LOSS, "RECORD_BROKEN", f"{what}: {error.message}.") from error


@lru_cache(maxsize=_LAYOUTS)
def read_layout(layout: bytes) -> Layout:
    """Returns the record of Signed("layout"), its signatures checked."""
    with translated("The layout of a stored object cannot be used"):
        return open_signed(Layout, layout).record


def read_content(content: bytes) -> Content:
    """Returns a content record; its MAC is the reader's to check."""
    with translated("The content record of a file cannot be used"):
        return Content.from_record(content)


def parsed(what: str, read: Callable[[], T]) -> T:
    """Returns what `read` returns, its FormatError translated."""
    with translated(what):
        return read()
