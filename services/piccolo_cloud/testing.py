"""Fakes of the cloud's ports, for tests of its engines and of its clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_cloud.ports import Stored

_PIECE: Final = 1 << 20


class MemoryObjectStore:
    """An ObjectStore (ports.py) in a dictionary; forgets all when it goes."""

    def __init__(self, room: int = 1 << 40) -> None:
        """Hold at most `room` bytes."""
        self._objects: dict[str, bytes] = {}
        self._room = room

    async def create(self, key: str, size: int, content: AsyncIterator[bytes]) -> bool:
        """Store a new object; see ports.ObjectStore."""
        if sum(map(len, self._objects.values())) + size > self._room:
            raise PiccoloError(Kind.FULL, "STORE_FULL", "The test's store has no room left.")
        whole = b"".join([piece async for piece in content])
        if key in self._objects:
            return False
        self._objects[key] = whole
        return True

    async def read(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of an object; see ports.ObjectStore."""
        if key not in self._objects:
            raise PiccoloError(Kind.NOT_FOUND, "OBJECT_MISSING", "There is no such object.")
        span = self._objects[key][first : None if length is None else first + length]
        for start in range(0, len(span), _PIECE):
            yield span[start : start + _PIECE]

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """The objects below a prefix; see ports.ObjectStore."""
        for key, content in list(self._objects.items()):
            if key.startswith(f"{prefix}/"):
                yield Stored(key, len(content), 0.0)

    async def delete(self, key: str) -> None:
        """Remove an object; see ports.ObjectStore."""
        self._objects.pop(key, None)

    def overwrite(self, key: str, content: bytes) -> None:
        """What no client can do: change an object, as a rotten disk or a lying operator would."""
        self._objects[key] = content
