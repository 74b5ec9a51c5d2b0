"""The backup as a background task, and what others may ask of it.

Rules:
* One turn at a time: whatever writes to the log holds `_turn`. What merely reads or notes does not wait for
  it.
* The task sleeps until there is a commit or somebody asks; commits of two seconds go into one entry. After a
  failure it waits, longer each time, up to five minutes; only a request cuts that short.
* A fenced device writes no more, also after a restart, until its owner's words claim a new generation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.records.backup import Delegation, EntryKind, Head
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import Signed, Signer, open_signed, sign

from piccolo_metadata.core.backup_points import Point, restorable
from piccolo_metadata.core.backup_records import (
    DELEGATION,
    FENCE,
    PENDING,
    POSITION,
    Position,
    fresh_position,
)
from piccolo_metadata.core.backup_rules import pause
from piccolo_metadata.engine import backup_rebuild
from piccolo_metadata.engine.backup_claim import Claimer
from piccolo_metadata.engine.backup_ledger import Standing, load, put_countersigned
from piccolo_metadata.engine.backup_log import Survey
from piccolo_metadata.engine.backup_ports import Access, CloudLog
from piccolo_metadata.engine.backup_waiting import first_of
from piccolo_metadata.engine.backup_words import (
    claim_first,
    fenced,
    missed_entries,
    no_cloud,
    open_delegation,
    refused_as,
)
from piccolo_metadata.engine.backup_writer import Writer
from piccolo_metadata.engine.rewrapping import swap
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import SNAPSHOT_WANTED, Memory, Outbox

GATHER_SECONDS: Final = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """How far the backup is; the fields are those on the wire."""

    enabled: bool
    seq: int
    head_hash: bytes
    last_backup: int
    pending: int
    problem: str
    problem_reason: str
    fenced: bool
    head: bytes
    fenced_by: bytes
    bytes: int


class Backup:
    """The backup of one memory."""

    def __init__(
        self,
        memory: Memory,
        outbox: Outbox,
        cloud: CloudLog,
        writer: Writer,
        signer: Signer,
        dice: Callable[[], float],
    ) -> None:
        """Back up what the outbox holds; `signer` is this process's key, `dice` gives numbers from 0 to 1."""
        self._memory, self._outbox, self._cloud, self._writer = memory, outbox, cloud, writer
        self._signer, self._dice = signer, dice
        self._claimer = Claimer(outbox, cloud, writer)
        self._turn = asyncio.Lock()
        self._asked = asyncio.Event()
        self._news = asyncio.Event()
        self._failure: PiccoloError | None = None
        self._failures = 0
        self._unsure = True

    @property
    def key(self) -> bytes:
        """The public half of this process's signing key."""
        return self._signer.public

    async def run(self) -> None:
        """Backs up until cancelled."""
        while True:
            self._asked.clear()
            try:
                async with self._turn:
                    await self._work()
                self._failure, self._failures = None, 0
                self._tell()
                await self._idle()
            except PiccoloError as failed:
                self._fail(failed)
                await self._wait(self._asked, pause(self._failures, self._dice()))

    async def delegate(self, data: bytes) -> None:
        """Stores the locator's delegation; from then on every commit is backed up.

        Raises PiccoloError INVALID (DELEGATION_WRONG), CONFLICT (GENERATION_OLD), PRECONDITION (CLAIM_FIRST).
        """
        delegation = open_delegation(data, self.key)
        if not await self._renewed(delegation):
            async with self._turn:
                # the first entry may have been written while this waited
                if not await self._renewed(delegation):
                    generation = delegation.record.generation
                    if generation > 1 and (await load(self._outbox)).rebuilt:
                        raise claim_first(generation)
                    await self._begin(delegation)
        self.wake()

    async def succeed(
        self, epoch: int, delegation: bytes, put: Sequence[StateValue], *, exposed: bool = False
    ) -> None:
        """Puts new wraps in force and, with a delegation for another log, goes on there.

        Raises PiccoloError as `rewrapping.swap`, INVALID (DELEGATION_WRONG).
        """
        signed = open_delegation(delegation, self.key) if delegation else None
        async with self._turn:  # an entry under way belongs to the log that it was made for
            await self._memory.write(swap, epoch, signed, put, exposed=exposed)
            self._unsure = True
        self.wake()

    async def start_snapshot(self) -> int:
        """Starts a new chain; returns the snapshot's seq when the cloud has it.

        Raises PiccoloError PRECONDITION (CLOUD_MISSING, DELEGATION_MISSING), DENIED (FENCED), and why the
        cloud does not have it; then it is made as soon as that has passed.
        """
        standing = await self._usable()
        before = standing.position.base if standing.position else 0
        await self._outbox.set_local({SNAPSHOT_WANTED: b""})
        self._failure = None
        self.wake()
        while True:
            news = self._news
            position = (await load(self._outbox)).position
            if position is not None and position.base > before:
                return position.base
            if self._failure is not None:
                raise self._failure
            await news.wait()

    async def countersign(self, data: bytes) -> None:
        """Keeps the locator's signature over a head that this device has signed.

        Raises PiccoloError INVALID, HEAD_WRONG.
        """
        position = (await load(self._outbox)).position
        with refused_as(Kind.INVALID, "HEAD_WRONG", "The countersigned head cannot be used"):
            head = open_signed(Head, data, required=[self.key])
            head.require(head.record.locator)
        if position is None or head.record.locator != position.locator or head.record.seq > position.seq:
            raise PiccoloError(Kind.INVALID, "HEAD_WRONG", "The countersigned head is of another log.")
        await self._memory.write(put_countersigned, head)

    async def claim(self, claim: bytes, delegation: bytes) -> int:
        """Creates the claim of a new generation in the log; returns its seq. Asked again, it answers the
        same.

        Raises PiccoloError INVALID (CLAIM_WRONG, DELEGATION_WRONG), CONFLICT (GENERATION_TAKEN), PRECONDITION
        (RESTORE_FIRST), DATA_LOSS (FORK, ROLLED_BACK, CHAIN_BROKEN).
        """
        signed = open_delegation(delegation, self.key)
        with refused_as(Kind.INVALID, "CLAIM_WRONG", "The claim cannot be used"):
            opened = open_signed(Claim, claim)
        if opened.record.generation != signed.record.generation:
            raise PiccoloError(
                Kind.INVALID, "CLAIM_WRONG", "The claim and the delegation are of different generations."
            )
        # a majority of the circle has promised already: with the cloud away that is enough to write by
        await self._outbox.set_generation(signed.record.generation)
        self._require_cloud()
        async with self._turn:
            self._unsure = True  # its answer may get lost, and then the cloud has it all the same
            try:
                seq = await self._claimer.claim(await load(self._outbox), claim, signed)
            except PiccoloError as failed:
                if failed.kind is Kind.DATA_LOSS:  # the owner may write files by then, and must know
                    self._fail(failed)
                raise
        self._failure, self._failures, self._unsure = None, 0, False
        self.wake()
        return seq

    async def begin_rebuild(self) -> None:
        """Says that this empty memory is about to be filled without a backup.

        Raises PiccoloError PRECONDITION, MEMORY_NOT_EMPTY.
        """
        async with self._turn:
            await self._memory.write(backup_rebuild.begin)
            self._unsure = True
        self.wake()

    async def points(self, delegation: bytes) -> list[Point]:
        """What can be restored, newest first, with a delegation to read by, or with the stored one."""
        self._require_cloud()
        if delegation:
            signed = open_delegation(delegation, self.key)
            access = Access(signed.record.locator, delegation)
        else:
            access = (await load(self._outbox)).access
        survey = Survey(self._cloud, access)
        await survey.extend()
        if survey.broken is not None:
            _log.warning("the backup is broken", extra=fields(**survey.broken.details))
        return restorable(survey.points)[::-1]

    async def status(self) -> Status:
        """How far the backup is."""
        standing = await load(self._outbox)
        last = (await self._outbox.backlog()).last
        position = standing.position
        reason, problem = self._problem(standing)
        return Status(
            enabled=standing.delegation is not None and self._cloud.configured,
            seq=position.seq if position else 0,
            head_hash=(position.hash if position else None) or b"",
            last_backup=position.time if position and position.seq else 0,
            pending=max(last - (position.outbox if position else 0), 0),
            problem=problem,
            problem_reason=reason,
            fenced=standing.fence is not None,
            head=self._head(position),
            fenced_by=standing.fence.header if standing.fence else b"",
            bytes=position.bytes if position else 0,
        )

    async def watch(self, stopping: asyncio.Event) -> AsyncGenerator[Status]:
        """The status, and again whenever it changes, until the process stops."""
        told: Status | None = None
        while not stopping.is_set():
            news = self._news
            status = await self.status()
            if status != told:
                told = status
                yield status
            await first_of(news.wait(), stopping.wait())

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Nothing is backed up meanwhile, and the log is looked at anew afterwards."""
        async with self._turn:
            yield
            self._unsure = True
        self.wake()

    def wake(self) -> None:
        """Begins the next turn at once, and tells those who watch."""
        self._asked.set()
        self._tell()

    async def _work(self) -> None:
        """Brings the cloud up to what is committed now; what comes meanwhile waits to be gathered."""
        goal, sent = (await self._outbox.backlog()).last, False
        while True:
            standing = await load(self._outbox)
            position, pending = standing.position, standing.pending
            if position is None or not self._may_write(standing):
                return
            if sent and position.base and position.outbox >= goal and not standing.snapshot_wanted:
                return
            if self._unsure:
                await self._writer.look(standing.access, position, pending)
                self._unsure = False
                continue
            # a claim that did not arrive is made anew by whoever asks for it again
            if pending and (pending.kind is EntryKind.CLAIM or not await self._writer.is_whole(pending)):
                await self._writer.forget(pending)
                pending = None
            pending = pending or await self._writer.prepare(standing, position)
            if pending is None:
                return
            await self._writer.send(standing.access, position, pending)
            sent = True
            self._tell()

    async def _idle(self) -> None:
        """Waits for a commit, and two seconds more for others, or until somebody asks."""
        standing = await load(self._outbox)
        if standing.position is None or not self._may_write(standing):
            await self._asked.wait()
            return
        await first_of(self._outbox.committed(standing.position.outbox), self._asked.wait())
        self._tell()
        await self._wait(self._asked, GATHER_SECONDS)

    def _may_write(self, standing: Standing) -> bool:
        return standing.delegation is not None and standing.fence is None and self._cloud.configured

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    async def _renewed(self, delegation: Signed[Delegation]) -> bool:
        """Stores a delegation for the log that is being written; False when there is none yet."""
        standing = await load(self._outbox)
        position, generation = standing.position, delegation.record.generation
        if position is None or position.locator != delegation.record.locator:
            return False
        if not (position.seq or standing.pending) and position.generation != generation:
            return False
        if generation < position.generation:
            raise PiccoloError(
                Kind.CONFLICT,
                "GENERATION_OLD",
                f"This device is of generation {position.generation} already.",
                {"generation": str(position.generation)},
            )
        if generation > position.generation:
            raise claim_first(generation)
        await self._outbox.set_local({DELEGATION: delegation.to_bytes()})
        return True

    async def _begin(self, delegation: Signed[Delegation]) -> None:
        """A log that this device has not written to yet: the first, or that of new words."""
        record = delegation.record
        position = fresh_position(record.locator, record.generation)
        await self._outbox.set_generation(record.generation)
        await self._outbox.set_local(
            {
                DELEGATION: delegation.to_bytes(),
                POSITION: position.to_record(),
                PENDING: None,
                FENCE: None,
            }
        )
        self._unsure = True

    async def _usable(self) -> Standing:
        self._require_cloud()
        standing = await load(self._outbox)
        _ = standing.access
        if standing.fence is not None:
            raise fenced(standing.fence.generation)
        return standing

    def _require_cloud(self) -> None:
        if not self._cloud.configured:
            raise no_cloud()

    def _fail(self, failed: PiccoloError) -> None:
        self._failure, self._failures, self._unsure = failed, self._failures + 1, True
        _log.warning(
            "backing up failed",
            extra=fields(reason=failed.reason, failures=self._failures, why=failed.message),
        )
        self._tell()

    def _tell(self) -> None:
        """Wakes those who watch, once."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _problem(self, standing: Standing) -> tuple[str, str]:
        failure = self._failure if standing.fence is None else fenced(standing.fence.generation)
        if failure is not None:
            return failure.reason, failure.message
        position = standing.position
        if position is not None and position.missed:
            return "ENTRIES_MISSED", missed_entries(position.missed, position.missed_to)
        return "", ""

    def _head(self, position: Position | None) -> bytes:
        if position is None or position.hash is None:
            return b""
        head = Head(
            locator=position.locator,
            generation=position.generation,
            seq=position.seq,
            hash=position.hash,
        )
        return sign(head, self._signer).to_bytes()
