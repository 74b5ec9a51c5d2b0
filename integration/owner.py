"""A person in front of a device: sets it up, joins a circle, puts files in and takes them out.

Speaks to the services' sockets, as an operator does with grpcurl.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo.attestation.v1 import attestation_pb2 as attestation
from piccolo.attestation.v1.attestation_pb2_grpc import CircleServiceStub
from piccolo.metadata.v1 import backup_pb2, file_pb2, memory_pb2
from piccolo.metadata.v1.backup_pb2_grpc import BackupServiceStub
from piccolo.metadata.v1.file_pb2_grpc import FileServiceStub
from piccolo.metadata.v1.memory_pb2_grpc import OperationServiceStub
from piccolo.vault.v1 import vault_pb2 as vault
from piccolo.vault.v1.vault_pb2_grpc import KeyServiceStub, MembershipServiceStub, StoreServiceStub
from piccolo_formats.client_seal import Purpose, open_text, seal_text
from piccolo_formats.keypairs import SealingKey

from integration.device import Device

_PIECE: Final = 1 << 20
_JOIN_SECONDS: Final = 120.0


class OperationFailedError(Exception):
    """Long work ended badly; the text says why."""


@dataclass(slots=True)
class Owner:
    """A device's owner. `words` are the 24 recovery words, once set up."""

    device: Device
    passphrase: str = "correct horse battery staple"
    words: str = ""
    owner_id: bytes = b""

    async def set_up(self) -> None:
        """Makes the keys, writes the words down, gives the three asked words back."""
        async with self.device.connect("vault") as channel:
            keys = KeyServiceStub(channel)
            reply = SealingKey(secrets.token_bytes(32))
            boot = (await keys.GetBootKey(vault.GetBootKeyRequest())).public_key
            answer = await keys.Setup(
                vault.SetupRequest(
                    passphrase=seal_text(Purpose.PASSPHRASE, self.passphrase, boot), reply_key=reply.public
                )
            )
            self.words = open_text(Purpose.WORDS, answer.words, reply)
            asked = " ".join(self.words.split()[position - 1] for position in answer.ask)
            await keys.ConfirmWords(
                vault.ConfirmWordsRequest(words=seal_text(Purpose.CONFIRMATION, asked, boot))
            )
            self.owner_id = (await keys.GetKeyStatus(vault.GetKeyStatusRequest())).owner_id

    async def found(self, *, at_risk: bool = False) -> None:
        """Founds a circle."""
        async with self.device.connect("vault") as channel:
            await MembershipServiceStub(channel).FoundCircle(
                vault.FoundCircleRequest(device_name=self.device.name, at_risk=at_risk)
            )

    async def invite(self) -> str:
        """Makes an invitation; returns its link."""
        async with self.device.connect("attestation") as channel:
            return (await CircleServiceStub(channel).Invite(attestation.InviteRequest())).link

    async def join(self, invitation: str) -> None:
        """Accepts an invitation."""
        async with self.device.connect("vault") as channel:
            await MembershipServiceStub(channel).JoinCircle(
                vault.JoinCircleRequest(invitation=invitation, device_name=self.device.name),
                timeout=_JOIN_SECONDS,
            )

    async def members(self) -> list[attestation.Member]:
        """The circle's members as this device knows them."""
        async with self.device.connect("attestation") as channel:
            answer = await CircleServiceStub(channel).GetCircle(attestation.GetCircleRequest())
            return list(answer.circle.members)

    async def knows_members(self, count: int, seconds: float = 60.0) -> None:
        """Returns when this device knows that many active members with an address."""
        async with asyncio.timeout(seconds), self.device.connect("attestation") as channel:
            async for change in CircleServiceStub(channel).WatchCircle(attestation.WatchCircleRequest()):
                members = change.circle.members
                if sum(bool(member.endpoints) for member in members) >= count:
                    return

    async def unlock(self) -> None:
        """Opens the vault."""
        async with self.device.connect("vault") as channel:
            keys = KeyServiceStub(channel)
            boot = (await keys.GetBootKey(vault.GetBootKeyRequest())).public_key
            sealed = seal_text(Purpose.PASSPHRASE, self.passphrase, boot)
            await keys.Unlock(vault.UnlockRequest(passphrase=sealed))

    async def put(self, path: str, source: bytes | Path) -> vault.WrittenFile:
        """Stores bytes, or a file, under a path."""
        async with self.device.connect("vault") as channel:
            return await put(StoreServiceStub(channel), path, source)

    async def get(self, path: str) -> bytes:
        """Reads a whole file."""
        async with self.device.connect("vault") as channel:
            return await get(StoreServiceStub(channel), path)

    async def list(self, path: str = "/") -> AsyncIterator[file_pb2.Entry]:
        """Every entry below a directory."""
        async with self.device.connect("metadata") as channel:
            files, token = FileServiceStub(channel), ""
            while True:
                page = await files.List(
                    file_pb2.ListRequest(path=path, recursive=True, page_size=5000, page_token=token)
                )
                for entry in page.entries:
                    yield entry
                if not (token := page.next_page_token):
                    return

    async def health(self) -> vault.GetStoreHealthResponse:
        """What everything survives."""
        async with self.device.connect("vault") as channel:
            return await StoreServiceStub(channel).GetStoreHealth(vault.GetStoreHealthRequest())

    async def repair(self, seconds: float = 600.0) -> None:
        """Works the repair queue off, now."""
        async with self.device.connect("vault") as channel:
            started = await StoreServiceStub(channel).Repair(vault.RepairRequest(now=True))
        await self.finished(started.operation_id, seconds)

    async def backed_up(self, seconds: float = 60.0) -> None:
        """Returns when the cloud has acknowledged everything that was committed."""
        async with asyncio.timeout(seconds), self.device.connect("metadata") as channel:
            async for change in BackupServiceStub(channel).WatchBackup(backup_pb2.WatchBackupRequest()):
                if change.status.enabled and not change.status.pending:
                    return

    async def check(self, percent: int = 0, seconds: float = 600.0) -> None:
        """Asks the keepers for every fragment."""
        async with self.device.connect("vault") as channel:
            started = await StoreServiceStub(channel).Check(vault.CheckRequest(read_percent=percent))
        await self.finished(started.operation_id, seconds)

    async def recover(self, seconds: float = 600.0) -> None:
        """Brings the owner back on a blank device, from the words alone."""
        async with self.device.connect("vault") as channel:
            keys = KeyServiceStub(channel)
            boot = (await keys.GetBootKey(vault.GetBootKeyRequest())).public_key
            started = await keys.Recover(
                vault.RecoverRequest(
                    words=seal_text(Purpose.WORDS, self.words, boot),
                    passphrase=seal_text(Purpose.PASSPHRASE, self.passphrase, boot),
                )
            )
        await self.finished(started.operation_id, seconds)

    async def finished(self, operation_id: str, seconds: float) -> memory_pb2.Operation:
        """Watches long work to its end. Raises OperationFailedError when it ends badly."""
        async with asyncio.timeout(seconds), self.device.connect("metadata") as channel:
            watch = OperationServiceStub(channel).WatchOperations(
                memory_pb2.WatchOperationsRequest(operation_id=operation_id)
            )
            async for change in watch:
                operation = change.operation
                if operation.state == memory_pb2.OPERATION_STATE_SUCCEEDED:
                    return operation
                if operation.state != memory_pb2.OPERATION_STATE_RUNNING:
                    raise OperationFailedError(f"{operation.kind}: {operation.error_message}")
        raise OperationFailedError(f"{operation_id}: the watch ended before the work")


def pieces(source: bytes | Path) -> Iterable[bytes]:
    """A file or bytes, in pieces of a mebibyte."""
    if isinstance(source, bytes):
        yield from (source[at : at + _PIECE] for at in range(0, len(source), _PIECE))
        return
    with source.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


async def put(
    store: StoreServiceStub, path: str, source: bytes | Path, *, modified: int = 0
) -> vault.WrittenFile:
    """Streams a file in; returns its new version."""
    call = store.Write()
    await call.write(vault.WriteRequest(open=vault.WriteOpen(path=path, modified=modified)))
    size = 0
    for piece in pieces(source):
        await call.write(vault.WriteRequest(data=piece))
        size += len(piece)
    await call.write(vault.WriteRequest(finish=vault.WriteFinish(size=size)))
    await call.done_writing()
    async for answer in call:
        if answer.HasField("written"):
            return answer.written
    raise OperationFailedError(f"{path}: the vault ended without a word")


async def get(store: StoreServiceStub, path: str) -> bytes:
    """Reads a whole file."""
    return b"".join([part.data async for part in store.Read(vault.ReadRequest(path=path))])
