"""How many bytes background work may move.

Rules:
* An allowance grows evenly with time, up to what it holds at most; work that is due is done as soon as the
  allowance is above zero, and takes what it needs, which may leave it in debt. So a large object moves too,
  and is paid for by a longer rest after it.
* A rate of 0 is no limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DAY = 86_400.0


@dataclass(slots=True)
class Budget:
    """Bytes that may be moved. Times are seconds of one clock that never runs backwards.

    Attributes:
        rate: bytes a second.
        most: bytes that may have been saved up.
    """

    rate: float
    most: float
    _left: float = field(init=False)
    _at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._left = self.most

    @classmethod
    def a_day(cls, bytes_a_day: int) -> Budget:
        """Returns an allowance of so many bytes a day, of which an hour's may be saved up."""
        return cls(bytes_a_day / DAY, bytes_a_day / 24)

    def spend(self, size: int, now: float) -> None:
        """Notes that so many bytes were moved."""
        self._grow(now)
        self._left -= size

    def wait(self, now: float) -> float:
        """Returns how many seconds it must rest before it moves anything, 0 for none."""
        self._grow(now)
        if self.rate <= 0 or self._left > 0:
            return 0.0
        return (1 - self._left) / self.rate

    def _grow(self, now: float) -> None:
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._left = min(self.most, self._left + passed * self.rate)
