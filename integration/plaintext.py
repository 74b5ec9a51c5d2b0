"""Proves that bytes of one set of files lie nowhere in another folder.

A file of the device is searched at every offset for samples of the foreign bytes: windows of 64 bytes
taken from each source at several places. Windows with little variety (runs of zeros, rulers of dashes) are
no evidence and are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_WINDOW: Final = 64
_SAMPLES: Final = 4
_VARIETY: Final = 16
_CHUNK: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A window that lies where it must not."""

    window: bytes
    place: Path


def samples(sources: Iterable[bytes]) -> dict[int, list[bytes]]:
    """Windows of every source, by the first eight bytes of each as a native integer."""
    windows: dict[int, list[bytes]] = {}
    for source in sources:
        for step in range(_SAMPLES):
            at = step * max(0, len(source) - _WINDOW) // max(1, _SAMPLES - 1)
            window = source[at : at + _WINDOW]
            if len(window) == _WINDOW and len(set(window)) >= _VARIETY:
                windows.setdefault(memoryview(window[:8]).cast("Q")[0], []).append(window)
    return windows


def search(folder: Path, windows: dict[int, list[bytes]]) -> Iterator[Found]:
    """Every place below `folder` where one of the windows lies."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            for piece in _pieces(path):
                for window in _in_piece(piece, windows):
                    yield Found(window, path)


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces that overlap by one window, so that none is cut apart unseen."""
    with path.open("rb") as file:
        kept = b""
        while read := file.read(_CHUNK):
            yield kept + read
            kept = (kept + read)[-_WINDOW + 1 :]


def _in_piece(piece: bytes, windows: dict[int, list[bytes]]) -> Iterator[bytes]:
    whole = memoryview(piece)
    for shift in range(8):
        words = whole[shift : shift + (len(piece) - shift) // 8 * 8].cast("Q")
        for hit in windows.keys() & set(words):
            yield from (window for window in windows[hit] if window in piece)
