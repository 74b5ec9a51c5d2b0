"""The device's memory: metadata's StateService, under the namespace "attestation"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from piccolo.metadata.v1 import memory_pb2, memory_pb2_grpc
from piccolo_chassis.calls import Channel

NAMESPACE: Final = "attestation"
_PAGE: Final = 4  # values may be nearly 1 MiB, a message is at most 8
_BATCH: Final = 7 << 20


class MetadataMemory:
    """Implements ports.Memory on a channel to metadata's socket."""

    def __init__(self, channel: Channel) -> None:
        self._stub = memory_pb2_grpc.StateServiceStub(channel)

    async def load(self) -> Mapping[str, bytes]:
        """All values of the namespace."""
        found: dict[str, bytes] = {}
        request = memory_pb2.ListStateRequest(namespace=NAMESPACE, page_size=_PAGE)
        while True:
            answer = await self._stub.ListState(request)
            found |= {each.key: each.value for each in answer.values}
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    async def store(self, put: Mapping[str, bytes], remove: Sequence[str]) -> None:
        """Stores and removes, in one transaction as long as one message holds it all. What is larger goes in
        several, removals with the last: a reader in between sees pieces that do not make a bundle, and waits
        for the next backup entry.
        """
        batch: list[memory_pb2.StateValue] = []
        size = 0
        for key, value in put.items():
            if batch and size + len(value) > _BATCH:
                await self._put(batch, [])
                batch, size = [], 0
            batch.append(memory_pb2.StateValue(key=key, value=value))
            size += len(value)
        await self._put(batch, remove)

    async def _put(self, values: Sequence[memory_pb2.StateValue], remove: Sequence[str]) -> None:
        request = memory_pb2.PutStateRequest(namespace=NAMESPACE, values=values, remove=remove)
        await self._stub.PutState(request)
