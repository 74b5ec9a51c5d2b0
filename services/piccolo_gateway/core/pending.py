"""What somebody has begun and must finish soon: a login that wants a second factor, an enrolment.

Rules:
* It is named by 256 random bits that only its beginner knows; here lies their hash, in memory only.
* It ends after a lifetime, after so many tries, and with what it was for. There are at most so many; a new
  one ends the oldest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Generic, TypeVar

T = TypeVar("T")
SECRET_BYTES: Final = 32


@dataclass(slots=True)
class _Begun(Generic[T]):
    value: T
    since: float
    tries: int = 0


@dataclass(slots=True)
class Pendings(Generic[T]):
    """All that is begun, by the hash of its secret; `lifetime` in seconds of a clock that nobody sets."""

    lifetime: float
    most: int
    tries: int
    random: Callable[[int], bytes]
    _known: OrderedDict[bytes, _Begun[T]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._known)

    def begin(self, value: T, clock: float) -> str:
        """Its secret."""
        self._expire(clock)
        while len(self._known) >= self.most:
            self._known.popitem(last=False)
        secret = self.random(SECRET_BYTES).hex()
        self._known[_hash(secret)] = _Begun(value, clock)
        return secret

    def attempt(self, secret: str, clock: float) -> T | None:
        """What was begun, for one try at finishing it; None when there is nothing (any more)."""
        self._expire(clock)
        key = _hash(secret)
        begun = self._known.get(key)
        if begun is None:
            return None
        begun.tries += 1
        if begun.tries >= self.tries:
            del self._known[key]
        return begun.value

    def replace(self, secret: str, value: T) -> None:
        """Changes what further tries find."""
        if (begun := self._known.get(_hash(secret))) is not None:
            begun.value = value

    def end(self, secret: str) -> None:
        """It is finished."""
        self._known.pop(_hash(secret), None)

    def end_all(self) -> None:
        """Nothing is begun any more."""
        self._known.clear()

    def _expire(self, clock: float) -> None:
        while self._known:
            key, begun = next(iter(self._known.items()))
            if clock - begun.since <= self.lifetime:
                return
            del self._known[key]


def _hash(secret: str) -> bytes:
    return sha256(b"piccolo/pending/" + secret.encode("utf-8", "surrogateescape")).digest()
