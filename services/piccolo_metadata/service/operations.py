"""OperationService: long work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Final

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.operations import Operation, OperationState, Progress
from piccolo_metadata.engine import operations
from piccolo_metadata.ports import Memory
from piccolo_metadata.service.watching import until
from piccolo_metadata.service.wire import Listing, whole

_PAGE: Final = 100


class OperationServicer(memory_pb2_grpc.OperationServiceServicer):
    """Serves what is under way."""

    def __init__(self, memory: Memory, new_id: Callable[[], str], stopping: asyncio.Event) -> None:
        self._memory, self._new_id, self._stopping = memory, new_id, stopping

    async def StartOperation(
        self, request: pb.StartOperationRequest, context: Any
    ) -> pb.StartOperationResponse:
        """Remembers new work."""
        started = await self._memory.write(
            operations.start, self._new_id(), request.kind, request.subject, request.unit
        )
        return pb.StartOperationResponse(operation=_operation_of(started))

    async def AdvanceOperation(
        self, request: pb.AdvanceOperationRequest, context: Any
    ) -> pb.AdvanceOperationResponse:
        """Records progress or the end."""
        told = request.operation
        advanced = await self._memory.write(operations.advance, told.operation_id, _progress_from(told))
        return pb.AdvanceOperationResponse(cancel_requested=advanced.cancel_requested)

    async def GetOperation(self, request: pb.GetOperationRequest, context: Any) -> pb.GetOperationResponse:
        """Returns one operation."""
        found = await self._memory.read(operations.get, request.operation_id)
        return pb.GetOperationResponse(operation=_operation_of(found))

    async def ListOperations(
        self, request: pb.ListOperationsRequest, context: Any
    ) -> pb.ListOperationsResponse:
        """Returns a page of operations."""
        listing = Listing("operations", int(request.running))
        before, most = listing.before(request.page_token), request.page_size or _PAGE
        page = await self._memory.read(operations.listing, before, most, running=request.running)
        last = page.items[-1][0] if page.items else 0
        return pb.ListOperationsResponse(
            operations=[_operation_of(operation) for _, operation in page.items],
            next_page_token=listing.next(page.more, last),
        )

    async def CancelOperation(
        self, request: pb.CancelOperationRequest, context: Any
    ) -> pb.CancelOperationResponse:
        """Records the wish for an end."""
        asked = await self._memory.write(operations.cancel, request.operation_id)
        return pb.CancelOperationResponse(operation=_operation_of(asked))

    async def WatchOperations(
        self, request: pb.WatchOperationsRequest, context: Any
    ) -> AsyncIterator[pb.WatchOperationsResponse]:
        """Streams changed operations."""
        after = whole(request.after_revision)
        changes = operations.watch(self._memory, request.operation_id, after)
        async with aclosing(until(self._stopping, changes)) as watched:
            async for operation in watched:
                yield pb.WatchOperationsResponse(operation=_operation_of(operation))


def _progress_from(told: pb.Operation) -> Progress:
    try:
        state = OperationState(told.state or OperationState.RUNNING)
    except ValueError as unknown:
        raise PiccoloError(
            Kind.INVALID, "STATE_UNKNOWN", f"There is no operation state {told.state}."
        ) from unknown
    return Progress(
        state,
        told.phase,
        whole(told.done),
        whole(told.total),
        told.result,
        told.error_reason,
        told.error_message,
    )


def _operation_of(operation: Operation) -> pb.Operation:
    progress = operation.progress
    return pb.Operation(
        operation_id=operation.operation_id,
        kind=operation.kind,
        state=pb.OperationState.ValueType(progress.state),
        phase=progress.phase,
        done=progress.done,
        total=progress.total,
        unit=operation.unit,
        result=progress.result,
        error_reason=progress.error_reason,
        error_message=progress.error_message,
        started=operation.started,
        updated=operation.updated,
        revision=operation.revision,
        cancel_requested=operation.cancel_requested,
        subject=operation.subject,
    )
