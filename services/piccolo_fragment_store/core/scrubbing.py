"""How a keeper reads what it keeps on its own account, so that rot is found before a second loss meets it.

Rules:
* A round reads every whole fragment once, in the order of keys. It goes on where it stopped, in the middle of
  a fragment too.
* It takes its time: so many bytes a second, at most a fifth of the disk's time, and nothing while members are
  served. A disk that others keep busy answers later, and so is asked less.
* But a round ends within its days of running time: one that is behind waits for nothing, and reads as fast as
  it must.
* The next round begins when these days are over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from piccolo_fragment_store.core.fragment import Key
from piccolo_fragment_store.core.running import DAY

FIRST: Final = Key(b"", b"")
_OTHERS: Final = 4.0  # times as long as it read, it leaves the disk to others


@dataclass(frozen=True, slots=True)
class Pace:
    """The table [scrub]: bytes read a second, and seconds of running time in which a round ends."""

    bytes_per_second: int = 8 * 1024 * 1024
    round_seconds: int = 14 * DAY

    def __post_init__(self) -> None:
        if self.bytes_per_second < 1 or self.round_seconds < 1:
            raise ValueError("bytes_per_second and round_seconds of [scrub] are at least 1")


@dataclass(frozen=True, slots=True)
class Round:
    """One walk through everything that is kept.

    Attributes:
        began: running time at its beginning.
        at: the last fragment that was read to its end.
        root: the root of the fragment after it, when that is being read.
        blocks: how many of its blocks were read.
        read: bytes read so far, as owners are charged for them.
        damaged: fragments found that are not as they were written.
        over: whether everything was read.
        rounds: how many ended so far.
        last_ended: when the round before ended, seconds since 1970; 0 for never.
        last_damaged: what it found.
    """

    began: int
    at: Key = FIRST
    root: bytes = b""
    blocks: int = 0
    read: int = 0
    damaged: int = 0
    over: bool = False
    rounds: int = 0
    last_ended: int = 0
    last_damaged: int = 0

    def passed(self, root: bytes, blocks: int, size: int) -> Round:
        """The round after some more blocks of a fragment."""
        return replace(self, root=root, blocks=blocks, read=self.read + size)

    def left(self, key: Key, size: int, *, damaged: bool = False) -> Round:
        """The round after a fragment, of which `size` bytes were not counted yet."""
        found = self.damaged + damaged
        return replace(self, at=key, root=b"", blocks=0, read=self.read + max(0, size), damaged=found)

    def ended(self, wall: int) -> Round:
        """The round when there is nothing after it."""
        return replace(self, over=True, rounds=self.rounds + 1, last_ended=wall, last_damaged=self.damaged)

    def following(self, now: int) -> Round:
        """The round after this one."""
        return Round(now, rounds=self.rounds, last_ended=self.last_ended, last_damaged=self.last_damaged)


def is_due(round_: Round, pace: Pace, now: int) -> bool:
    """Whether the next round begins. A running time that was lost, and counts anew, does not delay it."""
    return round_.over and not round_.began <= now < round_.began + pace.round_seconds


def is_behind(round_: Round, pace: Pace, total: int, now: int) -> bool:
    """Whether the round, of `total` bytes, would end too late if the rest went on as it went so far."""
    elapsed = now - round_.began
    return elapsed >= pace.round_seconds or round_.read * pace.round_seconds < total * elapsed


def rest(round_: Round, pace: Pace, total: int, now: int, *, size: int, took: float) -> float:
    """How many seconds to leave the disk alone after `size` bytes were read in `took` seconds."""
    left = round_.began + pace.round_seconds - now
    if left <= 0:
        return 0.0
    needed = (total - round_.read) / left
    pause = size / max(needed, pace.bytes_per_second) - took
    return max(0.0, pause) if is_behind(round_, pace, total, now) else max(pause, _OTHERS * took)
