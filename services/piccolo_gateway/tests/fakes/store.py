"""The vault's store in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from piccolo.vault.v1 import store_pb2 as pb
from piccolo.vault.v1 import store_pb2_grpc as wire
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.tests.fakes.keys import FakeKeys
from piccolo_gateway.tests.fakes.memory import FakeOperations
from piccolo_gateway.tests.fakes.tree import KEPT, Content, Tree, norm

Context = Any
_HEALTH: Final = pb.Health(
    k=2, m=4, placed=4, devices=4, survives=2, words="survives the loss of any 2 of 4 devices"
)


@dataclass(slots=True)
class Upload:
    """What came of a file; `data` is given up beyond KEPT bytes."""

    start: pb.WriteOpen
    size: int = 0
    streams: int = 0
    data: bytearray | None = field(default_factory=bytearray)
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, piece: bytes) -> None:
        """Further bytes."""
        self.size += len(piece)
        self.digest.update(piece)
        if self.data is not None:
            self.data += piece
            if len(self.data) > KEPT:
                self.data = None


class FakeStore(wire.StoreServiceServicer):
    """The way of a file.

    Attributes:
        parked: streams that were ended in order, but without a finish.
        flow: while it is clear, no data is taken: a slow circle.
        naming: while it is clear, no file that is whole gets its name; `finishing` tells that one waits.
        uploads: named uploads that are open.
        digests: SHA-256 of each file that was stored, by path.
        failure: what the next data meets.
        short: bytes that are missing at the end of what is read.
        fail_reading: after how many bytes a read fails.
        members: what it knows of the others.
    """

    def __init__(self, tree: Tree, keys: FakeKeys, operations: FakeOperations) -> None:
        self._tree, self._keys, self._operations = tree, keys, operations
        self.members: list[pb.MemberFigures] = []
        self.flow = asyncio.Event()
        self.flow.set()
        self.naming = asyncio.Event()
        self.naming.set()
        self.finishing = False
        self.uploads: dict[str, Upload] = {}
        self.digests: dict[str, str] = {}
        self.failure: PiccoloError | None = None
        self.fail_reading: int | None = None
        self.short = 0
        self.free: int | None = None
        self.writing = 0
        self.ended = asyncio.Event()
        self.moved = asyncio.Event()
        self.taken = 0
        self.parked = 0
        self.reading = 0

    async def Write(
        self, requests: AsyncIterator[pb.WriteRequest], context: Context
    ) -> AsyncIterator[pb.WriteResponse]:
        self._keys.require_unlocked()
        first = await anext(requests)
        upload = self._open(first.open)
        self.writing += 1
        upload.streams += 1
        mine = upload.streams
        self._tell()
        try:
            if upload.start.upload_id:
                yield pb.WriteResponse(durable_bytes=upload.size)
            async for request in requests:
                if upload.streams != mine:
                    raise PiccoloError(
                        Kind.CANCELLED, "SUPERSEDED", "Another stream went on with this upload."
                    )
                if request.HasField("finish"):
                    await self._named()
                    yield self._finish(upload, request.finish.size)
                    return
                await self._take(upload, request.data)
                yield pb.WriteResponse(durable_bytes=upload.size)
            self.parked += 1
        finally:
            self.writing -= 1
            self.ended.set()
            self._tell()

    def _open(self, start: pb.WriteOpen) -> Upload:
        norm(start.path)
        expected = start.expected_revision if start.HasField("expected_revision") else None
        self._tree.check(start.path, expected)
        if self.free is not None and start.size > self.free:
            raise PiccoloError(Kind.FULL, "NO_ROOM", "The circle has no room for it.")
        if not start.upload_id:
            return Upload(start)
        return self.uploads.setdefault(start.upload_id, Upload(start))

    async def _take(self, upload: Upload, data: bytes) -> None:
        await self.flow.wait()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        upload.take(data)
        self.taken += len(data)
        self._tell()

    async def _named(self) -> None:
        self.finishing = True
        self._tell()
        await self.naming.wait()

    async def seen(self, what: Callable[[], bool], seconds: float = 10.0) -> None:
        """Returns when something is so; looked at whenever data moves."""
        async with asyncio.timeout(seconds):
            while not what():
                await self.moved.wait()

    def _tell(self) -> None:
        """Wakes who waits for something to happen."""
        self.moved.set()
        self.moved = asyncio.Event()

    def _finish(self, upload: Upload, size: int) -> pb.WriteResponse:
        if upload.size != size:
            raise PiccoloError(Kind.INVALID, "SIZE_MISMATCH", "Other bytes arrived than were announced.")
        start = upload.start
        unit = b"" if upload.data is None else bytes(upload.data)
        content = self._tree.content(unit, size, start.modified, start.media)
        expected = start.expected_revision if start.HasField("expected_revision") else None
        created = norm(start.path) not in self._tree.nodes
        node = self._tree.put(start.path, content, expected)
        self.uploads.pop(start.upload_id, None)
        self.digests[norm(start.path)] = upload.digest.hexdigest()
        written = pb.WrittenFile(
            path=norm(start.path),
            revision=node.revision,
            version_id=content.version_id,
            size=size,
            health=_HEALTH,
            created=created,
        )
        return pb.WriteResponse(durable_bytes=size, written=written)

    async def Read(self, request: pb.ReadRequest, context: Context) -> AsyncIterator[pb.ReadResponse]:
        self._keys.require_unlocked()
        node = self._tree.find_file(request.path)
        chosen = [one for one in node.versions if request.version_id in {b"", one.version_id}]
        if not chosen:
            raise PiccoloError(Kind.NOT_FOUND, "VERSION_NOT_FOUND", "There is no such version.")
        content = chosen[-1]
        if request.offset > content.size:
            raise PiccoloError(Kind.OUT_OF_RANGE, "RANGE", "Beyond the end.")
        left = content.size - request.offset
        length = min(left, request.length) if request.HasField("length") else left
        head = pb.ReadHead(
            size=content.size,
            version_id=content.version_id,
            offset=request.offset,
            length=length,
            media=content.media,
            modified=content.modified,
            revision=node.revision,
        )
        self.reading += 1
        try:
            yield pb.ReadResponse(head=head)
            async for part in self._parts(content, request.offset, length):
                yield part
        finally:
            self.reading -= 1
            self._tell()

    async def _parts(self, content: Content, offset: int, length: int) -> AsyncIterator[pb.ReadResponse]:
        sent = 0
        for piece in content.read(offset, length - self.short):
            if self.fail_reading is not None and sent >= self.fail_reading:
                raise PiccoloError(Kind.DATA_LOSS, "UNREADABLE", "Too few fragments are left.")
            yield pb.ReadResponse(data=piece)
            sent += len(piece)

    async def GetUpload(self, request: pb.GetUploadRequest, context: Context) -> pb.GetUploadResponse:
        upload = self.uploads.get(request.upload_id)
        if upload is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_UPLOAD", "There is no such upload.")
        return pb.GetUploadResponse(offset=upload.size, size=upload.start.size, path=upload.start.path)

    async def AbandonUpload(
        self, request: pb.AbandonUploadRequest, context: Context
    ) -> pb.AbandonUploadResponse:
        if self.uploads.pop(request.upload_id, None) is None:
            raise PiccoloError(Kind.NOT_FOUND, "NO_UPLOAD", "There is no such upload.")
        return pb.AbandonUploadResponse()

    async def GetHealth(self, request: pb.GetHealthRequest, context: Context) -> pb.GetHealthResponse:
        self._tree.find_file(request.path)
        place = pb.FragmentPlace(index=0, keeper=b"k" * 32, keeper_name="Ana", state="placed")
        return pb.GetHealthResponse(health=_HEALTH, fragments=[place])

    async def GetStoreHealth(
        self, request: pb.GetStoreHealthRequest, context: Context
    ) -> pb.GetStoreHealthResponse:
        words = "Every file survives the loss of any 2 devices."
        return pb.GetStoreHealthResponse(objects=len(self._tree.nodes) - 1, survives=2, words=words)

    async def GetMembers(self, request: pb.GetMembersRequest, context: Context) -> pb.GetMembersResponse:
        return pb.GetMembersResponse(members=self.members)

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        return pb.CheckResponse(operation_id=await self._operations.start("check", request.path))

    async def Repair(self, request: pb.RepairRequest, context: Context) -> pb.RepairResponse:
        return pb.RepairResponse(operation_id=await self._operations.start("repair"))

    async def Delete(self, request: pb.DeleteRequest, context: Context) -> pb.DeleteResponse:
        self._keys.require_unlocked()
        expected = request.expected_revision if request.HasField("expected_revision") else None
        taken = self._tree.take(request.path, recursive=request.recursive, expected=expected)
        files = sum(node.is_file for node in taken.values())
        return pb.DeleteResponse(files=files, objects=files)

    async def DeleteRemoved(
        self, request: pb.DeleteRemovedRequest, context: Context
    ) -> pb.DeleteRemovedResponse:
        self._keys.require_unlocked()
        if request.trash_id not in self._tree.trash:
            raise PiccoloError(Kind.NOT_FOUND, "TRASH_NOT_FOUND", "Nothing in the trash has this number.")
        removed = self._tree.trash.pop(request.trash_id)
        files = sum(node.is_file for node in removed.nodes.values())
        return pb.DeleteRemovedResponse(files=files, objects=files, path=removed.path)
