"""Bytes that must not be seen: they are not shown, not logged, not pickled, and compared in constant time.

Python cannot wipe memory for certain; the process that holds secrets neither swaps nor dumps core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NoReturn, Self, TypeAlias

from piccolo_formats.digests import same
from piccolo_formats.errors import FormatError

Random: TypeAlias = Callable[[int], bytes]
"""Returns that many unpredictable bytes: `os.urandom` in a process, something repeatable in a test."""


def draw(random: Random, count: int) -> bytes:
    """Take random bytes, and make sure that as many came."""
    data = random(count)
    if len(data) != count:
        raise FormatError("randomness", f"the source of random bytes returned {len(data)} of {count}")
    return data


class Secret:
    """A secret of a fixed size."""

    SIZE: ClassVar[int] = 32
    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        """Hold the bytes. Raises FormatError when their number is wrong."""
        if len(value) != self.SIZE:
            name = type(self).__name__
            raise FormatError("secret-size", f"a {name} has {self.SIZE} bytes, not {len(value)}")
        self._value = bytes(value)

    @classmethod
    def generate(cls, random: Random) -> Self:
        """Make a new secret."""
        return cls(draw(random, cls.SIZE))

    def reveal(self) -> bytes:
        """Return the bytes themselves: the word to look for in a review."""
        return self._value

    def __repr__(self) -> str:
        """Show the kind only."""
        return f"<{type(self).__name__}: hidden>"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time with a secret of the same kind."""
        if type(other) is not type(self):
            return NotImplemented
        return same(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError(f"a {type(self).__name__} is never serialised")
