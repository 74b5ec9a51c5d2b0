"""Metadata's state, operations, settings and audit log over its socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1.memory_pb2_grpc import (
    AuditServiceStub,
    OperationServiceStub,
    SettingsServiceStub,
    StateServiceStub,
)
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.memory import (
    AuditEvent,
    AuditEvents,
    AuditFilter,
    AuditVerified,
    Operation,
    Operations,
    OperationState,
    Setting,
    Settings,
    Value,
)

_NAMESPACE: Final = "gateway"
_VERIFY_SECONDS: Final = 300.0
_STATES: Final[dict[int, OperationState]] = {
    pb.OPERATION_STATE_RUNNING: "running",
    pb.OPERATION_STATE_SUCCEEDED: "succeeded",
    pb.OPERATION_STATE_FAILED: "failed",
    pb.OPERATION_STATE_CANCELLED: "cancelled",
}


class MetadataState:
    """The gateway's own small values."""

    def __init__(self, channel: Channel) -> None:
        self._stub = StateServiceStub(channel)

    async def list(self, prefix: str) -> dict[str, bytes]:
        """All values whose key begins so, by key."""
        found: dict[str, bytes] = {}
        token = ""
        while True:
            page = await self._stub.ListState(
                pb.ListStateRequest(namespace=_NAMESPACE, prefix=prefix, page_token=token)
            )
            found |= {one.key: one.value for one in page.values}
            if not (token := page.next_page_token):
                return found

    async def get(self, key: str) -> bytes | None:
        """One value; None when there is none."""
        try:
            told = await self._stub.GetState(pb.GetStateRequest(namespace=_NAMESPACE, key=key))
        except PiccoloError as failed:
            if failed.kind is Kind.NOT_FOUND:
                return None
            raise
        return told.value.value

    async def put(self, values: Mapping[str, bytes]) -> None:
        """Writes values in one transaction."""
        made = [pb.StateValue(key=key, value=value) for key, value in values.items()]
        await self._stub.PutState(pb.PutStateRequest(namespace=_NAMESPACE, values=made))

    async def remove(self, *keys: str) -> None:
        """Removes values in one transaction."""
        await self._stub.PutState(pb.PutStateRequest(namespace=_NAMESPACE, remove=keys))


class MetadataOperations:
    """Long work."""

    def __init__(self, channel: Channel) -> None:
        self._stub = OperationServiceStub(channel)

    async def get(self, operation_id: str) -> Operation:
        """One operation."""
        told = await self._stub.GetOperation(pb.GetOperationRequest(operation_id=operation_id))
        return _operation(told.operation)

    async def list(self, *, page_size: int, page_token: str, running: bool) -> Operations:
        """A page of them."""
        told = await self._stub.ListOperations(
            pb.ListOperationsRequest(page_size=page_size, page_token=page_token, running=running)
        )
        return Operations(
            operations=[_operation(one) for one in told.operations], next_page_token=told.next_page_token
        )

    async def cancel(self, operation_id: str) -> Operation:
        """Asks for an end."""
        told = await self._stub.CancelOperation(pb.CancelOperationRequest(operation_id=operation_id))
        return _operation(told.operation)

    async def watch(self, operation_id: str, after: int) -> AsyncIterator[Operation]:
        """Each change after a revision; an empty id is all."""
        call: Any = self._stub.WatchOperations(
            pb.WatchOperationsRequest(operation_id=operation_id, after_revision=after)
        )
        try:
            async for told in call:
                yield _operation(told.operation)
        finally:
            call.cancel()


class MetadataSettings:
    """The owner's settings."""

    def __init__(self, channel: Channel) -> None:
        self._stub = SettingsServiceStub(channel)

    async def get(self) -> Settings:
        """All of them."""
        told = await self._stub.GetSettings(pb.GetSettingsRequest())
        return Settings(settings=[_setting(one) for one in told.settings])

    async def set(self, values: Mapping[str, Value | None]) -> Settings:
        """Changes some; None is the default."""
        texts = {name: msgspec.json.encode(value).decode() for name, value in values.items()}
        told = await self._stub.SetSettings(pb.SetSettingsRequest(values=texts))
        return Settings(settings=[_setting(one) for one in told.settings])


class MetadataAudit:
    """The audit log."""

    def __init__(self, channel: Channel) -> None:
        self._stub = AuditServiceStub(channel)

    async def append(self, actor: str, action: str, subject: str, outcome: str) -> None:
        """Adds an event."""
        await self._stub.AppendAudit(
            pb.AppendAuditRequest(actor=actor, action=action, subject=subject, outcome=outcome)
        )

    async def list(self, wanted: AuditFilter, *, page_size: int, page_token: str) -> AuditEvents:
        """A page of the wanted events, newest first."""
        told = await self._stub.ListAudit(
            pb.ListAuditRequest(
                page_size=page_size,
                page_token=page_token,
                action=wanted.action,
                actor=wanted.actor,
                outcome=wanted.outcome,
                since=wanted.since,
                until=wanted.until,
            )
        )
        return AuditEvents(events=[_event(one) for one in told.events], next_page_token=told.next_page_token)

    async def verify(self) -> AuditVerified:
        """Walks the chain."""
        told = await self._stub.VerifyAudit(pb.VerifyAuditRequest(), timeout=_VERIFY_SECONDS)
        return AuditVerified(verified=told.verified, broken_at=told.broken_at)


def _operation(told: pb.Operation) -> Operation:
    return Operation(
        operation_id=told.operation_id,
        kind=told.kind,
        subject=told.subject,
        state=_STATES.get(told.state, "running"),
        phase=told.phase,
        done=told.done,
        total=told.total,
        unit=told.unit,
        result=told.result,
        error_reason=told.error_reason,
        error_message=told.error_message,
        started=told.started,
        updated=told.updated,
        revision=told.revision,
        cancel_requested=told.cancel_requested,
    )


def _setting(told: pb.Setting) -> Setting:
    return Setting(
        name=told.name, value=_value(told.value), default=_value(told.default_value), meaning=told.meaning
    )


def _value(text: str) -> Value:
    made: Value = msgspec.json.decode(text, type=Value)
    return made


def _event(told: pb.AuditEvent) -> AuditEvent:
    return AuditEvent(
        number=told.number,
        time=told.time,
        actor=told.actor,
        action=told.action,
        subject=told.subject,
        outcome=told.outcome,
        details=told.details,
        hash=told.hash.hex(),
    )
