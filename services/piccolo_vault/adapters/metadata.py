"""The vault's memory of files, in the metadata service: the port's frozen types over its stubs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo.metadata.v1 import (
    file_pb2,
    file_pb2_grpc,
    memory_pb2,
    memory_pb2_grpc,
    object_pb2,
    object_pb2_grpc,
    repair_pb2,
    tombstone_pb2,
    upload_pb2,
)
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.adapters import metadata_types as types
from piccolo_vault.core.storage.resealing import Left
from piccolo_vault.ports.objects import PackUse, PendingTombstone, Repair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from piccolo_chassis.calls import Channel

    from piccolo_vault.ports.objects import (
        Burying,
        Intent,
        Manifest,
        NewFile,
        Progress,
        Published,
        Refusal,
        StoredObject,
        Upload,
    )

_NAMESPACE = "vault.store"
_EXPOSED = 20  # after a page is told how far it is
_OPERATIONS = 1000


class MetadataObjects:
    """`ports.objects.Objects` over a channel to the metadata service."""

    def __init__(self, channel: Channel) -> None:
        self._objects = object_pb2_grpc.ObjectServiceStub(channel)
        self._files = file_pb2_grpc.FileServiceStub(channel)
        self._state = memory_pb2_grpc.StateServiceStub(channel)
        self._settings = memory_pb2_grpc.SettingsServiceStub(channel)

    async def reserve(self, count: int) -> tuple[int, int]:
        """Draws mutation numbers."""
        answer = await self._objects.Reserve(object_pb2.ReserveRequest(count=count))
        return answer.first, answer.generation

    async def begin_upload(self, upload: Upload) -> None:
        """Journals an upload."""
        await self._objects.BeginUpload(upload_pb2.BeginUploadRequest(upload=types.upload_to(upload)))

    async def checkpoint(self, upload_id: str, first_segment: int, leaves: bytes) -> int:
        """Records durable segments."""
        request = upload_pb2.CheckpointRequest(
            upload_id=upload_id, first_segment=first_segment, leaves=leaves
        )
        return (await self._objects.Checkpoint(request)).durable_segments

    async def get_upload(self, upload_id: str) -> Upload:
        """Returns an upload."""
        answer = await self._objects.GetUpload(upload_pb2.GetUploadRequest(upload_id=upload_id))
        return types.upload_from(answer.upload)

    async def read_leaves(self, upload_id: str) -> AsyncIterator[bytes]:
        """Yields recorded leaves."""
        async for each in self._objects.ReadLeaves(upload_pb2.ReadLeavesRequest(upload_id=upload_id)):
            yield each.leaves

    async def list_uploads(self) -> list[Upload]:
        """Returns all uploads."""
        answer = await self._objects.ListUploads(upload_pb2.ListUploadsRequest())
        return [types.upload_from(each) for each in answer.uploads]

    async def forget_upload(self, upload_id: str) -> None:
        """Forgets an upload."""
        await self._objects.ForgetUpload(upload_pb2.ForgetUploadRequest(upload_id=upload_id))

    async def prepare(self, intent: Intent) -> list[Refusal]:
        """Journals an intent."""
        answer = await self._objects.Prepare(object_pb2.PrepareRequest(intent=types.intent_to(intent)))
        return [types.refusal_from(each) for each in answer.refused]

    async def publish(self, object_id: bytes, missing: Sequence[int]) -> list[Published]:
        """Makes an intent's files visible."""
        request = object_pb2.PublishRequest(object_id=object_id, missing=missing)
        return [types.published_from(each) for each in (await self._objects.Publish(request)).published]

    async def list_intents(self) -> list[Intent]:
        """Returns open intents."""
        answer = await self._objects.ListIntents(object_pb2.ListIntentsRequest())
        return [types.intent_from(each) for each in answer.intents]

    async def abandon(self, object_id: bytes) -> None:
        """Drops an intent; one that is not there any more is as good as dropped."""
        try:
            await self._objects.Abandon(object_pb2.AbandonRequest(object_id=object_id))
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise

    async def get_manifest(self, path: str, version_id: bytes) -> Manifest:
        """Returns a manifest."""
        request = object_pb2.GetManifestRequest(path=path, version_id=version_id)
        return types.manifest_from(await self._objects.GetManifest(request))

    async def get_object(self, object_id: bytes) -> StoredObject:
        """Returns an object."""
        answer = await self._objects.GetObject(object_pb2.GetObjectRequest(object_id=object_id))
        return types.object_from(answer.object)

    async def list_objects(
        self, *, under: str = "", keeper: bytes = b"", page_token: str = "", page_size: int = 1000
    ) -> tuple[list[StoredObject], str]:
        """Returns a page of objects."""
        request = object_pb2.ListObjectsRequest(
            under=under, keeper=keeper, page_size=page_size, page_token=page_token
        )
        answer = await self._objects.ListObjects(request)
        return [types.object_from(each) for each in answer.objects], answer.next_page_token

    async def list_packs(self, page_token: str = "") -> tuple[list[PackUse], str]:
        """Returns a page of packs."""
        answer = await self._objects.ListPacks(object_pb2.ListPacksRequest(page_token=page_token))
        found = [PackUse(each.object_id, each.size, each.files, each.bytes) for each in answer.packs]
        return found, answer.next_page_token

    async def list_exposed(self, page_token: str = "") -> tuple[list[StoredObject], str, Left]:
        """Returns a page of exposed objects, and how much there is."""
        answer = await self._objects.ListExposed(
            object_pb2.ListExposedRequest(page_size=_EXPOSED, page_token=page_token)
        )
        left = Left(answer.left.objects, answer.left.versions, answer.left.bytes)
        return [types.object_from(each) for each in answer.objects], answer.next_page_token, left

    async def locate(self, version_ids: Sequence[bytes]) -> list[bytes]:
        """Says where versions lie."""
        request = object_pb2.LocateVersionsRequest(version_ids=version_ids)
        return list((await self._objects.LocateVersions(request)).object_ids)

    async def list_object_files(self, object_id: bytes, *, kept: bool = False) -> list[NewFile]:
        """Returns the files in an object."""
        request = object_pb2.ListObjectFilesRequest(object_id=object_id, kept=kept)
        answer = await self._objects.ListObjectFiles(request)
        return [types.file_from(each) for each in answer.files]

    async def update_layout(
        self, stored: StoredObject, expected_layout: bytes, burying: Burying | None = None
    ) -> None:
        """Replaces a layout."""
        request = object_pb2.UpdateLayoutRequest(
            object=types.object_to(stored), expected_layout=expected_layout
        )
        if burying is not None:
            request.tombstone = burying.tombstone
            request.keepers.extend(burying.keepers)
        await self._objects.UpdateLayout(request)

    async def enqueue_repairs(self, repairs: Sequence[Repair]) -> None:
        """Queues repairs."""
        wire = [
            repair_pb2.Repair(
                object_id=each.object_id,
                margin=each.margin,
                cause=each.cause,
                not_before=each.not_before,
                tries=each.tries,
            )
            for each in repairs
        ]
        await self._objects.EnqueueRepairs(repair_pb2.EnqueueRepairsRequest(repairs=wire))

    async def list_repairs(self, *, due: bool, page_size: int = 100) -> tuple[list[Repair], int]:
        """Returns the queue."""
        answer = await self._objects.ListRepairs(repair_pb2.ListRepairsRequest(page_size=page_size, due=due))
        found = [
            Repair(each.object_id, each.margin, each.cause, each.not_before, each.tries)
            for each in answer.repairs
        ]
        return found, answer.total

    async def finish_repair(self, object_id: bytes, retry_at: int | None = None) -> None:
        """Ends or postpones a repair; one that is not queued any more is as good as ended."""
        try:
            request = repair_pb2.FinishRepairRequest(object_id=object_id, retry_at=retry_at)
            await self._objects.FinishRepair(request)
        except PiccoloError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise

    async def list_reclaimable(self, page_size: int = 1000) -> list[StoredObject]:
        """Returns objects that nothing needs."""
        answer = await self._objects.ListReclaimable(object_pb2.ListReclaimableRequest(page_size=page_size))
        return [types.object_from(each) for each in answer.objects]

    async def record_tombstone(
        self, tombstone: bytes, object_ids: Sequence[bytes], keepers: Sequence[bytes]
    ) -> int:
        """Queues a tombstone."""
        request = tombstone_pb2.RecordTombstoneRequest(
            tombstone=tombstone, object_ids=object_ids, keepers=keepers
        )
        return (await self._objects.RecordTombstone(request)).tombstone_id

    async def list_tombstones(
        self, keeper: bytes = b"", page_token: str = ""
    ) -> tuple[list[PendingTombstone], str]:
        """Returns what is not acknowledged, and the next page's token."""
        request = tombstone_pb2.ListTombstonesRequest(keeper=keeper, page_token=page_token)
        answer = await self._objects.ListTombstones(request)
        told = [PendingTombstone(each.tombstone_id, each.keeper, each.tombstone) for each in answer.pending]
        return told, answer.next_page_token

    async def acknowledge_tombstone(self, tombstone_id: int, keeper: bytes) -> None:
        """Ends the queueing for one keeper."""
        request = tombstone_pb2.AcknowledgeTombstoneRequest(tombstone_id=tombstone_id, keeper=keeper)
        await self._objects.AcknowledgeTombstone(request)

    async def remove(self, path: str, *, recursive: bool, expected_revision: int | None) -> int:
        """Removes a name for good."""
        request = file_pb2.RemoveRequest(
            path=path, recursive=recursive, expected_revision=expected_revision, purge=True
        )
        return (await self._files.Remove(request)).files

    async def end_removed(self, trash_id: int) -> tuple[int, str]:
        """Ends an entry of the trash for good."""
        told = await self._files.PurgeRemoved(file_pb2.PurgeRemovedRequest(trash_id=trash_id))
        return told.files, told.path

    async def redundancy(self) -> tuple[int, int]:
        """Returns the owner's k and m."""
        answer = await self._settings.GetSettings(memory_pb2.GetSettingsRequest())
        return types.redundancy_from(answer)

    async def get_state(self, key: str) -> bytes | None:
        """Returns a value, None when there is none."""
        try:
            answer = await self._state.GetState(memory_pb2.GetStateRequest(namespace=_NAMESPACE, key=key))
        except PiccoloError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise
        return answer.value.value

    async def put_state(self, key: str, value: bytes | None) -> None:
        """Writes a value; None removes it."""
        values = [] if value is None else [memory_pb2.StateValue(key=key, value=value)]
        remove = [key] if value is None else []
        await self._state.PutState(
            memory_pb2.PutStateRequest(namespace=_NAMESPACE, values=values, remove=remove)
        )


class MetadataOperations:
    """`ports.objects.Operations` over a channel to the metadata service."""

    def __init__(self, channel: Channel) -> None:
        self._stub = memory_pb2_grpc.OperationServiceStub(channel)

    async def start(self, kind: str, subject: str, unit: str) -> str:
        """Records new work."""
        request = memory_pb2.StartOperationRequest(kind=kind, subject=subject, unit=unit)
        return (await self._stub.StartOperation(request)).operation.operation_id

    async def running(self, kinds: Collection[str]) -> list[str]:
        """Lists what has not ended."""
        found: list[str] = []
        request = memory_pb2.ListOperationsRequest(running=True, page_size=_OPERATIONS)
        while True:
            answer = await self._stub.ListOperations(request)
            found += [str(each.operation_id) for each in answer.operations if each.kind in kinds]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    async def advance(self, operation_id: str, progress: Progress) -> bool:
        """Records progress or the end."""
        operation = types.operation_to(operation_id, progress)
        request = memory_pb2.AdvanceOperationRequest(operation=operation)
        return (await self._stub.AdvanceOperation(request)).cancel_requested
