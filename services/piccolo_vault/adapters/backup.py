"""Metadata's BackupService through its Unix socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from piccolo.metadata.v1 import backup_pb2 as pb
from piccolo.metadata.v1 import backup_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.adapters.memory_named import named
from piccolo_vault.core.keys.witnesses import Log
from piccolo_vault.ports.backups import BackupState, Pruning, RestoredMemory, SealedBodyKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from piccolo_vault.ports.backups import OpenKeys, Progress

_TAKEN = frozenset({"FENCED", "GENERATION_TAKEN"})
_FOLLOW_SECONDS = 3000.0  # a log of years is long; metadata itself gives up a cloud that falls silent
_READ_BACK_SECONDS = 3000.0  # a whole chain comes down again
_DROP_SECONDS = 600.0


class MetadataBackups:
    """`Backups` by metadata."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._backup: Any = wire.BackupServiceStub(channel)

    async def backup_key(self) -> bytes:
        """Returns metadata's signing key, 32 bytes."""
        with named():
            return bytes((await self._backup.GetBackupKey(pb.GetBackupKeyRequest())).key)

    async def delegate(self, delegation: bytes) -> None:
        """Stores the locator's delegation."""
        await self._backup.Delegate(pb.DelegateRequest(delegation=delegation))

    async def status(self) -> BackupState:
        """Returns how the backup stands."""
        return _state((await self._backup.GetBackupStatus(pb.GetBackupStatusRequest())).status)

    async def watch(self) -> AsyncIterator[BackupState]:
        """Yields the status now and at every change, until the connection ends."""
        async for change in self._backup.WatchBackup(pb.WatchBackupRequest()):
            yield _state(change.status)

    async def countersign(self, head: bytes) -> None:
        """Stores the head with the locator's signature."""
        await self._backup.Countersign(pb.CountersignRequest(head=head))

    async def trace(self, delegation: bytes, seqs: Sequence[int]) -> Log:
        """Returns what the log has at these places."""
        request = pb.TraceLogRequest(delegation=delegation, seqs=seqs)
        with named():
            traced = await self._backup.TraceLog(request, timeout=_FOLLOW_SECONDS if seqs else None)
        return Log(traced.generation, traced.head.seq, {place.seq: place.hash for place in traced.places})

    async def begin_rebuild(self) -> None:
        """Says that the empty memory is filled without a backup."""
        with named():
            await self._backup.BeginRebuild(pb.BeginRebuildRequest())

    async def begin_pruning(self) -> Pruning:
        """Returns what of the log may go."""
        told = await self._backup.BeginPruning(pb.BeginPruningRequest(), timeout=_READ_BACK_SECONDS)
        return Pruning(told.locator, told.before, told.nonce)

    async def prune(self, asked: Pruning, signature: bytes) -> int:
        """Deletes it."""
        request = pb.PruneRequest(
            locator=asked.locator, before=asked.before, nonce=asked.nonce, signature=signature
        )
        return int((await self._backup.Prune(request, timeout=_DROP_SECONDS)).dropped)

    async def append_claim(self, claim: bytes, delegation: bytes) -> None:
        """Creates the claim in the log; raises PiccoloError FENCED when its generation is taken."""
        request = pb.AppendClaimRequest(claim=claim, delegation=delegation)
        try:
            await self._backup.AppendClaim(request, timeout=_FOLLOW_SECONDS)
        except PiccoloError as failed:
            if failed.reason not in _TAKEN:
                raise
            generation = failed.details.get("head_generation", failed.details.get("generation", "0"))
            raise PiccoloError(
                Kind.CONFLICT, "FENCED", failed.message, {"generation": generation}
            ) from failed

    async def restore(
        self, delegation: bytes, seq: int, open_keys: OpenKeys, progress: Progress
    ) -> RestoredMemory:
        """Replaces an empty memory by the backup; answers metadata's questions for body keys meanwhile."""
        with named():
            return await self._restore(delegation, seq, open_keys, progress)

    async def _restore(
        self, delegation: bytes, seq: int, open_keys: OpenKeys, progress: Progress
    ) -> RestoredMemory:
        call = self._backup.Restore()
        try:
            await call.write(pb.RestoreRequest(open=pb.RestoreOpen(delegation=delegation, seq=seq)))
            while (said := await call.read()) is not grpc.aio.EOF:
                match said.WhichOneof("step"):
                    case "wanted_keys":
                        keys = [SealedBodyKey(k.generation, k.seq, k.sealed) for k in said.wanted_keys.keys]
                        opened = pb.OpenedKeys(body_keys=open_keys(keys))
                        await call.write(pb.RestoreRequest(keys=opened))
                    case "progress":
                        now = said.progress
                        await progress(now.phase, now.done, now.total)
                    case "restored":
                        await call.done_writing()
                        return _restored(said.restored)
        finally:
            call.cancel()
        raise PiccoloError(
            Kind.UNAVAILABLE, "RESTORE_CUT_OFF", "The restore ended before its result came. Try again."
        )


def _state(status: pb.BackupStatus) -> BackupState:
    return BackupState(
        enabled=status.enabled,
        fenced=status.fenced,
        fenced_by=status.fenced_by,
        head=status.head,
        seq=status.seq,
    )


def _restored(restored: pb.Restored) -> RestoredMemory:
    return RestoredMemory(
        seq=restored.seq,
        generation=restored.generation,
        confirmed_until=restored.confirmed_until,
        device_until=restored.device_until,
        files=restored.files,
    )
