"""Fragments that come in block by block.

Rules:
* Room is reserved before the first byte and grows before it is used.
* One put a key: a newer call for the same fragment ends the older one, whose durable blocks stay.
* A disk that turns out to be full takes the half-written file back: nothing of it stays.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.fragment import (
    Fragment,
    Head,
    Incoming,
    Kept,
    Key,
    Place,
    State,
    expected_file_bytes,
    file_bytes,
)
from piccolo_fragment_store.core.order import NEVER
from piccolo_fragment_store.core.transitions import Opening, finish_put, open_put
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.ledger import Reservation
from piccolo_fragment_store.ports import Writer

_UNKNOWN_SIZE: Final = 1024 * 1024
_INCOMING: Final = Place(State.INCOMING)


@dataclass(frozen=True, slots=True)
class Opened:
    """How a put has begun: what is durable, and an upload unless the fragment is whole already."""

    durable_blocks: int
    leaves_digest: bytes
    upload: Upload | None
    whole: Fragment | None = None


class Upload:
    """A put under way. Its methods run in worker threads, one after the other."""

    def __init__(self, holdings: Holdings, head: Head, writer: Writer, reservation: Reservation) -> None:
        self._holdings, self._head = holdings, head
        self._writer, self._reservation = writer, reservation
        self._lock = threading.RLock()
        self._over = False

    @property
    def incoming(self) -> Incoming:
        """What is durable of it."""
        return self._writer.incoming

    def append(self, blocks: bytes | memoryview) -> None:
        """Writes whole blocks; durable only after `checkpoint`.

        Raises PiccoloError FULL (OFFER_FULL, DISK_FULL), CONFLICT (TAKEN_OVER), INVALID as `BlockCutter.cut`.
        """
        with self._writing():
            more = -(-len(blocks) // self._head.block_size)
            grown = file_bytes(self._writer.file_size + len(blocks), self._writer.blocks + more)
            self._reservation.cover(grown)
            self._writer.append(blocks)
            self._reservation.wrote(self._writer.file_size)

    def checkpoint(self) -> int:
        """Makes durable what was written; returns how many blocks that is."""
        with self._writing():
            durable = self._writer.sync()
            self._holdings.index.put_incoming(self._writer.incoming)
            return durable

    def finish(self, blocks: int, root: bytes) -> Fragment:
        """Makes the fragment whole.

        Raises PiccoloError CONFLICT (BLOCKS_MISSING, BURIED, OTHER_ROOT, TAKEN_OVER), INVALID
        (ROOT_MISMATCH), FULL (DISK_FULL).
        """
        with self._holdings.change(self._head.key) as kept, self._writing():
            self._check(blocks, root)
            target = finish_put(self._head.order, root, kept)
            record = _old_record(self._holdings, kept) if target is State.LIVE else b""
            if target is State.LIVE and not record:
                target = State.PROVISIONAL  # its record is lost with it: the owner commits it again
            whole = self._writer.finish(record)
            self._over = True
            try:
                return self._place(kept, replace(whole, place=Place(target)))
            except PiccoloError:
                discard(self._holdings, self._head.key)
                raise
            finally:
                self._end()

    def give_up(self) -> None:
        """Ends the put; what is durable stays. May be called twice."""
        with self._lock:
            if self._over:
                return
            self._over = True
            try:
                self._settle()
            finally:
                self._end()

    def _settle(self) -> None:
        try:
            self._writer.sync()
        except PiccoloError:
            discard(self._holdings, self._head.key)
            raise
        with self._holdings.moving():
            self._holdings.index.put_incoming(self.incoming)
            self._holdings.ledger.change(self._head.key.owner, 0, self.incoming.charge)

    def _check(self, blocks: int, root: bytes) -> None:
        if self._writer.blocks != blocks:
            raise PiccoloError(
                Kind.CONFLICT,
                "BLOCKS_MISSING",
                f"The fragment is said to have {blocks} blocks; {self._writer.blocks} came. Resume it.",
                {"durable_blocks": str(self.incoming.blocks)},
            )
        if self._writer.root() != root:
            raise PiccoloError(
                Kind.INVALID,
                "ROOT_MISMATCH",
                "The blocks that came do not have the root that the caller computed; put them again.",
            )

    def _place(self, kept: Kept, whole: Fragment) -> Fragment:
        holdings, old = self._holdings, kept.whole
        with holdings.moving():
            holdings.shelves.move(whole.key, _INCOMING, whole.place)
            if old is not None and old.place != whole.place:
                holdings.shelves.remove(old.key, old.place)
            if whole.state is State.LIVE:
                whole = holdings.shelves.describe(whole.key, whole.place, holdings.clock.running())
            # the reservation stood for the incoming file, so that is charged for no longer
            holdings.save(replace(kept, incoming=None), whole, None)
            holdings.index.drop_incoming(whole.key)
        return whole

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            if self._over:
                raise refusals.taken_over()
            try:
                yield
            except PiccoloError as failed:
                if failed.kind in (Kind.FULL, Kind.INTERNAL) and not self._over:
                    self._drop()
                raise

    def _drop(self) -> None:
        """Leaves nothing of the put behind. Until it is done, a newer call for the same fragment waits."""
        self._over = True
        try:
            discard(self._holdings, self._head.key)
        finally:
            self._end()

    def _end(self) -> None:
        self._writer.close()
        self._reservation.release()
        if self._holdings.busy.get(self._head.key) is self:
            del self._holdings.busy[self._head.key]


def open_upload(holdings: Holdings, head: Head, resume_at: int | None, *, only_known: bool) -> Opened:
    """Begins a put, or goes on with one.

    Args:
        holdings: where it goes.
        head: the fragment.
        resume_at: how many durable blocks to keep; None is all.
        only_known: whether a fragment that is not here yet is refused.

    Raises PiccoloError CONFLICT (BURIED, SUPERSEDED, OTHER_SHAPE), FULL (OFFER_FULL, DISK_FULL), DENIED
    (MEMBER_LEAVING).
    """
    with holdings.change(head.key) as found:
        kept = without_busy(holdings, found, head)
        check_known(kept, only_known=only_known)
        opening = open_put(head, resume_at, kept)
        if opening is Opening.WHOLE:
            opened = _whole(holdings, kept)
            if opened is not None:
                return opened
            kept = holdings.index.kept(head.key)
            opening = open_put(head, resume_at, kept)
        if opening is Opening.REOPEN:
            kept = _reopened(holdings, kept)
            opening = open_put(head, resume_at, kept)
        return _begun(holdings, head, resume_at, kept, opening)


def without_busy(holdings: Holdings, kept: Kept, head: Head) -> Kept:
    """Ends an older call for the same fragment."""
    if busy := holdings.busy.get(head.key):
        if head.order < busy.incoming.put:
            raise refusals.superseded(busy.incoming.put)
        busy.give_up()
        return holdings.index.kept(head.key)
    return kept


def discard(holdings: Holdings, key: Key) -> None:
    """Removes what lies in `incoming` for a key; where that fails, the index is in doubt."""
    try:
        holdings.shelves.remove(key, _INCOMING)
        holdings.index.drop_incoming(key)
    except PiccoloError:
        holdings.doubted = True


def drop_incoming(holdings: Holdings, kept: Kept) -> Kept:
    """Ends and removes what is coming in for a key that is held."""
    if kept.incoming is None:
        return kept
    if busy := holdings.busy.get(kept.incoming.key):
        busy.give_up()
        kept = holdings.index.kept(kept.incoming.key)
    if kept.incoming is not None:
        discard(holdings, kept.incoming.key)
        holdings.ledger.change(kept.incoming.key.owner, kept.incoming.charge, 0)
    return replace(kept, incoming=None)


def check_known(kept: Kept, *, only_known: bool) -> None:
    """Refuses what is new here. Raises PiccoloError DENIED, MEMBER_LEAVING."""
    if only_known and not kept.known:
        raise PiccoloError(
            Kind.DENIED,
            "MEMBER_LEAVING",
            "A member that is leaving the circle repairs what it has here and puts nothing new.",
        )


def _begun(holdings: Holdings, head: Head, resume_at: int | None, kept: Kept, opening: Opening) -> Opened:
    before = kept.incoming.charge if kept.incoming else 0
    expected = _UNKNOWN_SIZE if head.expected is None else head.expected
    holdings.ledger.change(head.key.owner, before, 0)
    try:
        size = expected_file_bytes(expected, head.block_size)
        reservation = holdings.ledger.reserve(head.key.owner, size, heals=kept.whole is not None)
    except PiccoloError:
        holdings.ledger.change(head.key.owner, 0, before)
        raise
    with ExitStack() as undo:
        undo.callback(discard, holdings, head.key)
        undo.callback(reservation.release)
        writer = _writer(holdings, head, resume_at, opening)
        undo.callback(writer.close)
        reservation.cover(writer.file_size)
        reservation.wrote(writer.file_size)
        holdings.index.put_incoming(writer.incoming)
        undo.pop_all()
    upload = Upload(holdings, head, writer, reservation)
    holdings.busy[head.key] = upload
    return Opened(writer.incoming.blocks, writer.leaves_digest(), upload)


def _writer(holdings: Holdings, head: Head, resume_at: int | None, opening: Opening) -> Writer:
    now, created = holdings.clock.running(), holdings.clock.wall()
    if opening is Opening.RESUME:
        try:
            return holdings.shelves.resume(head, resume_at, now)
        except PiccoloError as gone:
            if gone.reason != "FILE_MISSING":
                raise
    return holdings.shelves.begin(head, created, now)


def _whole(holdings: Holdings, kept: Kept) -> Opened | None:
    """The answer for a fragment that is whole; None when its file turns out to be damaged."""
    whole = kept.whole or _no_whole()
    try:
        reader = holdings.shelves.open(whole.key, whole.place)
    except PiccoloError as torn:
        if torn.reason not in ("ROT", "FILE_MISSING"):
            raise
        holdings.set_damaged(kept)
        return None
    try:
        return Opened(whole.blocks, digest("leaves", *reader.leaves), None, whole)
    finally:
        reader.close()


def _reopened(holdings: Holdings, kept: Kept) -> Kept:
    """Takes a provisional fragment back into `incoming`."""
    whole = kept.whole or _no_whole()
    with holdings.moving():
        holdings.shelves.move(whole.key, whole.place, _INCOMING)
        half = holdings.shelves.describe_incoming(whole.key, holdings.clock.running())
        return holdings.save(kept, None, half)


def _old_record(holdings: Holdings, kept: Kept) -> bytes:
    """A commit record of a fragment that is being healed; empty when none can be read any more."""
    whole = kept.whole or _no_whole()
    if whole.record == NEVER:
        return b""
    try:
        return holdings.shelves.newest_record(whole.key, whole.place)
    except PiccoloError:
        return b""


def _no_whole() -> Fragment:
    raise LookupError("a whole fragment was expected")
