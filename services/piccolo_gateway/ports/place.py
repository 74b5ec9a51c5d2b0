"""What a connection is to whoever answers the requests that come over it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Place(Protocol):
    """A connection, which may be cut to make room for others."""

    def keep(self) -> None:
        """Whoever asks was let in: it is not cut before the answer is sent."""
        ...
