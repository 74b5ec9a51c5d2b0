"""One entry at a time: prepared, kept, sent, acknowledged.

Rules:
* An entry's exact bytes are durable here before the first of them is sent, and the note that it is pending is
  durable after that. So whatever dies in between, the next try sends the same bytes, and the cloud, whose
  creation is exclusive, can tell "again" from "another".
* The acknowledgement moves the position, trims the outbox and forgets the pending entry in one transaction.
* Nobody is believed that a higher generation writes without its header, which the locator's own delegation
  signs.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.backup_entry import VerifiedHeader, open_header
from piccolo_formats.changesets import frame_changeset
from piccolo_formats.digests import Digest, same
from piccolo_formats.errors import FormatError
from piccolo_formats.records.backup import Changeset, Delegation, EntryKind
from piccolo_formats.signed import Signed, Signer

from piccolo_metadata.core.backup_entry import Draft, EntryBuilder
from piccolo_metadata.core.backup_records import (
    DELEGATION,
    FENCE,
    PENDING,
    POSITION,
    Fence,
    Pending,
    Position,
)
from piccolo_metadata.core.backup_rules import acknowledged, continues, snapshot_due
from piccolo_metadata.engine.backup_ledger import Standing
from piccolo_metadata.engine.backup_log import header_of, headers
from piccolo_metadata.engine.backup_ports import Access, CloudLog, Files, Kept, Spool
from piccolo_metadata.engine.backup_words import (
    claim_first,
    fenced,
    forked,
    refused_as,
    restore_first,
    rolled_back,
)
from piccolo_metadata.ports import SNAPSHOT_WANTED, Clock, Outbox, OutboxEntry

_MOST_BYTES = 8 << 20
_log = logging.getLogger(__name__)


class Writer:
    """Writes the log of one device."""

    def __init__(
        self,
        outbox: Outbox,
        cloud: CloudLog,
        spool: Spool,
        files: Files,
        signer: Signer,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        """Write what the outbox holds; `signer` is this process's key."""
        self._outbox, self._cloud, self._spool, self._files = outbox, cloud, spool, files
        self._signer, self._clock, self._random = signer, clock, random

    async def prepare(self, standing: Standing, position: Position) -> Pending | None:
        """Makes the next entry durable here; None when there is nothing to say."""
        if standing.delegation is None:
            return None
        if standing.delegation.record.generation != position.generation:
            raise claim_first(standing.delegation.record.generation)
        if standing.snapshot_wanted or snapshot_due(position, self._outbox.schema):
            return await self._prepare_snapshot(standing.delegation, position)
        last = (await self._outbox.backlog()).last
        entries = await self._outbox.pending(position.outbox, _MOST_BYTES)
        # the outbox may have been given up while the cloud was away: then a snapshot takes its place
        given_up = not entries and last != position.outbox
        if given_up or not continues(position, entries):
            return await self._prepare_snapshot(standing.delegation, position)
        if not entries:
            return None
        draft = self._draft(standing.delegation, position, EntryKind.CHANGESET, position.base)
        return await self._keep(draft, _framed(entries), entries[-1].number)

    async def prepare_claim(
        self, delegation: Signed[Delegation], position: Position, base: int, claim: bytes
    ) -> Pending:
        """Makes a claim's entry durable here; `base` is the log's newest snapshot."""
        draft = self._draft(delegation, position, EntryKind.CLAIM, base)
        return await self._keep(draft, iter([claim]), position.outbox)

    async def send(self, access: Access, position: Position, pending: Pending) -> Position:
        """Sends the pending entry and records that the cloud has it.

        Raises PiccoloError FENCED (recorded for good), FORK, ROLLED_BACK, and what the cloud refuses.
        """
        try:
            await self._cloud.append(access, pending.seq, pending.size, self._spool.read(pending.seq))
        except PiccoloError as refused:
            raise await self._judged(access, position, refused) from refused
        return await self.acknowledge(position, pending, access.delegation)

    async def look(self, access: Access, position: Position, pending: Pending | None) -> Position:
        """Compares the cloud's log with what it has acknowledged; an entry whose acknowledgement was lost is
        acknowledged now. Returns the position.

        Raises PiccoloError FENCED (recorded for good), FORK, ROLLED_BACK, RESTORE_FIRST.
        """
        kept = await self._cloud.head(access)
        if kept.seq < position.seq:
            raise rolled_back(position.seq, kept.seq)
        if kept.seq > position.seq:
            return await self._explain(access, position, pending)
        await self._compare(access, position)
        if (seen := _as_kept(position, kept)) != position:
            position = seen
            await self._outbox.set_local({POSITION: position.to_record()})
        return position

    async def acknowledge(self, position: Position, pending: Pending, delegation: bytes) -> Position:
        """Records that the cloud has the pending entry; a claim puts its delegation in force."""
        moved = acknowledged(position, pending)
        local: dict[str, bytes | None] = {POSITION: moved.to_record(), PENDING: None}
        if pending.kind is EntryKind.SNAPSHOT:
            local[SNAPSHOT_WANTED] = None
        if pending.kind is EntryKind.CLAIM:
            local.update({FENCE: None, DELEGATION: delegation})
        await self._outbox.acknowledge(moved.outbox, local)
        await self._spool.discard()
        _log.info(
            "backed up",
            extra=fields(seq=pending.seq, kind=pending.kind, size=pending.size, outbox=moved.outbox),
        )
        return moved

    async def is_whole(self, pending: Pending) -> bool:
        """Whether the pending entry's bytes are still here, and those that were signed for."""
        if await self._spool.size(pending.seq) != pending.size:
            return False
        body = Digest("body")
        try:
            async with aclosing(self._spool.read(pending.seq)) as pieces:
                entry = open_header(header_of(await anext(pieces)), pending.locator)
                async for piece in pieces:
                    body.update(piece)
        except (FormatError, PiccoloError) as lost:  # rot, or a disk that does not read it any more
            _log.warning("the pending entry is damaged", extra=fields(seq=pending.seq, why=str(lost)))
            return False
        return entry.record_hash() == pending.hash and same(body.value(), entry.header.body_hash)

    async def forget(self, pending: Pending) -> None:
        """Drops a pending entry that the cloud does not have and will not get."""
        await self._outbox.set_local({PENDING: None})
        await self._spool.discard()
        _log.warning("pending entry dropped", extra=fields(seq=pending.seq, kind=pending.kind))

    async def _prepare_snapshot(self, delegation: Signed[Delegation], position: Position) -> Pending:
        draft = self._draft(delegation, position, EntryKind.SNAPSHOT, position.seq + 1)
        snapshot = await self._outbox.snapshot()
        try:
            return await self._keep(draft, self._files.chunks(snapshot.path), snapshot.number)
        finally:
            await self._files.remove(snapshot.path)

    def _draft(self, delegation: Signed[Delegation], position: Position, kind: EntryKind, base: int) -> Draft:
        now = max(self._clock.wall(), 0)
        return Draft(delegation, kind, position.seq + 1, base, position.hash, self._outbox.schema, now)

    async def _keep(self, draft: Draft, plain: Iterator[bytes], through: int) -> Pending:
        builder = EntryBuilder(draft, self._signer, self._random)
        with refused_as(Kind.INVALID, "DELEGATION_WRONG", "The backup cannot be sealed"):
            size = await self._spool.store(draft.seq, lambda write: builder.build(plain, write))
        pending = Pending(
            locator=draft.delegation.record.locator,
            generation=draft.delegation.record.generation,
            seq=draft.seq,
            kind=draft.kind,
            hash=builder.hash,
            time=draft.time,
            base=draft.base,
            schema=draft.schema,
            outbox=through,
            size=size,
        )
        await self._outbox.set_local({PENDING: pending.to_record()})
        return pending

    async def _judged(self, access: Access, position: Position, refused: PiccoloError) -> PiccoloError:
        """What a refusal means; a fence is recorded when it is proven."""
        head = int(refused.details.get("head_seq", "0"))
        if refused.reason == "LOG_GAP" and head < position.seq:
            return rolled_back(position.seq, head)
        if refused.reason != "FENCED":
            return refused
        try:
            header = base64.b64decode(refused.details.get("claim_header", ""), validate=True)
            entry = open_header(header, access.locator)
        except (FormatError, binascii.Error) as unproven:
            return _unproven(unproven)
        if entry.header.generation <= position.generation:
            return _unproven(None)
        return await self._fence(entry)

    async def _compare(self, access: Access, position: Position) -> None:
        """Whether the log of that length ends with what this device wrote.

        One whose end has rotted is no other log: what becomes of it is for the cloud to say.
        """
        if position.seq == 0:
            return
        try:
            async with aclosing(headers(self._cloud, access, position.seq, position.seq)) as found:
                last = await anext(found)
        except PiccoloError as failed:
            if failed.reason != "LOG_DAMAGED":
                raise
            return
        if last.record_hash() == position.hash:
            return
        if last.header.generation > position.generation:
            raise await self._fence(last)
        raise forked(position.seq, "is another one")

    async def _explain(self, access: Access, position: Position, pending: Pending | None) -> Position:
        """What the entries are that the cloud has and has not acknowledged to this device."""
        async with aclosing(headers(self._cloud, access, position.seq + 1)) as found:
            async for entry in found:
                position, pending = await self._explained(position, pending, entry)
        return position

    async def _explained(
        self, position: Position, pending: Pending | None, entry: VerifiedHeader
    ) -> tuple[Position, Pending | None]:
        if pending is not None and (entry.header.seq, entry.record_hash()) == (pending.seq, pending.hash):
            return await self.acknowledge(position, pending, entry.delegation.to_bytes()), None
        if position.seq == 0:
            raise restore_first()
        if entry.header.generation > position.generation:
            raise await self._fence(entry)
        raise forked(entry.header.seq, "was not written here")

    async def _fence(self, entry: VerifiedHeader) -> PiccoloError:
        header = entry.header
        fence = Fence(
            generation=header.generation, seq=header.seq, time=header.time, header=entry.signed.to_bytes()
        )
        await self._outbox.set_local({FENCE: fence.to_record(), PENDING: None})
        await self._spool.discard()
        _log.error("fenced", extra=fields(generation=fence.generation, seq=fence.seq, since=fence.time))
        return fenced(fence.generation)


def _framed(entries: list[OutboxEntry]) -> Iterator[bytes]:
    for entry in entries:
        yield frame_changeset(
            Changeset(
                schema=entry.schema,
                first=entry.number,
                last=entry.number,
                digest=entry.digest,
                changeset=entry.changeset,
            )
        )


def _as_kept(position: Position, kept: Kept) -> Position:
    """What the deletion of old chains changes: the bytes, and that what was missed is gone."""
    if kept.first > position.missed_to:
        position = replace(position, missed=0, missed_to=0)
    return replace(position, bytes=kept.bytes)


def _unproven(why: Exception | None) -> PiccoloError:
    error = PiccoloError(
        Kind.DATA_LOSS,
        "CLOUD_LIES",
        "The cloud says that another device has taken over, but cannot prove it. This device goes on trying.",
    )
    error.__cause__ = why
    return error
