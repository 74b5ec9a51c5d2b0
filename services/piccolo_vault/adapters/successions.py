"""Metadata's SuccessionService through its Unix socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.metadata.v1 import memory_pb2, memory_pb2_grpc
from piccolo.metadata.v1 import succession_pb2 as pb
from piccolo.metadata.v1 import succession_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.keys.rotation import Wrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import grpc

_NAMESPACE = "vault"
_SECONDS = 600.0  # one transaction over every file, or a whole log's headers
_HIGHER = frozenset({"FENCED", "GENERATION_TAKEN", "CLAIM_FIRST"})


class MetadataSuccessions:
    """`Successions` by metadata."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._succession: Any = wire.SuccessionServiceStub(channel)
        self._state: Any = memory_pb2_grpc.StateServiceStub(channel)

    async def wraps(self, epoch: int, page_token: str) -> tuple[Sequence[Wrap], str]:
        """Returns a page of the wraps that are not of this epoch, and the next page's token."""
        page = await self._succession.ListWraps(pb.ListWrapsRequest(epoch=epoch, page_token=page_token))
        return [Wrap(each.id, each.content, each.wrapped) for each in page.wraps], page.next_page_token

    async def stage(self, wraps: Sequence[Wrap]) -> None:
        """Notes new wraps."""
        listed = [pb.Wrap(id=each.id, content=each.content, wrapped=each.wrapped) for each in wraps]
        await self._succession.StageWraps(pb.StageWrapsRequest(wraps=listed))

    async def swap(
        self, epoch: int, delegation: bytes, put: Mapping[str, bytes], *, exposed: bool = False
    ) -> None:
        """Puts what was staged in force."""
        values = [memory_pb2.StateValue(key=key, value=value) for key, value in put.items()]
        request = pb.SwapWrapsRequest(epoch=epoch, delegation=delegation, put=values, exposed=exposed)
        await self._succession.SwapWraps(request, timeout=_SECONDS)

    async def close_log(self, delegation: bytes, claim: bytes, successor: bytes) -> None:
        """Closes the log of words that were replaced."""
        request = pb.CloseLogRequest(delegation=delegation, claim=claim, successor=successor)
        try:
            await self._succession.CloseLog(request, timeout=_SECONDS)
        except PiccoloError as failed:
            if failed.reason not in _HIGHER or "head_generation" not in failed.details:
                raise
            generation = failed.details["head_generation"]
            raise PiccoloError(
                Kind.CONFLICT, "FENCED", failed.message, {"generation": generation}
            ) from failed

    async def begin_emptying(self, delegation: bytes) -> tuple[int, bytes]:
        """Returns what is to be signed."""
        request = pb.BeginEmptyingRequest(delegation=delegation)
        told = await self._succession.BeginEmptying(request, timeout=_SECONDS)
        return told.before, told.nonce

    async def empty_log(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        """Deletes the backups of a closed log."""
        request = pb.EmptyLogRequest(locator=locator, before=before, nonce=nonce, signature=signature)
        return int((await self._succession.EmptyLog(request, timeout=_SECONDS)).dropped)

    async def forget(self, key: str) -> None:
        """Removes a value of the vault's namespace."""
        await self._state.PutState(memory_pb2.PutStateRequest(namespace=_NAMESPACE, remove=[key]))
