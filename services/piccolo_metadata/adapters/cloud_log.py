"""The cloud's LogService, signed for by this process.

Rules:
* Each request carries a challenge of its own and a signature over it (protos/piccolo/cloud/v1/cloud.proto).
* No call waits for ever: an upload must keep up 8 KiB a second, a download must bring something every minute.
* That the cloud is away, too slow or ending is said of the cloud: the wire's own words name nobody, and
  STOPPING would be read as this process's.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from piccolo.cloud.v1 import cloud_pb2, cloud_pb2_grpc
from piccolo_chassis.calls import OF_THE_WIRE
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest

from piccolo_metadata.adapters.cloud_channel import CloudChannel
from piccolo_metadata.engine.backup_ports import Access, Kept, Piece

if TYPE_CHECKING:
    from piccolo_formats.signed import Signer

_PIECE: Final = 1 << 20
_IDLE_SECONDS: Final = 60.0
_SLOWEST: Final = 8192.0
_DROP_SECONDS: Final = 600.0


class GrpcCloudLog:
    """Implements engine.backup_ports.CloudLog."""

    def __init__(self, channel: CloudChannel, signer: Signer) -> None:
        """Use the log through this channel, signing with this process's key."""
        self._channel, self._signer = channel, signer

    @property
    def configured(self) -> bool:
        """Whether there is a cloud."""
        return self._channel.configured

    async def head(self, access: Access) -> Kept:
        """What is kept."""
        with _named():
            stub = await self._stub()
            authority = await self._authority(stub, access, "GetHead", 0)
            head = await stub.GetHead(cloud_pb2.GetHeadRequest(authority=authority))
        return Kept(head.seq, head.first, head.bytes)

    async def append(self, access: Access, seq: int, size: int, chunks: AsyncIterator[bytes]) -> None:
        """Creates the entry; the same bytes again succeed."""
        with _named():
            stub = await self._stub()
            authority = await self._authority(stub, access, "Append", seq)
        opened = cloud_pb2.AppendOpen(authority=authority, seq=seq, size=size)
        requests = _Requests(opened, chunks)
        try:
            with _named():
                await stub.Append(aiter(requests), timeout=_IDLE_SECONDS + size / _SLOWEST)
        except asyncio.CancelledError:
            # gRPC cancels the call when its source fails, and forgets why
            if requests.failure is not None:
                raise requests.failure from None
            raise

    async def challenge(self) -> bytes:
        """A nonce for a request that somebody else signs."""
        with _named():
            stub = await self._stub()
            return (await stub.Challenge(cloud_pb2.ChallengeRequest())).nonce

    async def drop(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        """Deletes the entries before one."""
        authority = cloud_pb2.Authority(locator=locator, nonce=nonce, signature=signature)
        with _named():
            stub = await self._stub()
            asked = cloud_pb2.DropChainRequest(authority=authority, before=before)
            return (await stub.DropChain(asked, timeout=_DROP_SECONDS)).dropped

    async def read(
        self, access: Access, first: int, last: int, *, headers_only: bool
    ) -> AsyncGenerator[Piece]:
        """Entries in order."""
        with _named():
            stub = await self._stub()
            request = cloud_pb2.ReadEntriesRequest(
                authority=await self._authority(stub, access, "ReadEntries", first),
                first=first,
                last=last,
                headers_only=headers_only,
            )
        call = stub.ReadEntries(request)
        pieces = aiter(call)
        try:
            while (piece := await _in_time(pieces)) is not None:
                yield Piece(piece.seq, piece.data, piece.last)
        finally:
            call.cancel()

    async def _stub(self) -> cloud_pb2_grpc.LogServiceStub:
        return cloud_pb2_grpc.LogServiceStub(await self._channel.get())

    async def _authority(
        self, stub: cloud_pb2_grpc.LogServiceStub, access: Access, method: str, argument: int
    ) -> cloud_pb2.Authority:
        nonce = (await stub.Challenge(cloud_pb2.ChallengeRequest())).nonce
        request = digest("request", access.locator, struct.pack(">Q", argument))
        message = b"piccolo/cloud/v1\x00" + method.encode() + b"\x00" + nonce + request
        return cloud_pb2.Authority(
            locator=access.locator,
            delegation=access.delegation,
            nonce=nonce,
            signature=self._signer.sign(message),
        )


class _Requests:
    """The messages of an Append; remembers why their source failed."""

    def __init__(self, opened: cloud_pb2.AppendOpen, chunks: AsyncIterator[bytes]) -> None:
        self._opened, self._chunks = opened, chunks
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[cloud_pb2.AppendRequest]:
        yield cloud_pb2.AppendRequest(open=self._opened)
        try:
            async for chunk in self._chunks:
                for start in range(0, len(chunk), _PIECE):
                    yield cloud_pb2.AppendRequest(data=chunk[start : start + _PIECE])
        except Exception as failed:
            self.failure = failed
            raise


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except PiccoloError as failed:
        if failed.reason not in OF_THE_WIRE:
            raise
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "CLOUD_AWAY",
            "The cloud cannot be reached, or is too slow. What changes waits on this device and goes there "
            "as soon as it answers.",
        ) from failed


async def _in_time(
    pieces: AsyncIterator[cloud_pb2.ReadEntriesResponse],
) -> cloud_pb2.ReadEntriesResponse | None:
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            with _named():
                return await anext(pieces, None)
    except TimeoutError as idle:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "CLOUD_AWAY",
            "The cloud stopped sending in the middle of the backup; try again.",
        ) from idle
