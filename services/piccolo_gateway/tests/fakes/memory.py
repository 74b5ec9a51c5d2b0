"""metadata's other services in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from piccolo.metadata.v1 import backup_pb2, backup_pb2_grpc
from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.tests.fakes.names import page

Context = Any


class FakeState(wire.StateServiceServicer):
    """Values by namespace and key. `lists` counts how often a listing was asked for."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}
        self.lists = 0

    async def GetState(self, request: pb.GetStateRequest, context: Context) -> pb.GetStateResponse:
        value = self.values.get((request.namespace, request.key))
        if value is None:
            raise PiccoloError(Kind.NOT_FOUND, "STATE_NOT_FOUND", "There is no such value.")
        return pb.GetStateResponse(value=pb.StateValue(key=request.key, value=value))

    async def PutState(self, request: pb.PutStateRequest, context: Context) -> pb.PutStateResponse:
        for one in request.values:
            self.values[request.namespace, one.key] = one.value
        for key in request.remove:
            self.values.pop((request.namespace, key), None)
        return pb.PutStateResponse()

    async def ListState(self, request: pb.ListStateRequest, context: Context) -> pb.ListStateResponse:
        self.lists += 1
        found = [
            pb.StateValue(key=key, value=value)
            for (namespace, key), value in sorted(self.values.items())
            if namespace == request.namespace and key.startswith(request.prefix)
        ]
        shown, token = page(found, request.page_size, request.page_token)
        return pb.ListStateResponse(values=shown, next_page_token=token)


class FakeOperations(wire.OperationServiceServicer):
    """Operations; a test advances them."""

    def __init__(self) -> None:
        self.known: dict[str, pb.Operation] = {}
        self.watchers = 0
        self._revision = 0
        self._changed = asyncio.Event()

    async def start(self, kind: str, subject: str = "") -> str:
        """Records new work."""
        operation_id = f"{kind}-{len(self.known) + 1}"
        self.known[operation_id] = pb.Operation(
            operation_id=operation_id, kind=kind, subject=subject, state=pb.OPERATION_STATE_RUNNING
        )
        await self.advance(operation_id)
        return operation_id

    async def seen(self, what: Callable[[], bool], seconds: float = 10.0) -> None:
        """Returns when something is so; looked at whenever something changes."""
        async with asyncio.timeout(seconds):
            while not what():
                await self._changed.wait()

    async def advance(self, operation_id: str, **changes: Any) -> None:
        """Records progress or an end."""
        self._revision += 1
        operation = self.known[operation_id]
        operation.revision = self._revision
        for name, value in changes.items():
            setattr(operation, name, value)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def GetOperation(
        self, request: pb.GetOperationRequest, context: Context
    ) -> pb.GetOperationResponse:
        return pb.GetOperationResponse(operation=self._find(request.operation_id))

    async def ListOperations(
        self, request: pb.ListOperationsRequest, context: Context
    ) -> pb.ListOperationsResponse:
        found = [
            one
            for one in reversed(self.known.values())
            if not request.running or one.state == pb.OPERATION_STATE_RUNNING
        ]
        shown, token = page(found, request.page_size, request.page_token)
        return pb.ListOperationsResponse(operations=shown, next_page_token=token)

    async def CancelOperation(
        self, request: pb.CancelOperationRequest, context: Context
    ) -> pb.CancelOperationResponse:
        self._find(request.operation_id)
        await self.advance(request.operation_id, cancel_requested=True)
        return pb.CancelOperationResponse(operation=self._find(request.operation_id))

    async def WatchOperations(
        self, request: pb.WatchOperationsRequest, context: Context
    ) -> AsyncIterator[pb.WatchOperationsResponse]:
        after = request.after_revision
        self.watchers += 1
        self._tell()
        try:
            while True:
                while not (news := self._news(request.operation_id, after)):
                    await self._changed.wait()
                for one in news:
                    after = one.revision
                    yield pb.WatchOperationsResponse(operation=one)
        finally:
            self.watchers -= 1
            self._tell()

    def _news(self, operation_id: str, after: int) -> list[pb.Operation]:
        found = [
            one
            for one in self.known.values()
            if one.revision > after and operation_id in {"", one.operation_id}
        ]
        return sorted(found, key=lambda one: one.revision)

    def _find(self, operation_id: str) -> pb.Operation:
        if operation_id not in self.known:
            raise PiccoloError(Kind.NOT_FOUND, "OPERATION_NOT_FOUND", "There is no such operation.")
        return self.known[operation_id]


class FakeChanges(wire.ChangeServiceServicer):
    """Marks, by topic."""

    def __init__(self) -> None:
        self._marks: dict[int, int] = {}
        self._changed = asyncio.Event()

    @property
    def mark_of_files(self) -> int:
        """The present mark of the files."""
        return self._marks.get(pb.TOPIC_FILES, 0)

    def tell(self, topic: pb.Topic.ValueType) -> None:
        """Something has changed."""
        self._marks[topic] = self._marks.get(topic, 0) + 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def WatchChanges(
        self, request: pb.WatchChangesRequest, context: Context
    ) -> AsyncIterator[pb.WatchChangesResponse]:
        told = -1
        while True:
            while (mark := self._marks.get(request.topic, 0)) == told:
                await self._changed.wait()
            told = mark
            yield pb.WatchChangesResponse(mark=mark)


class FakeSettings(wire.SettingsServiceServicer):
    """Two settings."""

    def __init__(self, changes: FakeChanges) -> None:
        self._changes = changes
        self._defaults: dict[str, int | str] = {"device.name": "Piccolo", "versions.keep": 10}
        self.values: dict[str, int | str | None] = {}

    async def GetSettings(self, request: pb.GetSettingsRequest, context: Context) -> pb.GetSettingsResponse:
        return pb.GetSettingsResponse(settings=self._all())

    async def SetSettings(self, request: pb.SetSettingsRequest, context: Context) -> pb.SetSettingsResponse:
        changed = {name: json.loads(text) for name, text in request.values.items()}
        for name, value in changed.items():
            if name not in self._defaults:
                raise PiccoloError(Kind.INVALID, "SETTING_UNKNOWN", f"There is no setting {name[:64]!r}.")
            if value is not None and type(value) is not type(self._defaults[name]):
                raise PiccoloError(Kind.INVALID, "SETTING_WRONG", f"The setting {name} has another type.")
        self.values |= changed
        self._changes.tell(pb.TOPIC_SETTINGS)
        return pb.SetSettingsResponse(settings=self._all())

    def _all(self) -> list[pb.Setting]:
        made = []
        for name, default in self._defaults.items():
            chosen = self.values.get(name)
            value = json.dumps(default if chosen is None else chosen)
            made.append(
                pb.Setting(name=name, value=value, default_value=json.dumps(default), meaning="It is set.")
            )
        return made


class FakeAudit(wire.AuditServiceServicer):
    """A log without a chain. Events up to the number `rotten` cannot be read."""

    def __init__(self, changes: FakeChanges) -> None:
        self._changes = changes
        self.events: list[pb.AuditEvent] = []
        self.rotten = 0
        self.appended = asyncio.Event()

    async def AppendAudit(self, request: pb.AppendAuditRequest, context: Context) -> pb.AppendAuditResponse:
        event = pb.AuditEvent(
            number=len(self.events) + 1,
            actor=request.actor,
            action=request.action,
            subject=request.subject,
            outcome=request.outcome,
        )
        self.events.append(event)
        self.appended.set()
        self._changes.tell(pb.TOPIC_AUDIT)
        return pb.AppendAuditResponse(event=event)

    async def ListAudit(self, request: pb.ListAuditRequest, context: Context) -> pb.ListAuditResponse:
        found = [one for one in reversed(self.events) if _is_wanted(one, request)]
        shown, token = page(found, request.page_size, request.page_token)
        if any(one.number <= self.rotten for one in shown):
            raise PiccoloError(Kind.DATA_LOSS, "DATABASE_DAMAGED", "The database is damaged.")
        return pb.ListAuditResponse(events=shown, next_page_token=token)

    async def VerifyAudit(self, request: pb.VerifyAuditRequest, context: Context) -> pb.VerifyAuditResponse:
        return pb.VerifyAuditResponse(verified=len(self.events))


def _is_wanted(one: pb.AuditEvent, request: pb.ListAuditRequest) -> bool:
    begins = one.action.startswith(request.action) and one.actor.startswith(request.actor)
    ended = request.outcome in {"", one.outcome} or (request.outcome == "failed" and one.outcome != "ok")
    return begins and ended and request.since <= one.time < (request.until or 1 << 62)


class FakeBackup(backup_pb2_grpc.BackupServiceServicer):
    """A backup that a test moves."""

    def __init__(self) -> None:
        self.status = backup_pb2.BackupStatus(enabled=True, seq=1)
        self._changed = asyncio.Condition()

    async def change(self, **changes: Any) -> None:
        """Another status."""
        async with self._changed:
            for name, value in changes.items():
                setattr(self.status, name, value)
            self._changed.notify_all()

    async def GetBackupStatus(
        self, request: backup_pb2.GetBackupStatusRequest, context: Context
    ) -> backup_pb2.GetBackupStatusResponse:
        return backup_pb2.GetBackupStatusResponse(status=self.status)

    async def WatchBackup(
        self, request: backup_pb2.WatchBackupRequest, context: Context
    ) -> AsyncIterator[backup_pb2.WatchBackupResponse]:
        while True:
            yield backup_pb2.WatchBackupResponse(status=self.status)
            async with self._changed:
                await self._changed.wait()

    async def ListPoints(
        self, request: backup_pb2.ListPointsRequest, context: Context
    ) -> backup_pb2.ListPointsResponse:
        return backup_pb2.ListPointsResponse(points=[backup_pb2.RestorePoint(seq=1, base=1, generation=1)])

    async def StartSnapshot(
        self, request: backup_pb2.StartSnapshotRequest, context: Context
    ) -> backup_pb2.StartSnapshotResponse:
        await self.change(seq=self.status.seq + 1)
        return backup_pb2.StartSnapshotResponse(seq=self.status.seq)
