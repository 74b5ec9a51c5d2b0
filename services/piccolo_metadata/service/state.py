"""StateService: small values of other services."""

from __future__ import annotations

from typing import Any, Final

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc

from piccolo_metadata.engine import state
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import Memory
from piccolo_metadata.service.wire import Listing, whole

_PAGE: Final = 1_000


class StateServicer(memory_pb2_grpc.StateServiceServicer):
    """Serves what other services remember here."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def GetState(self, request: pb.GetStateRequest, context: Any) -> pb.GetStateResponse:
        """Returns one value."""
        found = await self._memory.read(state.get, request.namespace, request.key)
        return pb.GetStateResponse(value=_value_of(found))

    async def PutState(self, request: pb.PutStateRequest, context: Any) -> pb.PutStateResponse:
        """Writes and removes values."""
        values = [StateValue(value.key, value.value, whole(value.revision)) for value in request.values]
        revision = await self._memory.write(
            state.put, request.namespace, values, list(request.remove), check=request.check_revisions
        )
        return pb.PutStateResponse(revision=revision)

    async def ListState(self, request: pb.ListStateRequest, context: Any) -> pb.ListStateResponse:
        """Returns a page of values."""
        listing = Listing("state", request.namespace, request.prefix)
        after, most = listing.after(request.page_token, ""), request.page_size or _PAGE
        page = await self._memory.read(state.listing, request.namespace, request.prefix, after, most)
        last = page.items[-1].key if page.items else ""
        return pb.ListStateResponse(
            values=map(_value_of, page.items), next_page_token=listing.next(page.more, last)
        )


def _value_of(value: StateValue) -> pb.StateValue:
    return pb.StateValue(key=value.key, value=value.value, revision=value.revision)
