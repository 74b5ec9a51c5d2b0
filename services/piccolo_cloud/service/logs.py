"""LogService on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from piccolo.cloud.v1 import cloud_pb2, cloud_pb2_grpc
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_cloud.core.authority import Authority
from piccolo_cloud.engine.door import Door
from piccolo_cloud.engine.logs import Logs

SERVICE = "piccolo.cloud.v1.LogService"
_PIECE = 32_768  # a message arrives whole or not at all: on a slow line, within a minute


class LogServicer(cloud_pb2_grpc.LogServiceServicer):
    """Parses, calls, converts."""

    def __init__(self, logs: Logs, door: Door) -> None:
        """Serve these logs behind this door."""
        self._logs, self._door = logs, door

    async def Challenge(
        self, request: cloud_pb2.ChallengeRequest, context: Any
    ) -> cloud_pb2.ChallengeResponse:
        """A nonce."""
        return cloud_pb2.ChallengeResponse(nonce=self._door.challenge())

    async def Append(
        self, request_iterator: AsyncIterator[cloud_pb2.AppendRequest], context: Any
    ) -> cloud_pb2.AppendResponse:
        """One entry."""
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("step") != "open":
            raise PiccoloError(Kind.INVALID, "OPEN_FIRST", "An Append begins with its `open` message.")
        opened = first.open
        data = _data(request_iterator)
        seq = await self._logs.append(_authority(opened.authority), opened.seq, opened.size, data)
        return cloud_pb2.AppendResponse(seq=seq)

    async def GetHead(self, request: cloud_pb2.GetHeadRequest, context: Any) -> cloud_pb2.GetHeadResponse:
        """Where a log stands."""
        kept = await self._logs.head(_authority(request.authority))
        return cloud_pb2.GetHeadResponse(seq=kept.last, first=kept.first, bytes=kept.bytes)

    async def ReadEntries(
        self, request: cloud_pb2.ReadEntriesRequest, context: Any
    ) -> AsyncIterator[cloud_pb2.ReadEntriesResponse]:
        """Entries, piece by piece."""
        authority = _authority(request.authority)
        async for piece in self._logs.read(
            authority, request.first, request.last, headers_only=request.headers_only
        ):
            for start in range(0, max(1, len(piece.data)), _PIECE):
                last = piece.last and start + _PIECE >= len(piece.data)
                data = piece.data[start : start + _PIECE]
                yield cloud_pb2.ReadEntriesResponse(seq=piece.seq, data=data, last=last)

    async def DropChain(
        self, request: cloud_pb2.DropChainRequest, context: Any
    ) -> cloud_pb2.DropChainResponse:
        """Old chains go."""
        dropped = await self._logs.drop(_authority(request.authority), request.before)
        return cloud_pb2.DropChainResponse(dropped=dropped)


def _authority(given: cloud_pb2.Authority) -> Authority:
    return Authority(given.locator, given.delegation, given.nonce, given.signature)


async def _data(requests: AsyncIterator[cloud_pb2.AppendRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("step") != "data":
            raise PiccoloError(Kind.INVALID, "OPEN_FIRST", "Only the first message of an Append is `open`.")
        yield request.data
