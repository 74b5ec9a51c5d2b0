"""One disk as a process: python -m integration.bad_days.power MOUNTPOINT BACKING

It reads orders from standard input, one JSON object a line, and answers each on standard output; it ends,
and its file system with it, when standard input does. An answer that nobody asked for, {"frozen": ...},
says that the moment has come for which {"do": "arm"} asked: from then on nothing is answered until {"do":
"cut"}.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import traceback
from pathlib import Path
from random import Random
from typing import Any

from integration.bad_days.power.files import CHANGING, Files
from integration.bad_days.power.kernel import UNANSWERED, Connection, Op, Request


class Disk:
    """A mounted file system and what is to befall it."""

    def __init__(self, at: Path, backing: Path) -> None:
        self._at, self._backing, self._files = at, backing, Files(backing)
        self._quiet = threading.Condition()
        self._frozen = self._dead = False
        self._changes, self._arm = 0, 0
        self._mount()

    def close(self) -> None:
        """Unmounts it."""
        self._die()
        self._connection.unmount()
        self._serving.join()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Does what is ordered; see `Disk` in disk.py."""
        match order:
            case {"do": "arm", "after": int(after)}:
                with self._quiet:
                    self._arm = self._changes + after
            case {"do": "freeze"}:
                self._freeze()
            case {"do": "die"}:
                self._die()
            case {"do": "cut", "seed": str(seed)}:
                self.close()
                lost = self._files.cut(Random(seed))
                self._mount()
                return lost
            case {"do": "blank"}:
                self.close()
                for file in self._backing.iterdir():
                    file.unlink()
                self._files = Files(self._backing)
                self._mount()
            case {"do": "capacity", "bytes": int(capacity)}:
                with self._quiet:
                    self._files.capacity = capacity
            case {"do": "about"}:
                with self._quiet:
                    return {"changes": self._changes, "used": self._files.used()}
            case _:
                raise ValueError(order)
        return {}

    def _mount(self) -> None:
        self._frozen = self._dead = False
        self._arm = 0
        self._connection = Connection(self._at)
        self._serving = threading.Thread(target=self._serve)
        self._serving.start()

    def _serve(self) -> None:
        connection = self._connection
        while (request := connection.next()) is not None:
            body, error = b"", 0
            try:
                self._wait_for_the_end(request)
                with self._quiet:
                    body = self._files.answer(request)
            except OSError as refused:
                error = refused.errno or errno.EIO
            except Exception:  # a test that hangs says less than this
                traceback.print_exc()
                error = errno.EIO
            if request.op not in UNANSWERED:
                connection.answer(request, body, error)
        connection.close()

    def _wait_for_the_end(self, request: Request) -> None:
        """Counts; lets nobody go on who asks for anything once the power is going. Raises OSError."""
        if request.op in CHANGING:
            self._changes += 1
            if self._changes == self._arm and not self._frozen:
                self._frozen = True
                tell({"frozen": True})
        with self._quiet:
            self._quiet.wait_for(lambda: self._dead or not self._frozen)
            if self._dead and request.op not in (Op.INIT, Op.RELEASE):
                raise OSError(errno.EIO, "no power")

    def _freeze(self) -> None:
        with self._quiet:
            self._frozen = True

    def _die(self) -> None:
        with self._quiet:
            self._dead = True
            self._quiet.notify_all()


_telling = threading.Lock()


def tell(what: dict[str, Any]) -> None:
    """Says one line."""
    with _telling:
        print(json.dumps(what), flush=True)  # noqa: T201 - standard output is the wire


def main() -> None:
    """Mounts, obeys, unmounts."""
    at, backing = map(Path, sys.argv[1:])
    os.umask(0)
    try:
        disk = Disk(at, backing)
    except OSError as refused:
        tell({"refused": f"{refused.strerror} at {at}"})
        return
    tell({"mounted": os.fspath(at)})
    try:
        for line in sys.stdin:
            tell(disk.obey(json.loads(line)))
    finally:
        disk.close()


if __name__ == "__main__":
    main()
