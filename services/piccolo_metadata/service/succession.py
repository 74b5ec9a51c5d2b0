"""SuccessionService: new wraps, and the log of new words."""

from __future__ import annotations

from typing import Any, Final

from piccolo.metadata.v1 import succession_pb2 as pb
from piccolo.metadata.v1 import succession_pb2_grpc

from piccolo_metadata.engine import rewrapping
from piccolo_metadata.engine.backup import Backup
from piccolo_metadata.engine.backup_closing import Closer
from piccolo_metadata.engine.backup_emptying import Emptier
from piccolo_metadata.engine.rewrapping import Wrap
from piccolo_metadata.engine.state import StateValue
from piccolo_metadata.ports import Memory
from piccolo_metadata.service.wire import Listing

SERVICE: Final = "piccolo.metadata.v1.SuccessionService"
_PAGE: Final = 1_000


class SuccessionServicer(succession_pb2_grpc.SuccessionServiceServicer):
    """Parses, calls, converts."""

    def __init__(self, memory: Memory, backup: Backup, closer: Closer, emptier: Emptier) -> None:
        self._memory, self._backup, self._closer, self._emptier = memory, backup, closer, emptier

    async def ListWraps(self, request: pb.ListWrapsRequest, context: Any) -> pb.ListWrapsResponse:
        """A page of wraps."""
        listing = Listing("wraps", request.epoch)
        after, most = listing.after(request.page_token, ""), request.page_size or _PAGE
        page = await self._memory.read(rewrapping.listing, request.epoch, after, most)
        wraps = [pb.Wrap(id=each.id, content=each.content, wrapped=each.wrapped) for each in page.items]
        last = page.items[-1].place if page.items else ""
        return pb.ListWrapsResponse(wraps=wraps, next_page_token=listing.next(page.more, last))

    async def StageWraps(self, request: pb.StageWrapsRequest, context: Any) -> pb.StageWrapsResponse:
        """Notes new wraps."""
        wraps = [Wrap(each.id, each.content, each.wrapped) for each in request.wraps]
        await self._memory.write(rewrapping.stage, wraps)
        return pb.StageWrapsResponse()

    async def SwapWraps(self, request: pb.SwapWrapsRequest, context: Any) -> pb.SwapWrapsResponse:
        """Puts them in force."""
        put = [StateValue(each.key, each.value, 0) for each in request.put]
        await self._backup.succeed(request.epoch, request.delegation, put, exposed=request.exposed)
        return pb.SwapWrapsResponse()

    async def CloseLog(self, request: pb.CloseLogRequest, context: Any) -> pb.CloseLogResponse:
        """Closes the log of words that were replaced."""
        await self._closer.close(request.delegation, request.claim, request.successor)
        return pb.CloseLogResponse()

    async def BeginEmptying(self, request: pb.BeginEmptyingRequest, context: Any) -> pb.BeginEmptyingResponse:
        """What the owner's words are to sign."""
        before, nonce = await self._emptier.begin(request.delegation)
        return pb.BeginEmptyingResponse(before=before, nonce=nonce)

    async def EmptyLog(self, request: pb.EmptyLogRequest, context: Any) -> pb.EmptyLogResponse:
        """Deletes what came before `moved`."""
        dropped = await self._emptier.empty(request.locator, request.before, request.nonce, request.signature)
        return pb.EmptyLogResponse(dropped=dropped)
