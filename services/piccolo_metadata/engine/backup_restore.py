"""Brings a memory back from the log at the cloud.

Rules:
* Only an empty memory is replaced, and in one step at the very end; until then nothing of it changes.
* Headers first: nothing is fetched for a chain that does not verify, or whose schema this release does not
  know.
* A body is fetched to a file and compared with the hash that its header's signer vouched for, before it is
  opened; what opens it comes from the vault, key by key.
* With `accept_broken`, damage moves the goal to the newest whole point before it; without, it ends the
  restore in words, unless a point was asked for that is whole. A wrong key is never taken for damage.
* What is written to the log while the restore runs is followed, until the moment of the exchange.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import EntryKind, Head
from piccolo_formats.signed import open_signed

from piccolo_metadata.core.backup_points import Point, chain_to, check_schema, newest_before, restorable
from piccolo_metadata.core.backup_records import DELEGATION, FENCE, PENDING, POSITION, fresh_position
from piccolo_metadata.engine.backup_bodies import Bodies, BrokenBodyError
from piccolo_metadata.engine.backup_ledger import countersigned
from piccolo_metadata.engine.backup_log import Survey
from piccolo_metadata.engine.backup_ports import Access, CloudLog, Files
from piccolo_metadata.engine.backup_words import (
    chain_broken,
    memory_not_empty,
    moved_away,
    no_cloud,
    open_delegation,
)
from piccolo_metadata.ports import Memory, Outbox, Restoring

_KEYS_AT_ONCE: Final = 1000
_STEP: Final = 16_384  # bytes; less is not worth a message
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to restore: the delegation to read by, the entry (0: the newest), and whether less is accepted."""

    delegation: bytes
    seq: int
    accept_broken: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How many bytes are fetched and applied, of how many."""

    done: int
    total: int
    phase: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The result; the fields are those on the wire."""

    seq: int
    head_hash: bytes
    generation: int
    confirmed_until: int
    device_until: int
    files: int


class Asker(Protocol):
    """Who asked for the restore."""

    async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
        """The body keys of these entries, opened by the vault, in this order."""

    async def tell(self, progress: Progress) -> None:
        """Takes note of progress."""


@dataclass(slots=True)
class _Course:
    """A restore under way."""

    wish: Wish
    access: Access
    survey: Survey
    asker: Asker
    keys: dict[int, bytes] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    phase: str = ""
    told: int = 0

    async def tell(self, phase: str) -> None:
        self.phase, self.told = phase, self.done
        await self.asker.tell(Progress(self.done, max(self.done, self.total), phase))

    async def fetched(self, size: int) -> None:
        """So much of the next body is here: on a slow line one body may take hours."""
        now = self.done + size
        if now - self.told >= max(_STEP, self.total // 100):
            self.told = now
            await self.asker.tell(Progress(now, max(now, self.total), self.phase))

    async def applied(self, point: Point) -> None:
        self.done += point.body_size
        await self.tell("applying changes")

    async def ask(self, points: Sequence[Point]) -> None:
        """Gets the keys that are not here yet."""
        missing = [point for point in points if point.seq not in self.keys]
        for start in range(0, len(missing), _KEYS_AT_ONCE):
            batch = missing[start : start + _KEYS_AT_ONCE]
            keys = await self.asker.open_keys(batch)
            if len(keys) != len(batch):
                raise PiccoloError(
                    Kind.INVALID, "KEYS_WRONG", f"{len(batch)} opened keys were expected, {len(keys)} came."
                )
            self.keys.update((point.seq, key) for point, key in zip(batch, keys, strict=True))


class Restorer:
    """Restores the memory of one device."""

    def __init__(self, memory: Memory, outbox: Outbox, cloud: CloudLog, files: Files, key: bytes) -> None:
        """Restore through this cloud; `key` is the public half of this process's signing key."""
        self._memory, self._outbox, self._cloud, self._files, self._key = memory, outbox, cloud, files, key

    async def restore(self, wish: Wish, asker: Asker) -> Restored:
        """Replaces the empty memory by the one that was backed up.

        Raises PiccoloError PRECONDITION (MEMORY_NOT_EMPTY, SCHEMA_NEWER, LOG_MOVED, CLOUD_MISSING), NOT_FOUND
        (BACKUP_MISSING, POINT_MISSING), DATA_LOSS (CHAIN_BROKEN), INVALID (DELEGATION_WRONG, KEYS_WRONG).
        """
        access = await self._admitted(wish)
        course = _Course(wish, access, Survey(self._cloud, access), asker)
        await course.tell("reading the log")
        await course.survey.extend()
        target = _goal(course)
        while True:
            try:
                return await self._attempt(course, target)
            except BrokenBodyError as broken:
                _log.error("a backup entry is broken", extra=fields(seq=broken.seq, why=str(broken)))
                older = newest_before(course.survey.points, broken.seq)
                if older is None or not wish.accept_broken:
                    raise chain_broken(broken.seq, str(broken), older.seq if older else None) from broken
                target = older
            except _LogGrewError:
                target = restorable(course.survey.points)[-1]

    async def _admitted(self, wish: Wish) -> Access:
        if not self._cloud.configured:
            raise no_cloud()
        signed = open_delegation(wish.delegation, self._key)
        if not await self._outbox.is_empty():
            raise memory_not_empty()
        return Access(signed.record.locator, wish.delegation)

    async def _attempt(self, course: _Course, target: Point) -> Restored:
        """One try to reach a point."""
        chain = chain_to(course.survey.points, target)
        check_schema(chain, self._outbox.known_schema)
        course.done, course.total = 0, sum(point.body_size for point in chain)
        bodies = Bodies(self._cloud, self._files, self._outbox.work_folder, course.fetched)
        try:
            await course.ask(chain)
            await course.tell("fetching the snapshot")
            database = await bodies.snapshot(course.access, chain[0], course.keys)
            await course.applied(chain[0])
            async with self._opened(database, chain[0]) as restoring:
                await bodies.apply(course.access, chain[1:], course.keys, restoring, course.applied)
                target = await self._follow(course, restoring, bodies, target)
                await course.tell("putting it in place")
                return await self._exchange(course, restoring, target)
        finally:
            await bodies.remove()

    @asynccontextmanager
    async def _opened(self, database: Path, snapshot: Point) -> AsyncIterator[Restoring]:
        """The snapshot as a restore under way; one that is no whole database is a broken entry."""
        opened = False
        try:
            async with self._outbox.restoring(database) as restoring:
                opened = True
                yield restoring
        except PiccoloError as failed:
            if not opened and failed.kind is Kind.DATA_LOSS:
                raise BrokenBodyError(snapshot.seq, failed.message) from failed
            raise

    async def _follow(self, course: _Course, restoring: Restoring, bodies: Bodies, target: Point) -> Point:
        """Applies what was written meanwhile, where the newest is wanted; returns the newest point."""
        newest = course.wish.seq == 0 and course.survey.broken is None
        while newest and await course.survey.extend():
            points = restorable(course.survey.points)
            if points[-1].base != target.base:
                raise _LogGrewError
            later = [point for point in points if point.seq > target.seq]
            course.total += sum(point.body_size for point in later)
            await course.ask(later)
            await bodies.apply(course.access, later, course.keys, restoring, course.applied)
            target = points[-1]
        return target

    async def _exchange(self, course: _Course, restoring: Restoring, target: Point) -> Restored:
        last = course.survey.points[-1]
        position = replace(
            fresh_position(course.access.locator, last.generation),
            seq=last.seq,
            hash=last.hash,
            time=last.time,
            outbox=restoring.number,
        )
        files = await restoring.replace(
            {POSITION: position.to_record(), PENDING: None, DELEGATION: None, FENCE: None}
        )
        confirmed = await self._confirmed(course, target)
        _log.info("restored", extra=fields(seq=target.seq, generation=last.generation, files=files))
        return Restored(target.seq, target.hash, last.generation, confirmed, target.time, files)

    async def _confirmed(self, course: _Course, target: Point) -> int:
        """When the newest entry was made that the words have confirmed; 0 when there is none in the log."""
        data = await self._memory.read(countersigned)
        if data is None:
            return 0
        try:
            head = open_signed(Head, data, required=[course.access.locator]).record
        except FormatError as wrong:
            _log.warning("the countersigned head proves nothing", extra=fields(why=wrong.message))
            return 0
        point = course.survey.at(head.seq)
        if point is None or (head.locator, head.hash) != (course.access.locator, point.hash):
            _log.warning("the countersigned head is not in the log", extra=fields(seq=head.seq))
            return 0
        return min(point.time, target.time)


class _LogGrewError(Exception):
    """A new chain was begun while the old one was restored."""


def _goal(course: _Course) -> Point:
    """The point to restore to."""
    survey, wish = course.survey, course.wish
    if not survey.points and survey.broken is None:
        raise PiccoloError(
            Kind.NOT_FOUND,
            "BACKUP_MISSING",
            "The cloud has no backup under these words. Compare them with your note, and the cloud's address "
            "with the one that the old device used.",
        )
    points = restorable(survey.points)
    broken = survey.broken
    found = survey.at(wish.seq)
    if broken is not None and not (wish.accept_broken or found in points) and not _before(broken, wish.seq):
        raise broken
    last = survey.points[-1] if survey.points else None
    if last is not None and last.kind is EntryKind.MOVED and (wish.seq == 0 or not points):
        raise moved_away(last.time)
    if not points:
        raise broken or _no_point(wish.seq)
    if wish.seq == 0:
        return points[-1]
    if found in points:
        return found
    older = newest_before(points, wish.seq)
    if broken is None or older is None:
        raise _no_point(wish.seq)
    return older


def _before(broken: PiccoloError, seq: int) -> bool:
    """Whether damage lies behind the point that is wanted."""
    return 0 < seq < int(broken.details["seq"])


def _no_point(seq: int) -> PiccoloError:
    return PiccoloError(
        Kind.NOT_FOUND,
        "POINT_MISSING",
        f"The backup cannot be restored to entry {seq}: it is not kept, or holds no state. List the points.",
    )
