"""ObjectService: the vault's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from piccolo.metadata.v1 import object_pb2 as pb
from piccolo.metadata.v1 import object_pb2_grpc, repair_pb2, tombstone_pb2, upload_pb2

from piccolo_metadata.core.objects import Exposed
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import (
    exposed,
    numbers,
    objects,
    packs,
    publishing,
    repairs,
    tombstones,
    uploads,
)
from piccolo_metadata.ports import Memory, Rows
from piccolo_metadata.service import convert
from piccolo_metadata.service.file import entry_of
from piccolo_metadata.service.wire import Listing, optional, whole

_PAGE: Final = 1_000


class ObjectServicer(object_pb2_grpc.ObjectServiceServicer):
    """Serves manifests and what keeps them true."""

    def __init__(self, memory: Memory, *, backed_up: bool = True) -> None:
        self._memory = memory
        self._waits = packs.waits_for_backup if backed_up else _for_nothing

    async def Reserve(self, request: pb.ReserveRequest, context: Any) -> pb.ReserveResponse:
        """Draws mutation numbers."""
        first, generation = await self._memory.write(numbers.reserve, request.count)
        return pb.ReserveResponse(first=first, generation=generation)

    async def BeginUpload(
        self, request: upload_pb2.BeginUploadRequest, context: Any
    ) -> upload_pb2.BeginUploadResponse:
        """Journals an upload."""
        self._memory.check_room()
        await self._memory.write(uploads.begin, convert.upload_from(request.upload))
        return upload_pb2.BeginUploadResponse()

    async def Checkpoint(
        self, request: upload_pb2.CheckpointRequest, context: Any
    ) -> upload_pb2.CheckpointResponse:
        """Records durable segments."""
        self._memory.check_room()
        durable = await self._memory.write(
            uploads.checkpoint, request.upload_id, whole(request.first_segment), request.leaves
        )
        return upload_pb2.CheckpointResponse(durable_segments=durable)

    async def GetUpload(
        self, request: upload_pb2.GetUploadRequest, context: Any
    ) -> upload_pb2.GetUploadResponse:
        """Returns an upload."""
        upload = await self._memory.read(uploads.get, request.upload_id)
        return upload_pb2.GetUploadResponse(upload=convert.upload_to(upload))

    async def ReadLeaves(
        self, request: upload_pb2.ReadLeavesRequest, context: Any
    ) -> AsyncIterator[upload_pb2.ReadLeavesResponse]:
        """Streams an upload's leaves."""
        first: int | None = 0
        while first is not None:
            pieces, first = await self._memory.read(uploads.leaves_after, request.upload_id, first)
            for leaves in pieces:
                yield upload_pb2.ReadLeavesResponse(leaves=leaves)

    async def ListUploads(
        self, request: upload_pb2.ListUploadsRequest, context: Any
    ) -> upload_pb2.ListUploadsResponse:
        """Returns all uploads."""
        found = await self._memory.read(uploads.listing)
        return upload_pb2.ListUploadsResponse(uploads=map(convert.upload_to, found))

    async def ForgetUpload(
        self, request: upload_pb2.ForgetUploadRequest, context: Any
    ) -> upload_pb2.ForgetUploadResponse:
        """Ends an upload."""
        await self._memory.write(uploads.forget, request.upload_id)
        return upload_pb2.ForgetUploadResponse()

    async def Prepare(self, request: pb.PrepareRequest, context: Any) -> pb.PrepareResponse:
        """Journals an intent."""
        self._memory.check_room()
        refused = await self._memory.write(publishing.prepare, convert.intent_from(request.intent))
        return pb.PrepareResponse(refused=map(convert.refusal_to, refused))

    async def Publish(self, request: pb.PublishRequest, context: Any) -> pb.PublishResponse:
        """Makes an intent's files visible."""
        missing = convert.missing_from(request)
        outcomes = await self._memory.write(publishing.publish, request.object_id, missing)
        return pb.PublishResponse(published=map(convert.published_to, outcomes))

    async def ListIntents(self, request: pb.ListIntentsRequest, context: Any) -> pb.ListIntentsResponse:
        """Returns open intents."""
        found = await self._memory.read(publishing.listing)
        return pb.ListIntentsResponse(intents=map(convert.intent_to, found))

    async def Abandon(self, request: pb.AbandonRequest, context: Any) -> pb.AbandonResponse:
        """Drops an intent."""
        await self._memory.write(publishing.abandon, request.object_id)
        return pb.AbandonResponse()

    async def GetManifest(self, request: pb.GetManifestRequest, context: Any) -> pb.GetManifestResponse:
        """Finds what is needed to read a file."""
        path = Path.parse(request.path)
        manifest = await self._memory.read(objects.manifest, path, request.version_id)
        return pb.GetManifestResponse(
            entry=entry_of(manifest.entry),
            content=convert.content_to(manifest.content),
            object=convert.object_to(manifest.object),
        )

    async def GetObject(self, request: pb.GetObjectRequest, context: Any) -> pb.GetObjectResponse:
        """Returns an object."""
        stored = await self._memory.read(objects.get, request.object_id)
        return pb.GetObjectResponse(object=convert.object_to(stored))

    async def ListObjects(self, request: pb.ListObjectsRequest, context: Any) -> pb.ListObjectsResponse:
        """Returns a page of objects."""
        listing = Listing("objects", request.under, request.keeper)
        after, most = listing.after(request.page_token, b""), request.page_size or _PAGE
        if request.under:
            under = Path.parse(request.under)
            page = await self._memory.read(objects.listing_under, under, request.keeper, after, most)
        else:
            page = await self._memory.read(objects.listing, request.keeper, after, most)
        last = page.items[-1].object_id if page.items else b""
        return pb.ListObjectsResponse(
            objects=map(convert.object_to, page.items), next_page_token=listing.next(page.more, last)
        )

    async def ListPacks(self, request: pb.ListPacksRequest, context: Any) -> pb.ListPacksResponse:
        """Returns a page of packs."""
        listing = Listing("packs")
        after, most = listing.after(request.page_token, b""), request.page_size or _PAGE
        page = await self._memory.read(packs.listing, after, most)
        last = page.items[-1].object_id if page.items else b""
        return pb.ListPacksResponse(
            packs=[
                pb.PackUse(object_id=one.object_id, size=one.size, files=one.files, bytes=one.bytes)
                for one in page.items
            ],
            next_page_token=listing.next(page.more, last),
        )

    async def ListExposed(self, request: pb.ListExposedRequest, context: Any) -> pb.ListExposedResponse:
        """Returns a page of what is to be sealed anew, and how much there is of it."""
        listing = Listing("exposed")
        after, most = listing.after(request.page_token, b""), request.page_size or _PAGE
        page = await self._memory.read(exposed.listing, after, most)
        left = Exposed(0, 0, 0) if request.page_token else await self._memory.read(exposed.left)
        last = page.items[-1].object_id if page.items else b""
        return pb.ListExposedResponse(
            objects=map(convert.object_to, page.items),
            next_page_token=listing.next(page.more, last),
            left=pb.Exposed(objects=left.objects, versions=left.versions, bytes=left.bytes),
        )

    async def LocateVersions(
        self, request: pb.LocateVersionsRequest, context: Any
    ) -> pb.LocateVersionsResponse:
        """Says where versions lie."""
        found = await self._memory.read(packs.locate, list(request.version_ids))
        return pb.LocateVersionsResponse(object_ids=found)

    async def ListObjectFiles(
        self, request: pb.ListObjectFilesRequest, context: Any
    ) -> pb.ListObjectFilesResponse:
        """Returns the file versions in an object."""
        found = await self._memory.read(objects.files_of, request.object_id, kept=request.kept)
        return pb.ListObjectFilesResponse(files=map(convert.file_to, found))

    async def UpdateLayout(self, request: pb.UpdateLayoutRequest, context: Any) -> pb.UpdateLayoutResponse:
        """Replaces a layout."""
        stored = convert.object_from(request.object)
        await self._memory.write(
            objects.update, stored, request.expected_layout, request.tombstone, list(request.keepers)
        )
        return pb.UpdateLayoutResponse()

    async def EnqueueRepairs(
        self, request: repair_pb2.EnqueueRepairsRequest, context: Any
    ) -> repair_pb2.EnqueueRepairsResponse:
        """Queues repairs."""
        await self._memory.write(repairs.enqueue, [convert.repair_from(one) for one in request.repairs])
        return repair_pb2.EnqueueRepairsResponse()

    async def ListRepairs(
        self, request: repair_pb2.ListRepairsRequest, context: Any
    ) -> repair_pb2.ListRepairsResponse:
        """Returns the most urgent repairs."""
        queue = await self._memory.read(repairs.listing, request.page_size or _PAGE, due=request.due)
        return repair_pb2.ListRepairsResponse(
            repairs=map(convert.repair_to, queue.repairs), total=queue.total
        )

    async def FinishRepair(
        self, request: repair_pb2.FinishRepairRequest, context: Any
    ) -> repair_pb2.FinishRepairResponse:
        """Ends or postpones a repair."""
        await self._memory.write(repairs.finish, request.object_id, optional(request, "retry_at"))
        return repair_pb2.FinishRepairResponse()

    async def ListReclaimable(
        self, request: pb.ListReclaimableRequest, context: Any
    ) -> pb.ListReclaimableResponse:
        """Returns objects that nobody needs."""
        page = await self._memory.read(objects.reclaimable, request.page_size or _PAGE, self._waits)
        return pb.ListReclaimableResponse(objects=map(convert.object_to, page.items))

    async def RecordTombstone(
        self, request: tombstone_pb2.RecordTombstoneRequest, context: Any
    ) -> tombstone_pb2.RecordTombstoneResponse:
        """Forgets objects and queues their tombstone."""
        number = await self._memory.write(
            tombstones.record, request.tombstone, list(request.object_ids), list(request.keepers)
        )
        return tombstone_pb2.RecordTombstoneResponse(tombstone_id=number)

    async def ListTombstones(
        self, request: tombstone_pb2.ListTombstonesRequest, context: Any
    ) -> tombstone_pb2.ListTombstonesResponse:
        """Returns what keepers have to be told."""
        listing = Listing("tombstones", request.keeper)
        after = listing.after(request.page_token, b"")
        number, last = int.from_bytes(after[:8]), after[8:]
        page = await self._memory.read(tombstones.pending, request.keeper, number, last)
        told = [
            tombstone_pb2.PendingTombstone(
                tombstone_id=one.tombstone_id, keeper=one.keeper, tombstone=one.tombstone
            )
            for one in page.items
        ]
        at = told[-1].tombstone_id.to_bytes(8) + told[-1].keeper if told else b""
        return tombstone_pb2.ListTombstonesResponse(pending=told, next_page_token=listing.next(page.more, at))

    async def AcknowledgeTombstone(
        self, request: tombstone_pb2.AcknowledgeTombstoneRequest, context: Any
    ) -> tombstone_pb2.AcknowledgeTombstoneResponse:
        """Ends the queueing for one keeper."""
        await self._memory.write(tombstones.acknowledge, whole(request.tombstone_id), request.keeper)
        return tombstone_pb2.AcknowledgeTombstoneResponse()


def _for_nothing(rows: Rows, object_id: bytes) -> bool:
    return False
