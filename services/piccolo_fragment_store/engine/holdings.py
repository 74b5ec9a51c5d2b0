"""What this keeper holds: files, index, tombstones, room. Every change of a fragment passes here.

Rules:
* One change of a key at a time. A change is plain code in one thread: nobody can stop it half-way.
* The files lead, the index follows. When a change fails after the first file moved, the index is in doubt,
  and the next change first reads the folders again, and makes durable what it finds there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final, Protocol

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_fragment_store.core.fragment import Fragment, Incoming, Kept, Key
from piccolo_fragment_store.core.order import Marks
from piccolo_fragment_store.core.running import DAY
from piccolo_fragment_store.engine.ledger import Ledger
from piccolo_fragment_store.ports import Clock, Index, Log, Shelves

_STRIPES: Final = 1024
_log = logging.getLogger(__name__)


class Busy(Protocol):
    """A put under way, which holds a file in `incoming` open."""

    def give_up(self) -> None:
        """Ends the put; what is durable stays. May be called twice."""

    @property
    def incoming(self) -> Incoming:
        """What is durable of it."""


class Holdings:
    """See the module's rules."""

    def __init__(
        self,
        shelves: Shelves,
        index: Index,
        tombstones: Log,
        clock: Clock,
        ledger: Ledger,
        reconcile: Callable[[Holdings], object],
    ) -> None:
        """`reconcile` brings the index in line with the folders."""
        self._reconcile = reconcile
        self.shelves, self.index, self.tombstones = shelves, index, tombstones
        self.clock, self.ledger = clock, ledger
        self.busy: dict[Key, Busy] = {}
        self.doubted = False
        self._stripes = [threading.RLock() for _ in range(_STRIPES)]

    @contextmanager
    def change(self, key: Key) -> Iterator[Kept]:
        """Holds a key while it is changed, and tells what is known of it.

        Raises PiccoloError FULL or INTERNAL when the index is in doubt and cannot be mended.
        """
        if self.doubted:
            with self.everything():
                self.mend()
        with self._stripes[hash(key) % _STRIPES]:
            yield self.index.kept(key)

    @contextmanager
    def everything(self) -> Iterator[None]:
        """Holds all keys."""
        with ExitStack() as held:
            for stripe in self._stripes:
                held.enter_context(stripe)
            yield

    def mend(self) -> None:
        """Brings the index in line with the files, if it is in doubt. All keys must be held."""
        if self.doubted:
            _log.warning("the index is in doubt, reading the folders again")
            self._reconcile(self)

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Around everything from a change's first rename until the index knows."""
        try:
            yield
        except BaseException:
            self.doubted = True
            raise

    def save(self, before: Kept, whole: Fragment | None, incoming: Incoming | None) -> Kept:
        """Remembers what a key has become. To be called inside `moving`."""
        key = (whole or incoming or before.whole or before.incoming or _nothing()).key
        if whole is None:
            if before.whole is not None:
                self.index.drop_whole(key)
        elif whole != before.whole:
            self.index.put_whole(whole)
        if incoming is None:
            if before.incoming is not None:
                self.index.drop_incoming(key)
        elif incoming != before.incoming:
            self.index.put_incoming(incoming)
        after = Kept(whole, incoming, before.marks)
        self.ledger.change(key.owner, before.charge, after.charge)
        return after

    def mark(self, key: Key, before: Kept, marks: Marks) -> Kept:
        """Remembers a key's marks, which the log has already."""
        if marks != before.marks:
            with self.moving():
                self.index.put_marks({key: marks})
        return replace(before, marks=marks)

    def day(self) -> int:
        """The day of running time, under which the trash is filed."""
        return self.clock.running() // DAY

    def damaged(self, key: Key, root: bytes) -> None:
        """Remembers that bytes of a fragment are not as they were written.

        Where that fails it is only logged: the reader is to hear of the damage, not of this.
        """
        try:
            with self.change(key) as kept:
                if kept.whole is not None and kept.whole.root == root:
                    self.set_damaged(kept)
        except PiccoloError as failed:
            _log.warning("damage could not be remembered", extra=fields(reason=failed.reason))

    def set_damaged(self, kept: Kept) -> None:
        """The same, for a key that is held."""
        if kept.whole is None or kept.whole.damaged:
            return
        self.save(kept, replace(kept.whole, damaged=True), kept.incoming)
        key = kept.whole.key
        told = fields(owner=key.owner.hex(), fragment=key.fragment.hex())
        _log.error("a fragment is damaged on the disk", extra=told)


def _nothing() -> Fragment:
    raise LookupError("nothing was known of this key, and nothing is")
