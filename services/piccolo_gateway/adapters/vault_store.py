"""The vault's store over its socket.

Rules:
* The vault's answers are read while data is sent: only so a stream that the vault ends tells why.
* File content is framed and found in messages without protobuf, which would copy it twice on either side.
* A block that is left early cancels its call; the vault then puts away what it has of a named upload.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from piccolo.vault.v1 import store_pb2 as pb
from piccolo.vault.v1.store_pb2_grpc import StoreServiceStub
from piccolo_chassis import bulk
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.care import Attention, MemberFigures, MemberNotice
from piccolo_gateway.core.bodies.files import Deleted, FileHealth, Fragment, Health, StoreHealth, Written
from piccolo_gateway.ports.store import Head, UploadState, Wanted, WriteStart

_SERVICE = pb.DESCRIPTOR.services_by_name["StoreService"].full_name
_ASK_SECONDS = 60.0


class VaultStore:
    """The way of a file."""

    def __init__(self, channel: Channel) -> None:
        self._stub = StoreServiceStub(channel)
        self._write = channel.stream_stream(
            f"/{_SERVICE}/Write",
            request_serializer=bulk.or_framed(pb.WriteRequest.SerializeToString),
            response_deserializer=pb.WriteResponse.FromString,
        )
        self._read = channel.unary_stream(
            f"/{_SERVICE}/Read",
            request_serializer=pb.ReadRequest.SerializeToString,
            response_deserializer=_part,
        )

    @asynccontextmanager
    async def write(self, start: WriteStart) -> AsyncIterator[StreamedWrite]:
        """Begins or resumes a file."""
        call: Any = self._write()
        writing = StreamedWrite(call)
        listening = asyncio.ensure_future(writing.listen())
        try:
            await writing.say(pb.WriteRequest(open=_open(start)))
            yield writing
        finally:
            call.cancel()
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    @asynccontextmanager
    async def read(self, wanted: Wanted) -> AsyncIterator[tuple[Head, AsyncIterator[bytes | memoryview]]]:
        """Opens a range of a file."""
        request = pb.ReadRequest(
            path=wanted.path, version_id=wanted.version_id, offset=wanted.offset, length=wanted.length
        )
        call: Any = self._read(request)
        try:
            parts = aiter(call)
            first = await anext(parts, None)
            if first is None or isinstance(first, memoryview):
                raise PiccoloError(Kind.UNAVAILABLE, "STREAM_ENDED", "The vault ended the stream; try again.")
            # with the first bytes in hand, a file that cannot be read is refused rather than cut off
            second = None if _content(first) or not first.head.length else await anext(parts, None)
            yield _head(first.head), _data([part for part in (first, second) if part], parts)
        finally:
            call.cancel()

    async def upload(self, upload_id: str) -> UploadState | None:
        """How far a named upload is; None when the vault has nothing of it."""
        try:
            told = await self._stub.GetUpload(pb.GetUploadRequest(upload_id=upload_id))
        except PiccoloError as failed:
            if failed.kind is Kind.NOT_FOUND:
                return None
            raise
        return UploadState(told.offset, told.size if told.HasField("size") else None)

    async def abandon(self, upload_id: str) -> None:
        """Ends a named upload; one that the vault does not know is ended already."""
        try:
            await self._stub.AbandonUpload(pb.AbandonUploadRequest(upload_id=upload_id))
        except PiccoloError as failed:
            if failed.kind is not Kind.NOT_FOUND:
                raise

    async def health(self, path: str, *, ask: bool) -> FileHealth:
        """What a file survives."""
        told = await self._stub.GetHealth(pb.GetHealthRequest(path=path, ask=ask), timeout=_ASK_SECONDS)
        return FileHealth(health=_health(told.health), fragments=[_fragment(one) for one in told.fragments])

    async def store_health(self) -> StoreHealth:
        """What everything survives."""
        told = await self._stub.GetStoreHealth(pb.GetStoreHealthRequest(), timeout=_ASK_SECONDS)
        return StoreHealth(
            objects=told.objects,
            at_risk=told.at_risk,
            unreadable=told.unreadable,
            survives=told.survives,
            repairs=told.repairs,
            words=told.words,
            away=list(told.away),
            unreconciled=told.unreconciled,
        )

    async def members(self) -> tuple[list[MemberFigures], list[Attention]]:
        """What is known of each member, and what of it should be looked at."""
        told = (await self._stub.GetMembers(pb.GetMembersRequest(), timeout=_ASK_SECONDS)).members
        urgent = [_attention(one) for one in told if one.urgent]
        return [_member(one) for one in told], urgent

    async def check(self, path: str, read_percent: int) -> str:
        """Begins a check; returns the operation's id."""
        request = pb.CheckRequest(path=path, read_percent=read_percent)
        return (await self._stub.Check(request)).operation_id

    async def repair(self, *, now: bool) -> str:
        """Begins repairs; returns the operation's id."""
        return (await self._stub.Repair(pb.RepairRequest(now=now))).operation_id

    async def purge(self, path: str, *, recursive: bool, expected_revision: int | None) -> Deleted:
        """Deletes for good."""
        request = pb.DeleteRequest(path=path, recursive=recursive, expected_revision=expected_revision)
        told = await self._stub.Delete(request, timeout=_ASK_SECONDS)
        return Deleted(files=told.files, objects=told.objects)

    async def purge_removed(self, trash_id: int) -> tuple[Deleted, str]:
        """Deletes an entry of the trash for good; also returns the name that it had."""
        request = pb.DeleteRemovedRequest(trash_id=trash_id)
        told = await self._stub.DeleteRemoved(request, timeout=_ASK_SECONDS)
        return Deleted(files=told.files, objects=told.objects), told.path


class StreamedWrite:
    """One Write call."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._begun = asyncio.Event()
        self._failed: PiccoloError | None = None
        self._written: Written | None = None
        self._offset = 0
        self.durable = 0
        self.ended = asyncio.Event()

    async def listen(self) -> None:
        """Takes in what the vault says, to the end of the call."""
        try:
            async for answer in self._call:
                self._take(answer)
        except PiccoloError as failed:
            self._failed = failed
        finally:
            self._begun.set()
            self.ended.set()

    async def offset(self) -> int:
        """Where a named upload goes on."""
        await self._begun.wait()
        self._check()
        return self._offset

    async def send(self, data: bytes) -> None:
        """Sends up to 1 MiB."""
        await self.say(bulk.framed(pb.WriteRequest.DATA_FIELD_NUMBER, data))

    async def finish(self, size: int) -> Written:
        """Says that the file is whole; returns when it has its name."""
        await self.say(pb.WriteRequest(finish=pb.WriteFinish(size=size)))
        await self._close()
        if self._written is None:
            raise _cut(self.durable)
        return self._written

    async def park(self) -> None:
        """Ends the stream and leaves a named upload open."""
        await self._close()

    async def say(self, message: pb.WriteRequest | bytes) -> None:
        """Sends one message; when the vault has ended the stream, says how."""
        self._check()
        if self.ended.is_set():
            raise _cut(self.durable)
        try:
            await self._call.write(message)
        except PiccoloError as failed:
            await self.ended.wait()
            raise self._failed or failed from failed

    async def _close(self) -> None:
        with suppress(PiccoloError):  # listen() learns why
            await self._call.done_writing()
        await self.ended.wait()
        self._check()

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _take(self, answer: pb.WriteResponse) -> None:
        if not self._begun.is_set():
            self._offset = answer.durable_bytes
            self._begun.set()
        self.durable = max(self.durable, answer.durable_bytes)
        if answer.HasField("written"):
            self._written = _written(answer.written)


def _open(start: WriteStart) -> pb.WriteOpen:
    return pb.WriteOpen(
        path=start.path,
        modified=start.modified,
        media=start.media,
        expected_revision=start.expected_revision,
        upload_id=start.upload_id,
        size=start.size,
        at_risk=start.at_risk,
    )


_Part = pb.ReadResponse | memoryview


def _part(message: bytes) -> _Part:
    """A message of a read; one of plaintext alone, which nearly all are, as the plaintext, not copied."""
    found = bulk.content(message, pb.ReadResponse.DATA_FIELD_NUMBER)
    return found[1] if found is not None and not found[0] else pb.ReadResponse.FromString(message)


def _content(part: _Part) -> bytes | memoryview:
    return part if isinstance(part, memoryview) else part.data


async def _data(begun: list[_Part], parts: AsyncIterator[_Part]) -> AsyncIterator[bytes | memoryview]:
    for part in begun:
        if data := _content(part):
            yield data
    async for part in parts:
        yield _content(part)


def _head(head: pb.ReadHead) -> Head:
    return Head(head.size, head.version_id.hex(), head.offset, head.length, head.media, head.modified)


def _written(told: pb.WrittenFile) -> Written:
    return Written(
        path=told.path,
        revision=told.revision,
        version_id=told.version_id.hex(),
        size=told.size,
        health=_health(told.health),
        created=told.created,
    )


def _health(told: pb.Health) -> Health:
    return Health(
        k=told.k,
        m=told.m,
        placed=told.placed,
        devices=told.devices,
        survives=told.survives,
        words=told.words,
        at_risk=told.at_risk,
    )


def _fragment(told: pb.FragmentPlace) -> Fragment:
    return Fragment(
        index=told.index, keeper=told.keeper.hex(), keeper_name=told.keeper_name, state=told.state
    )


def _member(told: pb.MemberFigures) -> MemberFigures:
    return MemberFigures(
        owner_id=told.owner_id.hex(),
        name=told.name,
        state=told.state,  # type: ignore[arg-type]  # the vault tells a member's states only
        away_since=told.away_since,
        availability=told.availability if told.HasField("availability") else None,
        last_audit=told.last_audit,
        audited_blocks=told.audited_blocks,
        failed_blocks=told.failed_blocks,
        last_failure=told.last_failure,
        heard=told.heard,
        offer_bytes=told.offer_bytes,
        used_bytes=told.used_bytes,
        owner_bytes=told.owner_bytes,
        share_bytes=told.share_bytes,
        beyond_bytes=told.beyond_bytes,
        damaged_fragments=told.damaged_fragments,
        notices=[MemberNotice(kind=one.kind, since=one.time, until=one.until) for one in told.notices],
        reason=told.reason,
        stuck=told.stuck,
        words=told.words,
        next_step=told.next_step,
    )


def _attention(told: pb.MemberFigures) -> Attention:
    return Attention(reason=told.reason, words=told.words, next_step=told.next_step, member=told.name)


def _cut(durable: int) -> PiccoloError:
    return PiccoloError(
        Kind.UNAVAILABLE,
        "STREAM_ENDED",
        "The vault ended the stream before the file was whole; try again.",
        {"durable_bytes": str(durable)},
    )
