"""What metadata remembers for the keys: operations, the audit log, small values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    import grpc

    from piccolo_vault.ports.backups import Work

_ACTOR = "service:vault"
_MOST_RUNNING = 1000
_PAGE = 4  # values may be nearly 1 MiB, a message is at most 8


class MetadataRemembers:
    """`Remembers` by metadata."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._state: Any = wire.StateServiceStub(channel)
        self._operations: Any = wire.OperationServiceStub(channel)
        self._audit: Any = wire.AuditServiceStub(channel)

    async def state(self, namespace: str, key: str) -> bytes | None:
        """Returns a value, None when there is none."""
        try:
            answer = await self._state.GetState(pb.GetStateRequest(namespace=namespace, key=key))
        except PiccoloError as failed:
            if failed.kind is Kind.NOT_FOUND:
                return None
            raise
        return bytes(answer.value.value)

    async def pieces(self, namespace: str, prefix: str) -> dict[str, bytes]:
        """Returns all values whose key begins so."""
        found: dict[str, bytes] = {}
        request = pb.ListStateRequest(namespace=namespace, prefix=prefix, page_size=_PAGE)
        while True:
            page = await self._state.ListState(request)
            found |= {each.key: bytes(each.value) for each in page.values}
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def set_state(self, namespace: str, key: str, value: bytes) -> None:
        """Writes a value, which travels in the backup."""
        values = [pb.StateValue(key=key, value=value)]
        await self._state.PutState(pb.PutStateRequest(namespace=namespace, values=values))

    async def start_operation(self, kind: str, unit: str) -> str:
        """Records new work; returns its id."""
        started = await self._operations.StartOperation(pb.StartOperationRequest(kind=kind, unit=unit))
        return str(started.operation.operation_id)

    async def running(self, kind: str) -> list[str]:
        """Returns the ids of operations of that kind that have not ended."""
        listed = await self._operations.ListOperations(
            pb.ListOperationsRequest(running=True, page_size=_MOST_RUNNING)
        )
        return [str(each.operation_id) for each in listed.operations if each.kind == kind]

    async def advance(self, operation: str, work: Work) -> bool:
        """Records progress or the end; returns whether somebody asked for an end."""
        reason, message = work.error or ("", "")
        told = pb.Operation(
            operation_id=operation,
            state=_state_of(work),
            phase=work.phase,
            done=work.done,
            total=work.total,
            result=work.result,
            error_reason=reason,
            error_message=message,
        )
        answer = await self._operations.AdvanceOperation(pb.AdvanceOperationRequest(operation=told))
        return bool(answer.cancel_requested)

    async def audit(self, action: str, subject: str, outcome: str, details: str) -> None:
        """Adds an event, done by this service on the owner's behalf."""
        event = pb.AppendAuditRequest(
            actor=_ACTOR, action=action, subject=subject, outcome=outcome, details=details
        )
        await self._audit.AppendAudit(event)


def _state_of(work: Work) -> pb.OperationState.ValueType:
    if work.cancelled:
        return pb.OPERATION_STATE_CANCELLED
    if work.error:
        return pb.OPERATION_STATE_FAILED
    return pb.OPERATION_STATE_SUCCEEDED if work.result else pb.OPERATION_STATE_RUNNING
