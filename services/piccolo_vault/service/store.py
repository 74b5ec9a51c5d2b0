"""StoreService: parse, call, convert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.vault.v1 import store_pb2 as wire
from piccolo.vault.v1 import store_pb2_grpc
from piccolo_chassis import bulk
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.engine.storage.files import Finish, WriteStart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from piccolo_vault.core.storage.health import Health
    from piccolo_vault.engine.storage.files import Step, Written
    from piccolo_vault.engine.storage.members import MemberReport
    from piccolo_vault.engine.storage.read import ReadHead
    from piccolo_vault.engine.storage.store import Store

NAME = "piccolo.vault.v1.StoreService"
_MESSAGE = 1_048_576


def _write_request(message: bytes) -> Any:
    """A message of a write; one of plaintext, which nearly all are, as the plaintext alone, not copied."""
    found = bulk.content(message, wire.WriteRequest.DATA_FIELD_NUMBER)
    if found is not None and 0 < len(found[1]) <= _MESSAGE and not found[0]:
        return found[1]
    return wire.WriteRequest.FromString(message)


_QUICK = {
    f"/{NAME}/Write": bulk.Quick(request=_write_request),
    f"/{NAME}/Read": bulk.Quick(response=bulk.or_framed(wire.ReadResponse.SerializeToString)),
}


def add(store: Store, server: Any) -> None:
    """Lets a server serve a store; file content passes it by the quick way."""
    store_pb2_grpc.add_StoreServiceServicer_to_server(StoreServicer(store), bulk.quickly(server, _QUICK))


class StoreServicer(store_pb2_grpc.StoreServiceServicer):
    """The way of a file on the wire.

    Write and Read are coroutines that write their answers themselves: a cancelled stream is then an ordinary
    cancellation, which the use cases clean up after.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def Write(  # type: ignore[override]  # it writes its answers itself
        self, request_iterator: Any, context: Any
    ) -> None:
        """Streams a file in; answers how far it is durable, and at the end with its version."""
        first = await anext(request_iterator, None)
        if first is None or isinstance(first, memoryview) or first.WhichOneof("step") != "open":
            raise _out_of_order("A write begins with WriteOpen.")

        async def report(durable: int) -> None:
            await context.write(wire.WriteResponse(durable_bytes=durable))

        written = await self._store.write(_start(first.open), _steps(request_iterator), report)
        if written is not None:
            answer = wire.WriteResponse(durable_bytes=written.size, written=_written(written))
            await context.write(answer)

    async def Read(  # type: ignore[override]  # it writes its answers itself
        self, request: Any, context: Any
    ) -> None:
        """Streams a range of a file out."""
        await self._store.read(
            request.path,
            _Sink(context),
            version_id=request.version_id,
            offset=request.offset,
            length=request.length if request.HasField("length") else None,
        )

    async def GetUpload(self, request: Any, context: Any) -> wire.GetUploadResponse:
        """Says how far an upload is."""
        status = await self._store.upload(request.upload_id)
        return wire.GetUploadResponse(offset=status.offset, size=status.size, path=status.path)

    async def AbandonUpload(self, request: Any, context: Any) -> wire.AbandonUploadResponse:
        """Ends an upload."""
        await self._store.abandon_upload(request.upload_id)
        return wire.AbandonUploadResponse()

    async def GetHealth(self, request: Any, context: Any) -> wire.GetHealthResponse:
        """Tells a file's health."""
        health, places = await self._store.health(request.path, ask=request.ask)
        fragments = [
            wire.FragmentPlace(
                index=place.index,
                keeper=place.keeper or b"",
                keeper_name=self._store.name(place.keeper) if place.keeper else "",
                state=place.state.value,
            )
            for place in places
        ]
        return wire.GetHealthResponse(health=_health(health), fragments=fragments)

    async def GetStoreHealth(self, request: Any, context: Any) -> wire.GetStoreHealthResponse:
        """Tells everything's health."""
        totals, repairs, away = await self._store.totals()
        return wire.GetStoreHealthResponse(
            objects=totals.objects,
            at_risk=totals.at_risk,
            unreadable=totals.unreadable,
            survives=totals.survives or 0,
            repairs=repairs,
            words=totals.words,
            away=away,
            unreconciled=self._store.unreconciled,
        )

    async def GetMembers(self, request: Any, context: Any) -> wire.GetMembersResponse:
        """Tells of each member."""
        return wire.GetMembersResponse(members=map(_member, await self._store.members()))

    async def Check(self, request: Any, context: Any) -> wire.CheckResponse:
        """Begins a check."""
        return wire.CheckResponse(operation_id=await self._store.check(request.path, request.read_percent))

    async def Repair(self, request: Any, context: Any) -> wire.RepairResponse:
        """Begins to work off the repair queue."""
        return wire.RepairResponse(operation_id=await self._store.repair(now=request.now))

    async def Delete(self, request: Any, context: Any) -> wire.DeleteResponse:
        """Deletes for good."""
        expected = request.expected_revision if request.HasField("expected_revision") else None
        files, objects = await self._store.delete(
            request.path, recursive=request.recursive, expected_revision=expected
        )
        return wire.DeleteResponse(files=files, objects=objects)

    async def DeleteRemoved(self, request: Any, context: Any) -> wire.DeleteRemovedResponse:
        """Deletes an entry of the trash for good."""
        files, objects, path = await self._store.delete_removed(request.trash_id)
        return wire.DeleteRemovedResponse(files=files, objects=objects, path=path)


class _Sink:
    """Sends a read's bytes, about 1 MiB a message."""

    def __init__(self, context: Any) -> None:
        self._context = context

    async def head(self, head: ReadHead) -> None:
        entry = head.entry
        told = wire.ReadHead(
            size=head.size,
            version_id=head.version_id,
            offset=head.span.offset,
            length=head.span.length,
            media=entry.media,
            modified=entry.modified,
            revision=entry.revision,
        )
        await self._context.write(wire.ReadResponse(head=told))

    async def data(self, data: bytes | memoryview) -> None:
        field, view = wire.ReadResponse.DATA_FIELD_NUMBER, memoryview(data)
        for at in range(0, len(view), _MESSAGE):
            await self._context.write(bulk.framed(field, view[at : at + _MESSAGE]))


def _start(request: wire.WriteOpen) -> WriteStart:
    if request.modified < 0:
        raise PiccoloError(Kind.INVALID, "MODIFIED", "A file cannot be older than 1970: send 0 for now.")
    if request.upload_id and len(request.upload_id) < 16:
        raise PiccoloError(Kind.INVALID, "UPLOAD_ID", "An upload's id has at least 16 characters.")
    return WriteStart(
        path=request.path,
        modified=request.modified,
        media=request.media,
        expected_revision=request.expected_revision if request.HasField("expected_revision") else None,
        upload_id=request.upload_id,
        size=request.size if request.HasField("size") else None,
        at_risk=request.at_risk,
    )


async def _steps(requests: Any) -> AsyncIterator[Step]:
    async for request in requests:
        if isinstance(request, memoryview):
            yield request
            continue
        kind = request.WhichOneof("step")
        if kind == "data":
            yield request.data
        elif kind == "finish":
            yield Finish(request.finish.size)
            return
        else:
            raise _out_of_order("After WriteOpen come data and WriteFinish.")


def _written(written: Written) -> wire.WrittenFile:
    return wire.WrittenFile(
        path=written.path,
        revision=written.revision,
        version_id=written.version_id,
        size=written.size,
        health=_health(written.health),
        created=written.created,
    )


def _health(health: Health) -> wire.Health:
    return wire.Health(
        k=health.code.k,
        m=health.code.m,
        placed=health.placed,
        devices=health.devices,
        survives=health.survives,
        words=health.words,
        at_risk=health.at_risk,
    )


def _member(report: MemberReport) -> wire.MemberFigures:
    figures = report.figures
    return wire.MemberFigures(
        owner_id=report.member.owner_id,
        name=report.member.name,
        state=report.member.standing.value,
        away_since=int(report.away_since or 0),
        availability=figures.availability,
        last_audit=figures.last_audit,
        audited_blocks=figures.audited,
        failed_blocks=figures.failed,
        last_failure=figures.last_failure,
        heard=figures.heard,
        offer_bytes=figures.offer_bytes or report.member.offer_bytes,
        used_bytes=figures.used_bytes,
        owner_bytes=figures.owner_bytes,
        share_bytes=figures.share_bytes,
        beyond_bytes=report.beyond_bytes,
        damaged_fragments=report.damaged,
        notices=[
            wire.MemberNotice(kind=str(notice.kind), until=notice.until, time=notice.time)
            for notice in report.notices
        ],
        words=report.words.words,
        next_step=report.words.next_step,
        urgent=report.words.urgent,
        reason=report.words.matter.value,
        stuck=report.stuck,
    )


def _out_of_order(message: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "OUT_OF_ORDER", message)
