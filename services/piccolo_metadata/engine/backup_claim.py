"""Claims the log for a new generation of the owner's device.

Rules:
* A claim follows the newest entry that the cloud has, after every header from the snapshot that this device's
  position rests on was verified and that position was found among them. What is older says nothing of it, and
  a log of years is longer than a claim can wait for.
* What a former device wrote while this one was being restored is in the log and not in this memory: that is
  told, not hidden. A memory that was rebuilt without a backup goes on behind all that the log holds.
* Whoever writes between the look and the claim (the old device, or a rival of a lower generation) has taken
  its place and no more: the claim is made anew behind it. What may not stand there is found by that look.
* Asking again after a crash answers the same: the claim's bytes are kept like any other entry's. Where they
  are not any more, the log's last claim is known as this device's own by the key that was delegated.
"""

from __future__ import annotations

from dataclasses import replace

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_entry import PREFIX_SIZE
from piccolo_formats.records.backup import Delegation, EntryKind
from piccolo_formats.signed import Signed

from piccolo_metadata.core.backup_points import Point, restorable
from piccolo_metadata.core.backup_records import POSITION, Pending, Position, fresh_position
from piccolo_metadata.engine.backup_ledger import Standing, load
from piccolo_metadata.engine.backup_log import Survey, header_at
from piccolo_metadata.engine.backup_ports import Access, CloudLog, Kept
from piccolo_metadata.engine.backup_words import forked, restore_first, rolled_back
from piccolo_metadata.engine.backup_writer import Writer
from piccolo_metadata.ports import Outbox

_TRIES = 10
# another entry came first; whether it may be there is told by reading it
_OVERTAKEN = frozenset({"FORK", "LOG_GAP", "LOG_MOVED"})
# after these the claim's bytes are of no use any more: another entry has their place
_HOPELESS = frozenset({"FORK", "FENCED", "GENERATION_TAKEN", "LOG_GAP", "LOG_MOVED", "ROLLED_BACK"})


class _OvertakenError(Exception):
    """The cloud had another entry first."""

    def __init__(self, refusal: PiccoloError) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class Claimer:
    """Writes claims. The caller holds the turn."""

    def __init__(self, outbox: Outbox, cloud: CloudLog, writer: Writer) -> None:
        """Claim through this writer."""
        self._outbox, self._cloud, self._writer = outbox, cloud, writer

    async def claim(self, standing: Standing, claim: bytes, delegation: Signed[Delegation]) -> int:
        """Creates the claim (Signed("claim")) for the generation of the delegation; returns its seq."""
        record = delegation.record
        left = _TRIES
        while not _is_claimed(standing, record):
            left -= 1
            try:
                await self._create(standing, claim, delegation)
            except _OvertakenError as overtaken:
                if not left:
                    raise overtaken.refusal from overtaken
            standing = await load(self._outbox)
        position = (await load(self._outbox)).position
        if position is None or not position.claim:
            raise restore_first()
        return position.claim

    async def _create(self, standing: Standing, claim: bytes, delegation: Signed[Delegation]) -> None:
        access = Access(delegation.record.locator, delegation.to_bytes())
        kept = await self._cloud.head(access)
        survey = Survey(self._cloud, access, await self._first(standing, access, kept))
        await survey.extend()
        if survey.broken is not None and not survey.reaches_the_end:
            raise survey.broken
        pending = standing.pending
        if pending is not None and _has(survey, pending) and (standing.position is None or pending.seq == 1):
            position = fresh_position(access.locator, pending.generation)
        else:
            position = self._found(standing, survey, access.locator)
        if pending is not None and _has(survey, pending):
            position = await self._writer.acknowledge(position, pending, access.delegation)
            pending = None
            if position.claim == position.seq and position.generation == delegation.record.generation:
                return
        own = await self._own_claim(access, survey.last, delegation.record)
        before = survey.points if own is None else survey.points[:-1]
        position = await self._at_the_end(position, before, delegation.record.generation, kept)
        if own is not None:
            await self._writer.acknowledge(position, replace(own, outbox=position.outbox), access.delegation)
            return
        if pending is not None and not await self._is_this_claim(pending, position, delegation.record):
            await self._writer.forget(pending)
            pending = None
        if pending is None:
            base = survey.snapshot
            pending = await self._writer.prepare_claim(delegation, position, base, claim)
        await self._send(access, position, pending)

    async def _first(self, standing: Standing, access: Access, kept: Kept) -> int:
        """The snapshot that this device's position rests on, for a rebuilt memory the newest; 0: the oldest
        entry, where that cannot be told.
        """
        position = standing.position
        seq = position.seq if position is not None and position.locator == access.locator else 0
        if standing.rebuilt and not seq:
            seq = kept.seq
        if not 0 < kept.first <= seq <= kept.seq:
            return 0
        try:
            found = await header_at(self._cloud, access, seq)
        except PiccoloError as failed:
            if failed.reason != "LOG_DAMAGED":
                raise
            return 0
        base = found.header.base if found is not None else 0
        return base if kept.first <= base <= seq else 0

    async def _send(self, access: Access, position: Position, pending: Pending) -> None:
        try:
            await self._writer.send(access, position, pending)
        except PiccoloError as refused:
            if refused.reason in _HOPELESS:
                await self._writer.forget(pending)
            if refused.reason in _OVERTAKEN and refused.kind is not Kind.DATA_LOSS:
                raise _OvertakenError(refused) from refused
            raise

    def _found(self, standing: Standing, survey: Survey, locator: bytes) -> Position:
        """This device's position in the verified log."""
        position = standing.position
        if (standing.rebuilt or not survey.points) and (position is None or position.seq == 0):
            return fresh_position(locator, 1)
        if position is None or position.locator != locator or position.seq == 0:
            raise restore_first()
        last = survey.last.seq if survey.last else 0
        own = survey.at(position.seq)
        if own is None and last < position.seq:
            raise rolled_back(position.seq, last)
        if own is None or own.hash != position.hash:
            raise forked(position.seq, "is another one than it was")
        return position

    async def _at_the_end(
        self, position: Position, points: list[Point], generation: int, kept: Kept
    ) -> Position:
        """The position moved to the log's end; what is passed by is noted as missed."""
        if not points:
            return position
        last = points[-1]
        if generation <= last.generation:
            raise PiccoloError(
                Kind.CONFLICT,
                "GENERATION_TAKEN",
                f"Generation {last.generation} has already claimed the backup log; claim the next one.",
                {"generation": str(last.generation)},
            )
        passed = [point.seq for point in restorable(points) if point.seq > position.seq]
        if passed:
            first = position.missed or (passed[0] if position.seq else kept.first)
            position = replace(position, missed=first, missed_to=passed[-1])
        position = replace(position, seq=last.seq, hash=last.hash, time=last.time)
        await self._outbox.set_local({POSITION: position.to_record()})
        return position

    async def _own_claim(self, access: Access, last: Point | None, record: Delegation) -> Pending | None:
        """The log's last entry, where it is the claim to be made: what is left of it is not known here."""
        if last is None or (last.kind, last.generation) != (EntryKind.CLAIM, record.generation):
            return None
        found = await header_at(self._cloud, access, last.seq)
        if found is None or found.record_hash() != last.hash or found.delegation.record.key != record.key:
            return None
        return Pending(
            locator=access.locator,
            generation=last.generation,
            seq=last.seq,
            kind=last.kind,
            hash=last.hash,
            time=last.time,
            base=last.base,
            schema=last.schema,
            outbox=0,
            size=PREFIX_SIZE + len(found.signed.to_bytes()) + last.body_size,
        )

    async def _is_this_claim(self, pending: Pending, position: Position, record: Delegation) -> bool:
        """Whether the pending entry is the claim to be made, at the log's end, and still whole here."""
        place = (pending.kind, pending.locator, pending.generation, pending.seq)
        wanted = (EntryKind.CLAIM, record.locator, record.generation, position.seq + 1)
        return place == wanted and await self._writer.is_whole(pending)


def _is_claimed(standing: Standing, record: Delegation) -> bool:
    position = standing.position
    return (
        position is not None
        and position.claim > 0
        and (position.locator, position.generation) == (record.locator, record.generation)
    )


def _has(survey: Survey, pending: Pending) -> bool:
    point = survey.at(pending.seq)
    return point is not None and point.hash == pending.hash
