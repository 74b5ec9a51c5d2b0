"""BackupService on the wire: parse, call the engine, convert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from piccolo.metadata.v1 import backup_pb2, backup_pb2_grpc
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.backup_points import Point
from piccolo_metadata.engine.backup import Backup, Status
from piccolo_metadata.engine.backup_pruning import Pruner
from piccolo_metadata.engine.backup_restore import Progress, Restorer, Wish
from piccolo_metadata.engine.backup_trace import Tracer

SERVICE: Final = "piccolo.metadata.v1.BackupService"
_ANSWER_SECONDS: Final = 120.0
_MOST_POINTS: Final = 100_000  # about 3 MiB of a message that may have 8


class BackupServicer(backup_pb2_grpc.BackupServiceServicer):
    """Parses, calls, converts."""

    def __init__(
        self, backup: Backup, restorer: Restorer, tracer: Tracer, pruner: Pruner, stopping: asyncio.Event
    ) -> None:
        """Serve this backup until `stopping`."""
        self._backup, self._restorer, self._stopping = backup, restorer, stopping
        self._tracer, self._pruner = tracer, pruner

    async def GetBackupKey(
        self, request: backup_pb2.GetBackupKeyRequest, context: Any
    ) -> backup_pb2.GetBackupKeyResponse:
        """This process's public key."""
        return backup_pb2.GetBackupKeyResponse(key=self._backup.key)

    async def Delegate(
        self, request: backup_pb2.DelegateRequest, context: Any
    ) -> backup_pb2.DelegateResponse:
        """Stores a delegation."""
        await self._backup.delegate(request.delegation)
        return backup_pb2.DelegateResponse()

    async def GetBackupStatus(
        self, request: backup_pb2.GetBackupStatusRequest, context: Any
    ) -> backup_pb2.GetBackupStatusResponse:
        """How far the backup is."""
        return backup_pb2.GetBackupStatusResponse(status=_status(await self._backup.status()))

    async def WatchBackup(
        self, request: backup_pb2.WatchBackupRequest, context: Any
    ) -> AsyncIterator[backup_pb2.WatchBackupResponse]:
        """The status, now and whenever it changes."""
        async with aclosing(self._backup.watch(self._stopping)) as statuses:
            async for status in statuses:
                yield backup_pb2.WatchBackupResponse(status=_status(status))

    async def StartSnapshot(
        self, request: backup_pb2.StartSnapshotRequest, context: Any
    ) -> backup_pb2.StartSnapshotResponse:
        """A new chain."""
        return backup_pb2.StartSnapshotResponse(seq=await self._backup.start_snapshot())

    async def ListPoints(
        self, request: backup_pb2.ListPointsRequest, context: Any
    ) -> backup_pb2.ListPointsResponse:
        """What can be restored."""
        points = await self._backup.points(request.delegation)
        return backup_pb2.ListPointsResponse(points=[_point(point) for point in points[:_MOST_POINTS]])

    # the stub knows one of the two shapes that grpc.aio takes
    async def Restore(  # type: ignore[override]
        self, request_iterator: AsyncIterator[backup_pb2.RestoreRequest], context: Any
    ) -> None:
        """A restore, in dialogue with the vault."""
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("step") != "open":
            raise PiccoloError(Kind.INVALID, "OPEN_FIRST", "A Restore begins with its `open` message.")
        wish = Wish(first.open.delegation, first.open.seq, first.open.accept_broken)
        async with self._backup.paused():
            restored = await self._restorer.restore(wish, _Caller(request_iterator, context))
        await context.write(
            backup_pb2.RestoreResponse(
                restored=backup_pb2.Restored(
                    seq=restored.seq,
                    head_hash=restored.head_hash,
                    generation=restored.generation,
                    confirmed_until=restored.confirmed_until,
                    device_until=restored.device_until,
                    files=restored.files,
                )
            )
        )

    async def Countersign(
        self, request: backup_pb2.CountersignRequest, context: Any
    ) -> backup_pb2.CountersignResponse:
        """Keeps a countersigned head."""
        await self._backup.countersign(request.head)
        return backup_pb2.CountersignResponse()

    async def AppendClaim(
        self, request: backup_pb2.AppendClaimRequest, context: Any
    ) -> backup_pb2.AppendClaimResponse:
        """Claims the log."""
        seq = await self._backup.claim(request.claim, request.delegation)
        return backup_pb2.AppendClaimResponse(seq=seq)

    async def TraceLog(
        self, request: backup_pb2.TraceLogRequest, context: Any
    ) -> backup_pb2.TraceLogResponse:
        """What the log has at some places."""
        traced = await self._tracer.trace(request.delegation, request.seqs)
        places = [backup_pb2.LogPlace(seq=seq, hash=hash_) for seq, hash_ in sorted(traced.places.items())]
        head = backup_pb2.LogPlace(seq=traced.seq, hash=traced.hash) if traced.seq else None
        return backup_pb2.TraceLogResponse(head=head, generation=traced.generation, places=places)

    async def BeginRebuild(
        self, request: backup_pb2.BeginRebuildRequest, context: Any
    ) -> backup_pb2.BeginRebuildResponse:
        """Begins to fill the memory without a backup."""
        await self._backup.begin_rebuild()
        return backup_pb2.BeginRebuildResponse()

    async def BeginPruning(
        self, request: backup_pb2.BeginPruningRequest, context: Any
    ) -> backup_pb2.BeginPruningResponse:
        """What the owner's words are to sign."""
        begun = await self._pruner.begin()
        return backup_pb2.BeginPruningResponse(locator=begun.locator, before=begun.before, nonce=begun.nonce)

    async def Prune(self, request: backup_pb2.PruneRequest, context: Any) -> backup_pb2.PruneResponse:
        """Deletes the oldest chains."""
        async with self._backup.paused():  # how much the cloud keeps is looked at anew
            gone = await self._pruner.prune(request.locator, request.before, request.nonce, request.signature)
        return backup_pb2.PruneResponse(dropped=gone)


class _Caller:
    """The other side of a Restore; implements engine.backup_restore.Asker."""

    def __init__(self, requests: AsyncIterator[backup_pb2.RestoreRequest], context: Any) -> None:
        self._requests, self._context = requests, context

    async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
        """Asks for body keys and waits for them."""
        wanted = backup_pb2.WantedKeys(
            keys=[
                backup_pb2.SealedKey(generation=point.generation, seq=point.seq, sealed=point.sealed_key)
                for point in points
            ]
        )
        await self._context.write(backup_pb2.RestoreResponse(wanted_keys=wanted))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await anext(self._requests, None)
        except TimeoutError as silent:
            raise PiccoloError(
                Kind.TIMEOUT, "KEYS_MISSING", "The opened keys did not come; begin the restore again."
            ) from silent
        if answer is None or answer.WhichOneof("step") != "keys":
            raise PiccoloError(
                Kind.INVALID, "KEYS_MISSING", "The opened keys were expected; nothing was changed."
            )
        return answer.keys.body_keys

    async def tell(self, progress: Progress) -> None:
        """Tells progress."""
        await self._context.write(
            backup_pb2.RestoreResponse(
                progress=backup_pb2.RestoreProgress(
                    done=progress.done, total=progress.total, phase=progress.phase
                )
            )
        )


def _status(status: Status) -> backup_pb2.BackupStatus:
    return backup_pb2.BackupStatus(
        enabled=status.enabled,
        seq=status.seq,
        head_hash=status.head_hash,
        last_backup=status.last_backup,
        pending=status.pending,
        problem=status.problem,
        problem_reason=status.problem_reason,
        fenced=status.fenced,
        head=status.head,
        fenced_by=status.fenced_by,
        bytes=status.bytes,
    )


def _point(point: Point) -> backup_pb2.RestorePoint:
    return backup_pb2.RestorePoint(
        seq=point.seq,
        base=point.base,
        generation=point.generation,
        time=point.time,
        schema=point.schema,
    )
