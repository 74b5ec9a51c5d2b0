"""Whether a journal that a crash left has rotted: SQLite takes the first frame that does not fit for its end.

Rules (https://sqlite.org/fileformat2.html#walformat):
* A frame's checksum goes on from that of the frame before, so what follows a rotten frame still fits it.
* One transaction at a time is written, and synced before the next: of what a power cut tears, nothing follows
  the commit. Where a whole commit and more follow a frame that does not fit, that frame was durable.
* The header is synced before the first frame: one that does not fit with frames behind it has rotted.
* A frame of the last transaction may have been torn or may have rotted: nobody can tell, and SQLite is right
  to leave it out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC, _BIG_ENDIAN = 0x377F0682, 1

Sum: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Frame:
    commits: bool
    salt: Sum
    checksum: Sum
    covered: bytes


def rotten_journal(journal: Path) -> str | None:
    """What has rotted in a journal, before anybody opens its database; None when nothing has."""
    if not journal.exists() or journal.stat().st_size <= _HEADER.size:
        return None
    with journal.open("rb") as file:
        head = file.read(_HEADER.size)
        magic, _, page, _, *salt, first, second = _HEADER.unpack(head)
        big = bool(magic & _BIG_ENDIAN)
        if magic & ~_BIG_ENDIAN != _MAGIC or _checksum((0, 0), head[:24], big=big) != (first, second):
            return "the head of its journal is not as it was written"
        frames = iter(lambda: file.read(_FRAME.size + page), b"")
        rest = (_parsed(each) for each in frames if len(each) == _FRAME.size + page)
        if _goes_on_behind((first, second), (salt[0], salt[1]), rest, big=big):
            return "a part of its journal is not as it was written"
    return None


def _goes_on_behind(seed: Sum, salt: Sum, frames: Iterator[_Frame], *, big: bool) -> bool:
    """Whether a whole commit, and more, follow the first frame that does not fit."""
    for frame in frames:
        computed = _checksum(seed, frame.covered, big=big)
        if frame.salt == salt and frame.checksum == computed:
            seed = computed
            continue
        return _commit_and_more((frame.checksum, computed), salt, frames, frame.commits, big=big)
    return False


def _commit_and_more(
    seeds: tuple[Sum, ...], salt: Sum, frames: Iterator[_Frame], committed: bool, *, big: bool
) -> bool:
    for frame in frames:
        fits = any(_checksum(seed, frame.covered, big=big) == frame.checksum for seed in seeds)
        if frame.salt != salt or not fits:
            return False
        if committed:
            return True
        seeds, committed = (frame.checksum,), frame.commits
    return False


def _parsed(data: bytes) -> _Frame:
    _, size, salt_1, salt_2, first, second = _FRAME.unpack_from(data)
    return _Frame(size != 0, (salt_1, salt_2), (first, second), data[:8] + data[_FRAME.size :])


def _checksum(seed: Sum, data: bytes, *, big: bool) -> Sum:
    first, second = seed
    words = struct.unpack(f"{'>' if big else '<'}{len(data) // 4}I", data)
    for left, right in zip(words[::2], words[1::2], strict=True):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second
