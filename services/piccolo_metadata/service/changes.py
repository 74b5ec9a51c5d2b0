"""ChangeService: that something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from piccolo.metadata.v1 import memory_pb2 as pb
from piccolo.metadata.v1 import memory_pb2_grpc

from piccolo_metadata.engine import audit, changes, settings, tree
from piccolo_metadata.ports import Memory
from piccolo_metadata.service.watching import until

_TOPICS: Final[dict[int, str]] = {
    pb.TOPIC_FILES: tree.TOPIC,
    pb.TOPIC_SETTINGS: settings.TOPIC,
    pb.TOPIC_AUDIT: audit.TOPIC,
}


class ChangeServicer(memory_pb2_grpc.ChangeServiceServicer):
    """Tells of changes."""

    def __init__(self, memory: Memory, stopping: asyncio.Event) -> None:
        self._memory, self._stopping = memory, stopping

    async def WatchChanges(
        self, request: pb.WatchChangesRequest, context: Any
    ) -> AsyncIterator[pb.WatchChangesResponse]:
        """Streams a topic's marks."""
        marks = changes.watch(self._memory, _TOPICS[request.topic])
        async with aclosing(until(self._stopping, marks)) as watched:
            async for mark in watched:
                yield pb.WatchChangesResponse(mark=mark)
