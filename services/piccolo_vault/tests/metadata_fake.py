"""A small honest metadata, with backup logs at a cloud that may stand behind several devices."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from piccolo.metadata.v1 import backup_pb2 as backup
from piccolo.metadata.v1 import backup_pb2_grpc as backup_wire
from piccolo.metadata.v1 import memory_pb2 as memory
from piccolo.metadata.v1 import memory_pb2_grpc as memory_wire
from piccolo.metadata.v1 import succession_pb2 as succession
from piccolo.metadata.v1 import succession_pb2_grpc as succession_wire
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_body import EntryPlace
from piccolo_formats.digests import digest
from piccolo_formats.fek import Fek
from piccolo_formats.keypairs import SigningKey, signature_is_valid
from piccolo_formats.records.backup import Delegation, EntryHeader, EntryKind, Head
from piccolo_formats.records.generations import Claim
from piccolo_formats.sealed import seal_key
from piccolo_formats.signed import open_signed, sign

from piccolo_vault.engine.keys.pulse import Pulse
from piccolo_vault.tests.cloud_fake import Entry, FakeCloud

# Generated servicers are abstract in every method; what a fake is not asked for stays UNIMPLEMENTED.
_Backup: Any = backup_wire.BackupServiceServicer
_State: Any = memory_wire.StateServiceServicer
_Operations: Any = memory_wire.OperationServiceServicer
_Audit: Any = memory_wire.AuditServiceServicer
_Succession: Any = succession_wire.SuccessionServiceServicer

_NONCE = b"n" * 32


@dataclass(eq=False)
class FakeMetadata(_Backup, _State, _Operations, _Audit, _Succession):  # type: ignore[misc]
    """A device's memory, as far as the keys use it.

    `deaf`: its audit log takes no event. `tells`: it says by which entry it was fenced. `dies`: so often it
    breaks off where it would ask the cloud, as a process that ends. `hangs`: the cloud lets it wait there.
    """

    cloud: FakeCloud
    key: SigningKey = field(default_factory=lambda: SigningKey(os.urandom(32)))
    state: dict[str, bytes] = field(default_factory=dict)
    files: int = 0
    delegation: Delegation | None = None
    operations: dict[str, memory.Operation] = field(default_factory=dict)
    audits: list[memory.AppendAuditRequest] = field(default_factory=list)
    head: bytes = b""
    cut_restore: bool = False
    stands_on: int = 0
    damaged: bool = False
    withholds: bool = False
    dies: int = 0
    hangs: bool = False
    rebuilt: bool = False
    deaf: bool = False
    tells: bool = True
    delegations: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    wraps: dict[bytes, bytes] = field(default_factory=dict)
    staged: dict[bytes, bytes] = field(default_factory=dict)
    exposed: set[bytes] = field(default_factory=set)
    prunable: int = 0
    pruned: list[int] = field(default_factory=list)
    pruning_fails: PiccoloError | None = None
    changed: Pulse = field(default_factory=Pulse)

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the services to a server."""
        backup_wire.add_BackupServiceServicer_to_server(self, server)
        memory_wire.add_StateServiceServicer_to_server(self, server)
        memory_wire.add_OperationServiceServicer_to_server(self, server)
        memory_wire.add_AuditServiceServicer_to_server(self, server)
        succession_wire.add_SuccessionServiceServicer_to_server(self, server)

    def back_up(self) -> None:
        """Writes all that there is to the log, as a real one does by itself."""
        delegation = self._delegated()
        seq = len(self.cloud.log(delegation.locator)) + 1
        body_key = Fek.generate(os.urandom)
        place = EntryPlace(delegation.locator, delegation.generation, seq)
        sealed = seal_key(body_key, delegation.backup, place.info)
        entry = Entry(
            delegation.generation,
            self.key.public,
            self._header(delegation, seq, EntryKind.SNAPSHOT, sealed),
            sealed,
            body_key.reveal(),
            dict(self.state)
            | {f"wraps/{key.hex()}": value for key, value in self.wraps.items()}
            | {f"exposed/{key.hex()}": b"" for key in self.exposed},
            self.files,
        )
        self.cloud.append(delegation.locator, entry)

    def _header(self, delegation: Delegation, seq: int, kind: EntryKind, sealed: bytes = bytes(80)) -> bytes:
        record = EntryHeader(
            suite=1, locator=delegation.locator, generation=delegation.generation, seq=seq, kind=kind,
            base=seq if kind is EntryKind.SNAPSHOT else 0, prev=bytes(32) if seq > 1 else None, schema=1,
            plain_size=0, body_size=0, body_hash=bytes(32), sealed_key=sealed,
            delegation=self.delegations[delegation.locator, delegation.generation], time=1_795_000_000,
        )  # fmt: skip
        return sign(record, self.key).to_bytes()

    def _delegated(self) -> Delegation:
        if self.delegation is None:
            raise PiccoloError(Kind.PRECONDITION, "NOT_DELEGATED", "There is no delegation yet.")
        return self.delegation

    def _status(self) -> backup.BackupStatus:
        if self.delegation is None or self.cloud.away:
            return backup.BackupStatus(enabled=self.delegation is not None)
        log = self.cloud.log(self.delegation.locator)
        fenced = bool(log) and log[-1].generation > self.delegation.generation
        head = b""
        if log and not fenced:
            record = Head(
                locator=self.delegation.locator,
                generation=log[-1].generation,
                seq=len(log),
                hash=log[-1].hash,
            )
            head = sign(record, self.key).to_bytes()
        by = log[-1].header if fenced and self.tells else b""
        return backup.BackupStatus(enabled=True, seq=len(log), fenced=fenced, head=head, fenced_by=by)

    async def GetBackupKey(self, request: Any, context: Any) -> backup.GetBackupKeyResponse:
        """The signing key's public half."""
        return backup.GetBackupKeyResponse(key=self.key.public)

    async def Delegate(self, request: backup.DelegateRequest, context: Any) -> backup.DelegateResponse:
        """Takes a delegation that the locator signed for this key."""
        delegation = self._checked(request.delegation)
        if not self.cloud.away:
            log = self.cloud.log(delegation.locator)
            if log and delegation.generation > log[-1].generation:
                raise PiccoloError(Kind.PRECONDITION, "CLAIM_FIRST", "The generation must be claimed first.")
        self.delegation = delegation
        self.changed.fire()
        return backup.DelegateResponse()

    def _checked(self, data: bytes) -> Delegation:
        signed = open_signed(Delegation, data)
        signed.require(signed.record.locator)
        if signed.record.key != self.key.public:
            raise PiccoloError(Kind.DENIED, "DELEGATION_WRONG", "It is for another key.")
        self.delegations[signed.record.locator, signed.record.generation] = data
        return signed.record

    async def GetBackupStatus(self, request: Any, context: Any) -> backup.GetBackupStatusResponse:
        """How the backup stands."""
        return backup.GetBackupStatusResponse(status=self._status())

    async def WatchBackup(self, request: Any, context: Any) -> AsyncIterator[backup.WatchBackupResponse]:
        """The status, now and when it changes."""
        while True:
            waits = [asyncio.ensure_future(p.wait()) for p in (self.changed, self.cloud.changed)]
            yield backup.WatchBackupResponse(status=self._status())
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def Countersign(self, request: backup.CountersignRequest, context: Any) -> Any:
        """Takes a head with both signatures."""
        locator = self._delegated().locator
        open_signed(Head, request.head, required=[locator, self.key.public])
        self.head = request.head
        self.changed.fire()
        return backup.CountersignResponse()

    async def AppendClaim(self, request: backup.AppendClaimRequest, context: Any) -> Any:
        """Writes a claim."""
        if self.damaged:
            raise PiccoloError(Kind.DATA_LOSS, "CHAIN_BROKEN", "The log cannot be followed.")
        delegation, claim = self._checked(request.delegation), open_signed(Claim, request.claim).record
        if claim.generation != delegation.generation:
            raise PiccoloError(Kind.INVALID, "CLAIM_WRONG", "Claim and delegation differ.")
        seq = len(self.cloud.log(delegation.locator)) + 1
        header = self._header(delegation, seq, EntryKind.CLAIM)
        entry = Entry(claim.generation, self.key.public, header, claim=request.claim)
        self.cloud.append(delegation.locator, entry)
        return backup.AppendClaimResponse(seq=len(self.cloud.log(delegation.locator)))

    async def TraceLog(self, request: backup.TraceLogRequest, context: Any) -> backup.TraceLogResponse:
        """What the log has that the memory stands on."""
        if request.seqs:
            await self._die(context)
        if self.hangs and request.seqs:
            await asyncio.Event().wait()
        if self.withholds and request.seqs:
            raise PiccoloError(Kind.UNAVAILABLE, "CLOUD_AWAY", "The cloud cannot be reached.")
        log = self.cloud.log(self._checked(request.delegation).locator)[: self.stands_on]
        if not log:
            return backup.TraceLogResponse()
        places = {seq: entry.hash for seq, entry in enumerate(log, 1)}
        return backup.TraceLogResponse(
            head=backup.LogPlace(seq=len(log), hash=log[-1].hash),
            generation=log[-1].generation,
            places=[backup.LogPlace(seq=s, hash=places[s]) for s in request.seqs if s in places],
        )

    async def _die(self, context: Any) -> None:
        if self.dies:
            self.dies -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    async def BeginRebuild(self, request: Any, context: Any) -> backup.BeginRebuildResponse:
        """The memory is filled without a backup."""
        if self.files:
            raise PiccoloError(Kind.PRECONDITION, "MEMORY_NOT_EMPTY", "There are files here already.")
        self.rebuilt = True
        return backup.BeginRebuildResponse()

    async def Restore(self, requests: Any, context: Any) -> AsyncIterator[backup.RestoreResponse]:
        """Replaces an empty memory by the newest whole entry, once its key was opened."""
        steps = aiter(requests)
        opening = (await anext(steps)).open
        await self._die(context)
        delegation = self._checked(opening.delegation)
        log = self.cloud.log(delegation.locator)
        if not log:
            raise PiccoloError(Kind.NOT_FOUND, "LOG_EMPTY", "There is no backup under this locator.")
        if self.files:
            raise PiccoloError(Kind.PRECONDITION, "MEMORY_NOT_EMPTY", "There are files here already.")
        if log[-1].moved:
            raise PiccoloError(Kind.PRECONDITION, "LOG_MOVED", "These words were replaced on some day.")
        whole = [(seq, entry) for seq, entry in enumerate(log, 1) if not entry.claim]
        seq, last = whole[(opening.seq or len(whole)) - 1]
        wanted = backup.SealedKey(generation=last.generation, seq=seq, sealed=last.sealed)
        yield backup.RestoreResponse(wanted_keys=backup.WantedKeys(keys=[wanted]))
        opened = (await anext(steps)).keys.body_keys
        if list(opened) != [last.body_key]:
            raise PiccoloError(Kind.DATA_LOSS, "BACKUP_DAMAGED", "The key does not open the entry.")
        yield backup.RestoreResponse(progress=backup.RestoreProgress(done=1, total=2, phase="Restoring"))
        self.files, self.stands_on = last.files, len(log)
        other = ("wraps/", "exposed/")
        self.state = {key: value for key, value in last.content.items() if not key.startswith(other)}
        self.exposed = {bytes.fromhex(key[8:]) for key in last.content if key.startswith("exposed/")}
        self.wraps = {
            bytes.fromhex(key.removeprefix("wraps/")): value
            for key, value in last.content.items()
            if key.startswith("wraps/")
        }
        if self.cut_restore:
            self.cut_restore = False
            raise PiccoloError(Kind.UNAVAILABLE, "STOPPING", "The service is stopping.")
        restored = backup.Restored(
            seq=seq,
            generation=max(entry.generation for entry in log),
            confirmed_until=1_700_000_000,
            device_until=1_700_000_100,
            files=last.files,
        )
        yield backup.RestoreResponse(restored=restored)

    async def GetState(self, request: memory.GetStateRequest, context: Any) -> memory.GetStateResponse:
        """A value."""
        value = self.state.get(f"{request.namespace}/{request.key}")
        if value is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_STATE", "There is no such value.")
        return memory.GetStateResponse(value=memory.StateValue(key=request.key, value=value))

    async def ListState(self, request: memory.ListStateRequest, context: Any) -> memory.ListStateResponse:
        """Values in key order, page by page; the token is the last key."""
        begin = f"{request.namespace}/{request.prefix}"
        last = f"{request.namespace}/{request.page_token}" if request.page_token else ""
        keys = [key for key in sorted(self.state) if key.startswith(begin) and key > last]
        page = keys[: request.page_size or 1000]
        values = [
            memory.StateValue(key=key.removeprefix(f"{request.namespace}/"), value=self.state[key])
            for key in page
        ]
        token = values[-1].key if len(page) < len(keys) else ""
        return memory.ListStateResponse(values=values, next_page_token=token)

    async def PutState(self, request: memory.PutStateRequest, context: Any) -> memory.PutStateResponse:
        """Writes values."""
        self.state.update({f"{request.namespace}/{value.key}": value.value for value in request.values})
        for key in request.remove:
            self.state.pop(f"{request.namespace}/{key}", None)
        self.changed.fire()
        return memory.PutStateResponse()

    async def ListWraps(self, request: succession.ListWrapsRequest, context: Any) -> Any:
        """Pack keys that are not of the epoch, one a page."""
        after = bytes.fromhex(request.page_token)
        others = [
            key
            for key in sorted(self.wraps)
            if key > after and int.from_bytes(self.wraps[key][:4]) != request.epoch
        ]
        page = [succession.Wrap(id=key, wrapped=self.wraps[key]) for key in others[:1]]
        token = others[0].hex() if len(others) > 1 else ""
        return succession.ListWrapsResponse(wraps=page, next_page_token=token)

    async def StageWraps(self, request: succession.StageWrapsRequest, context: Any) -> Any:
        """Notes wraps."""
        self.staged |= {each.id: each.wrapped for each in request.wraps}
        return succession.StageWrapsResponse()

    async def SwapWraps(self, request: succession.SwapWrapsRequest, context: Any) -> Any:
        """All of it, or nothing; a new log begins with a snapshot as soon as the cloud can be reached."""
        wraps = self.wraps | self.staged
        if any(int.from_bytes(each[:4]) != request.epoch for each in wraps.values()):
            raise PiccoloError(Kind.PRECONDITION, "WRAPS_MISSING", "Some are missing.")
        if request.exposed:
            self.exposed |= {key for key, each in self.wraps.items() if each[:4] != request.epoch.to_bytes(4)}
        self.wraps, self.staged = wraps, {}
        self.state.update({f"vault/{value.key}": value.value for value in request.put})
        if request.delegation:
            self.delegation = self._checked(request.delegation)
            if not self.cloud.away:
                self.back_up()
        self.changed.fire()
        return succession.SwapWrapsResponse()

    async def CloseLog(self, request: succession.CloseLogRequest, context: Any) -> Any:
        """Closes a log, after a claim where another device wrote last."""
        delegation = self._checked(request.delegation)
        log = self.cloud.log(delegation.locator)
        if not log or log[-1].moved:
            return succession.CloseLogResponse()
        if log[-1].generation < delegation.generation:
            header = self._header(delegation, len(log) + 1, EntryKind.CLAIM)
            claim = Entry(delegation.generation, self.key.public, header, claim=request.claim)
            self.cloud.append(delegation.locator, claim)
        header = self._header(delegation, len(self.cloud.log(delegation.locator)) + 1, EntryKind.MOVED)
        moved = Entry(delegation.generation, self.key.public, header, moved=request.successor)
        self.cloud.append(delegation.locator, moved)
        return succession.CloseLogResponse()

    async def BeginEmptying(self, request: succession.BeginEmptyingRequest, context: Any) -> Any:
        """What is to be signed."""
        log = self.cloud.log(self._checked(request.delegation).locator)
        if log and not log[-1].moved:
            raise PiccoloError(Kind.PRECONDITION, "LOG_OPEN", "The log is open.")
        before = len(log) if len(log) > 1 else 0
        return succession.BeginEmptyingResponse(before=before, nonce=_NONCE if before else b"")

    async def EmptyLog(self, request: succession.EmptyLogRequest, context: Any) -> Any:
        """Deletes what came before `moved`, by the locator key's own signature."""
        log = self.cloud.log(request.locator)
        asked = digest("request", request.locator, struct.pack(">Q", request.before))
        message = b"piccolo/cloud/v1\x00DropChain\x00" + request.nonce + asked
        if request.nonce != _NONCE or not signature_is_valid(request.locator, request.signature, message):
            raise PiccoloError(Kind.UNAUTHENTICATED, "SIGNATURE_WRONG", "It is not the owner's.")
        self.cloud.logs[request.locator] = [entry for entry in log if entry.moved]
        return succession.EmptyLogResponse(dropped=request.before - 1)

    async def BeginPruning(self, request: Any, context: Any) -> backup.BeginPruningResponse:
        """What is to be signed, when something is old enough."""
        if self.pruning_fails is not None:
            raise self.pruning_fails
        locator = self.delegation.locator if self.delegation is not None and self.prunable else b""
        return backup.BeginPruningResponse(locator=locator, before=self.prunable, nonce=_NONCE)

    async def Prune(self, request: backup.PruneRequest, context: Any) -> backup.PruneResponse:
        """Notes what the words let go."""
        asked = digest("request", request.locator, struct.pack(">Q", request.before))
        message = b"piccolo/cloud/v1\x00DropChain\x00" + request.nonce + asked
        if request.nonce != _NONCE or not signature_is_valid(request.locator, request.signature, message):
            raise PiccoloError(Kind.UNAUTHENTICATED, "SIGNATURE_WRONG", "It is not the owner's.")
        self.pruned.append(request.before)
        self.prunable = 0
        self.changed.fire()
        return backup.PruneResponse(dropped=request.before - 1)

    async def StartOperation(self, request: memory.StartOperationRequest, context: Any) -> Any:
        """New work."""
        made = memory.Operation(
            operation_id=f"operation-{len(self.operations) + 1}",
            kind=request.kind,
            unit=request.unit,
            state=memory.OPERATION_STATE_RUNNING,
        )
        self.operations[made.operation_id] = made
        return memory.StartOperationResponse(operation=made)

    async def ListOperations(self, request: memory.ListOperationsRequest, context: Any) -> Any:
        """Those that run."""
        running = [o for o in self.operations.values() if o.state == memory.OPERATION_STATE_RUNNING]
        return memory.ListOperationsResponse(operations=running)

    async def AdvanceOperation(self, request: memory.AdvanceOperationRequest, context: Any) -> Any:
        """Progress; an ended operation changes no more."""
        known = self.operations.get(request.operation.operation_id)
        if known is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_OPERATION", "There is no such operation.")
        if known.state != memory.OPERATION_STATE_RUNNING:
            raise PiccoloError(Kind.PRECONDITION, "OPERATION_ENDED", "It has ended.")
        told = memory.Operation()
        told.CopyFrom(request.operation)
        told.unit = known.unit
        told.kind, told.cancel_requested = known.kind, known.cancel_requested
        self.operations[told.operation_id] = told
        self.changed.fire()
        return memory.AdvanceOperationResponse(cancel_requested=told.cancel_requested)

    async def AppendAudit(self, request: memory.AppendAuditRequest, context: Any) -> Any:
        """One event."""
        if self.deaf:
            raise PiccoloError(Kind.FULL, "AUDIT_FULL", "The disk is full.")
        self.audits.append(request)
        self.changed.fire()
        return memory.AppendAuditResponse()

    async def ended(self, operation: str, seconds: float = 60.0) -> memory.Operation:
        """An operation, as soon as it has ended."""
        async with asyncio.timeout(seconds):
            while self.operations[operation].state == memory.OPERATION_STATE_RUNNING:
                await self.changed.wait()
        return self.operations[operation]
