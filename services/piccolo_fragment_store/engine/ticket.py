"""Something that a worker thread opens for a task which may be cancelled before it has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ticket(Generic[T]):
    """Opens once and closes once, in whatever order the two come.

    Args:
        open_: opens it.
        close: closes what was opened.
    """

    def __init__(self, open_: Callable[[], T], close: Callable[[T], None]) -> None:
        self._open, self._close = open_, close
        self._lock = threading.Lock()
        self._opened: T | None = None
        self._over = False

    @property
    def over(self) -> bool:
        """Whether it was closed, or will be once it is opened."""
        return self._over

    def open(self) -> T:
        """Opens it; closes it at once when nobody wants it any more."""
        opened = self._open()
        with self._lock:
            self._opened = opened
            over = self._over
        if over:
            self._close(opened)
        return opened

    def close(self) -> None:
        """Closes it, now or as soon as it is opened."""
        with self._lock:
            self._over = True
            opened = self._opened
        if opened is not None:
            self._close(opened)
