"""Whether the journal (SQLite's WAL) that an unclean end left is as it was written.

Rules:
* SQLite takes a journal for good up to its first frame that is not as it was written, and forgets the rest
  without a word: that is right for a transaction that was cut off, and loses acknowledged ones after damage.
* Each commit is on the disk before the next one begins (synchronous=FULL), so one commit at most can have
  been cut off. Behind what SQLite takes there is thus one commit of this journal's run at most; where there
  are more, the journal is damaged. Damage to the very last commit looks as if it had been cut off.
* What was cut off is not left behind a journal that grows again: it could be taken for a further commit.

The layout is SQLite's own: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import apsw

_HEADER: Final = 32
_FRAME: Final = 24
_MAGIC: Final = 0x377F0682  # its last bit tells the byte order of the checksums
_CUT_OFF: Final = 1


@dataclass(frozen=True, slots=True)
class Journal:
    """The frames of a journal, as they lie there before SQLite looks at them.

    Attributes:
        commits: the numbers, from 1, of the frames of the journal's run that end a transaction.
    """

    commits: tuple[int, ...]

    @classmethod
    def beside(cls, database: Path) -> Self:
        """The journal of a database; one without commits when there is none."""
        try:
            with database.with_name(database.name + "-wal").open("rb") as file:
                return cls(tuple(_commits(file.fileno())))
        except FileNotFoundError:
            return cls(())

    def damage(self, connection: apsw.Connection) -> str | None:
        """What is wrong with it, now that `connection` has opened the database; None: nothing.

        A whole journal is brought into the database and emptied.
        """
        taken, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        lost = sum(number > taken for number in self.commits)
        if lost > _CUT_OFF:
            return f"the journal is damaged: {lost} of its transactions cannot be read"
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return None


def _commits(file: int) -> list[int]:
    header = os.pread(file, _HEADER, 0)
    if len(header) < _HEADER:
        return []
    size = _FRAME + _page_size(header)
    heads = [os.pread(file, _FRAME, at) for at in range(_HEADER, os.fstat(file).st_size - _FRAME + 1, size)]
    run = header[16:24] if _is_whole(header) else heads[0][8:16] if heads else b""
    pages = [struct.unpack(">II", head[:8]) for head in heads]
    return [
        number
        for number, (head, (page, committed)) in enumerate(zip(heads, pages, strict=True), 1)
        if head[8:16] == run and page and committed
    ]


def _page_size(header: bytes) -> int:
    """The pages' size, also of a journal whose header is damaged: ours are SQLite's default."""
    told: int = struct.unpack_from(">I", header, 8)[0]
    return told if _is_whole(header) else 4096


def _is_whole(header: bytes) -> bool:
    (magic,) = struct.unpack_from(">I", header)
    if magic & ~1 != _MAGIC:
        return False
    words = struct.unpack(">6I" if magic & 1 else "<6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return (first, second) == struct.unpack_from(">2I", header, 24)
