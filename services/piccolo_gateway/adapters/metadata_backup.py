"""Metadata's backup over its socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from piccolo.metadata.v1 import backup_pb2 as pb
from piccolo.metadata.v1.backup_pb2_grpc import BackupServiceStub
from piccolo_chassis.calls import Channel

from piccolo_gateway.core.bodies.memory import Backup, RestorePoint, RestorePoints, Snapshot

_CLOUD_SECONDS: Final = 55.0
_SNAPSHOT_SECONDS: Final = 600.0


class MetadataBackups:
    """The backup at the cloud."""

    def __init__(self, channel: Channel) -> None:
        self._stub = BackupServiceStub(channel)

    async def status(self) -> Backup:
        """How far it is."""
        return _backup((await self._stub.GetBackupStatus(pb.GetBackupStatusRequest())).status)

    async def watch(self) -> AsyncIterator[Backup]:
        """The status now and at every change."""
        call: Any = self._stub.WatchBackup(pb.WatchBackupRequest())
        try:
            async for told in call:
                yield _backup(told.status)
        finally:
            call.cancel()

    async def points(self) -> RestorePoints:
        """What can be restored."""
        told = await self._stub.ListPoints(pb.ListPointsRequest(), timeout=_CLOUD_SECONDS)
        return RestorePoints(points=[_point(one) for one in told.points])

    async def snapshot(self) -> Snapshot:
        """Starts a new chain."""
        told = await self._stub.StartSnapshot(pb.StartSnapshotRequest(), timeout=_SNAPSHOT_SECONDS)
        return Snapshot(seq=told.seq)


def _backup(told: pb.BackupStatus) -> Backup:
    return Backup(
        enabled=told.enabled,
        seq=told.seq,
        last_backup=told.last_backup,
        pending=told.pending,
        problem=told.problem,
        problem_reason=told.problem_reason,
        fenced=told.fenced,
        fenced_by=told.fenced_by.hex(),
        bytes=told.bytes,
    )


def _point(told: pb.RestorePoint) -> RestorePoint:
    return RestorePoint(
        seq=told.seq, base=told.base, generation=told.generation, time=told.time, schema=told.schema
    )
