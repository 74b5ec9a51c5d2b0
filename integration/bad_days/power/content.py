"""One file's bytes, and what a power cut may leave of those that were not synced.

The newest bytes lie in a file of the backing folder; in memory is only what is older and could come back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

SECTOR: Final = 512
_PAGE: Final = 4096
_VERSIONS: Final = 3


@dataclass(eq=False, slots=True)
class Content:
    """A regular file.

    Attributes:
        number: its inode's.
        links: how many names it has at this moment.
        handles: how often it is open.
        durable: how many of its first bytes were synced.
        older: of each sector changed since, what it was, the synced state first.
        longer: what was synced, when the file has been cut shorter since.
    """

    number: int
    backing: Path
    mode: int
    links: int = 0
    handles: int = 0
    size: int = 0
    written: int = field(default_factory=time.time_ns)
    durable: int = 0
    older: dict[int, list[bytes]] = field(default_factory=dict)
    longer: bytes | None = None
    _durably_written: int = 0

    def __post_init__(self) -> None:
        self.backing.touch()

    def read(self, offset: int, count: int) -> bytes:
        """At most so many bytes."""
        with self._open() as file:
            return os.pread(file, count, offset)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Changes bytes, or appends them."""
        with self._open() as file:
            self._remember(file, offset, len(data))
            os.pwrite(file, data, offset)
        self.size = max(self.size, offset + len(data))
        self.written = time.time_ns()

    def resize(self, size: int) -> None:
        """Cuts it shorter, or makes it longer by zeros."""
        with self._open() as file:
            if size < self.durable:
                if self.longer is None:
                    self.longer = self._synced(file)
                self.durable = size
                self.older = {number: then for number, then in self.older.items() if number * SECTOR < size}
            os.ftruncate(file, size)
        self.size = size
        self.written = time.time_ns()

    def sync(self) -> None:
        """Everything in it is durable."""
        self.older.clear()
        self.longer = None
        self.durable = self.size
        self._durably_written = self.written

    def cut(self, chance: Random) -> bool:
        """The power goes; returns whether anything was at stake."""
        at_stake = bool(self.older) or self.longer is not None or self.size != self.durable
        if self.longer is not None and chance.random() < 0.5:
            self.backing.write_bytes(self.longer)
            self.size = len(self.longer)
        elif at_stake:
            self._tear(chance)
        self.written = chance.choice((self.written, self._durably_written or self.written))
        self.handles = 0
        self.sync()
        return at_stake

    def _tear(self, chance: Random) -> None:
        unit, share = chance.choice((SECTOR, _PAGE)), chance.choice((0.0, 0.5, 1.0))
        end = chance.choice((self.durable, self.size, chance.randint(self.durable, self.size)))
        with self._open() as file:
            for number, then in sorted(self.older.items()):
                if Random(f"{number * SECTOR // unit}/{self.number}/{share}/{end}").random() >= share:
                    os.pwrite(file, chance.choice(then), number * SECTOR)
            for begin in range(self.durable // unit * unit, end, unit):
                if chance.random() >= share:
                    hole = max(begin, self.durable)
                    os.pwrite(file, bytes(min(begin + unit, end) - hole), hole)
            os.ftruncate(file, end)
        self.size = end

    def _remember(self, file: int, offset: int, count: int) -> None:
        """Keeps what lies under a write that comes, as far as it was synced."""
        first, behind = offset // SECTOR, min(offset + count, self.durable)
        if behind <= first * SECTOR:
            return
        under = os.pread(
            file, min(-(-behind // SECTOR) * SECTOR, self.durable) - first * SECTOR, first * SECTOR
        )
        for begin in range(0, len(under), SECTOR):
            then = self.older.setdefault(first + begin // SECTOR, [])
            then.append(under[begin : begin + SECTOR])
            del then[1 : len(then) - _VERSIONS + 1]

    def _synced(self, file: int) -> bytes:
        whole = bytearray(os.pread(file, self.durable, 0))
        for number, then in self.older.items():
            whole[number * SECTOR : number * SECTOR + len(then[0])] = then[0]
        return bytes(whole)

    @contextmanager
    def _open(self) -> Iterator[int]:
        file = os.open(self.backing, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)
