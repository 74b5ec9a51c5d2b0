"""Reads what is kept, piece by piece, and remembers what is not as it was written.

Rules:
* Everything of a fragment is checked: header, leaves, root, commit record and trailer by their check, the
  blocks by their leaves, the newer commit record beside it by its signature; and read from the disk itself,
  not from what the kernel remembers of it.
* What is damaged is remembered, like damage that a reader met; its owner hears of it when it asks. A file
  that is gone makes the index doubtful, which mends it.
* How far it is, is written down every minute and at the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields

from piccolo_fragment_store.core import scrubbing
from piccolo_fragment_store.core.fragment import Fragment
from piccolo_fragment_store.core.order import NEVER
from piccolo_fragment_store.core.scrubbing import Pace, Round
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.limits import Traffic
from piccolo_fragment_store.engine.waiting import until_any
from piccolo_fragment_store.ports import Reader, ScrubNotes, Workers

_PIECE: Final = 1 << 20
_SAVE: Final = 60.0
_LOOK: Final = 60.0
_AFTER_FAILURE: Final = 60.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Open:
    """The fragment that is being read."""

    whole: Fragment
    reader: Reader
    counted: int = 0


class Walker:
    """Reads on from where a round is. Its methods run in worker threads, one after the other."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._open: _Open | None = None

    def step(self, round_: Round) -> Round:
        """Reads about 1 MiB more; returns the round as it is then.

        Raises PiccoloError when the disk fails otherwise than by losing bytes; the fragment is tried again.
        """
        if self._open is None:
            whole = self._holdings.index.next_whole(round_.at)
            if whole is None:
                return round_.ended(self._holdings.clock.wall())
            if whole.damaged:
                return round_.left(whole.key, whole.charge)
            return self._begin(round_, whole)
        return self._go_on(round_, self._open)

    def close(self) -> None:
        """Lets go of the fragment that is being read."""
        if self._open is not None:
            self._open.reader.close()
            self._open = None

    def _begin(self, round_: Round, whole: Fragment) -> Round:
        holdings = self._holdings
        try:
            reader = holdings.shelves.open(whole.key, whole.place, from_disk=True)
        except PiccoloError as failed:
            return self._not_opened(round_, whole, failed)
        resumed = round_.blocks * whole.block_size if round_.root == whole.root else 0
        self._open = _Open(whole, reader, resumed)
        try:
            if reader.fragment.root != whole.root:
                return self._disagrees(round_, whole)
            if whole.record_size and holdings.shelves.order_beside(whole.key, whole.place) == NEVER:
                return self._damaged(round_, whole)
        except BaseException:
            self.close()
            raise
        return round_ if round_.root == whole.root else round_.passed(whole.root, 0, 0)

    def _not_opened(self, round_: Round, whole: Fragment, failed: PiccoloError) -> Round:
        if failed.kind is Kind.DATA_LOSS:
            return self._damaged(round_, whole)
        if failed.reason != "FILE_MISSING":
            raise failed
        if self._holdings.index.kept(whole.key).whole != whole:
            return round_  # it moved, or was healed or buried, between looking it up and opening it
        return self._disagrees(round_, whole)

    def _disagrees(self, round_: Round, whole: Fragment) -> Round:
        """The index knows another file than the disk has: the folders are read again."""
        self.close()
        self._holdings.doubted = True
        with self._holdings.change(whole.key):
            told = fields(owner=whole.key.owner.hex(), fragment=whole.key.fragment.hex())
            _log.error("a fragment's file is gone or another one", extra=told)
        return round_.left(whole.key, whole.charge, damaged=True)

    def _damaged(self, round_: Round, whole: Fragment) -> Round:
        size = whole.charge - (self._open.counted if self._open else 0)
        self.close()
        if self._holdings.index.kept(whole.key).whole != whole:
            return round_.passed(b"", 0, 0)  # healed, moved or buried meanwhile: read what is there now
        self._holdings.damaged(whole.key, whole.root)
        return round_.left(whole.key, size, damaged=True)

    def _go_on(self, round_: Round, open_: _Open) -> Round:
        whole = open_.whole
        count = min(max(1, _PIECE // whole.block_size), whole.blocks - round_.blocks)
        if count > 0:
            try:
                size = len(open_.reader.read(round_.blocks, count))
            except PiccoloError as failed:
                if failed.kind is Kind.DATA_LOSS:
                    return self._damaged(round_, whole)
                self.close()
                raise
            open_.counted += size
            round_ = round_.passed(whole.root, round_.blocks + count, size)
        if round_.blocks < whole.blocks:
            return round_
        self.close()
        return round_.left(whole.key, whole.charge - open_.counted)


class Scrub:
    """Walks round after round, at its pace, until the process stops. Its task is the only one that steps.

    Args:
        holdings: what is read.
        workers: where it is read.
        traffic: what members have under way.
        pace: how fast.
        notes: where it is written down how far it is.
        stopping: set when the process ends.
        timer: seconds, to measure the disk by.
    """

    def __init__(
        self,
        holdings: Holdings,
        workers: Workers,
        traffic: Traffic,
        pace: Pace,
        notes: ScrubNotes,
        stopping: asyncio.Event,
        timer: Callable[[], float],
    ) -> None:
        self._holdings, self._workers, self._traffic = holdings, workers, traffic
        self._pace, self._notes, self._stopping = pace, notes, stopping
        self._timer, self._walker = timer, Walker(holdings)
        self._asked = asyncio.Event()
        self.round = Round(began=holdings.clock.running())

    @property
    def total(self) -> int:
        """Bytes that a round reads."""
        return max(self.round.read, self._holdings.ledger.used)

    def begin(self) -> None:
        """Begins a round now, instead of when it is due; one that is under way goes on."""
        self._asked.set()

    async def run(self) -> None:
        """Works until the process stops."""
        try:
            kept = await self._workers.run(self._notes.load)
            self.round = self.round if kept is None else kept
        except PiccoloError as failed:
            _log.warning("how far the scrub was cannot be read", extra=fields(reason=failed.reason))
        await self._work()
        await self._workers.run(self._walker.close)
        await self._save(self.round)

    async def _work(self) -> None:
        saved = self._timer()
        while not self._stopping.is_set():
            if self.round.over:
                await until_any(_LOOK, self._asked, self._stopping)
                self._begin_if_due()
                continue
            if not self._is_behind() and not self._traffic.is_quiet:
                await until_any(_LOOK, self._traffic.quiet, self._stopping)
                continue
            rest = await self._step()
            if rest > 0:
                await until_any(rest, self._stopping)
            if self._timer() - saved > _SAVE:
                await self._save(self.round)
                saved = self._timer()

    def _begin_if_due(self) -> None:
        now = self._holdings.clock.running()
        if self._asked.is_set() or scrubbing.is_due(self.round, self._pace, now):
            self._asked.clear()
            self.round = self.round.following(now)

    def _is_behind(self) -> bool:
        return scrubbing.is_behind(self.round, self._pace, self.total, self._holdings.clock.running())

    async def _step(self) -> float:
        """Reads a piece; returns how long to rest after it."""
        before, began = self.round, self._timer()
        try:
            after = await self._workers.run(self._walker.step, before)
        except PiccoloError as failed:
            _log.warning("the scrub cannot read on, trying again", extra=fields(reason=failed.reason))
            return _AFTER_FAILURE
        if after.over:
            await self._save(after)
            _log.info("all was read", extra=fields(bytes=after.read, damaged=after.damaged))
        self.round = after
        now, size = self._holdings.clock.running(), self.round.read - before.read
        took = self._timer() - began
        return scrubbing.rest(self.round, self._pace, self.total, now, size=size, took=took)

    async def _save(self, round_: Round) -> None:
        try:
            await self._workers.run(self._notes.save, round_)
        except PiccoloError as failed:  # a full disk must still be read
            _log.warning("how far the scrub is cannot be kept", extra=fields(reason=failed.reason))
