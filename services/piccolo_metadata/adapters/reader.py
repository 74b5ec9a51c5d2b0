"""Connections that read, one transaction a time.

Rules:
* What one call reads is one moment of the database.
* A read that its caller has given up ends within a millisecond or so, whatever it is doing: SQLite asks
  every so many steps. (An interrupt from outside is lost when it comes just before a statement begins.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from piccolo_metadata.adapters.batch import View
from piccolo_metadata.adapters.connection import open_reader, translated
from piccolo_metadata.core.ages import Age
from piccolo_metadata.ports import Rows

P = ParamSpec("P")
T = TypeVar("T")

_STEPS: Final = 20_000


class Reader:
    """One connection; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = open_reader(path)

    def read(
        self,
        given_up: threading.Event,
        age: Age,
        work: Callable[Concatenate[Rows, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs `work` on one view, until `given_up` is set.

        Raises what it raises, PiccoloError as `connection.translated`, CANCELLED when it was given up.
        """
        self._connection.set_progress_handler(given_up.is_set, _STEPS)
        view = View(self._connection, age)
        with translated():
            self._connection.execute("BEGIN")
            try:
                return work(view, *args, **kwargs)
            finally:
                view.close()
                self._connection.set_progress_handler(None)
                if self._connection.in_transaction:  # SQLite ends it itself when the disk fails
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close(True)
