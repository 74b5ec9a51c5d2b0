"""FileService: the owner's names."""

from __future__ import annotations

from typing import Any, Final

from piccolo.metadata.v1 import file_pb2 as pb
from piccolo.metadata.v1 import file_pb2_grpc

from piccolo_metadata.core.entries import Entry, Property, Removed, Version
from piccolo_metadata.core.paths import Path
from piccolo_metadata.engine import copying, files, history, properties, search, trash
from piccolo_metadata.ports import Memory
from piccolo_metadata.service.wire import Listing, optional, path_or_root, whole

_PAGE: Final = 1_000
_SEARCH_PAGE: Final = 100
_VERSIONS_PAGE: Final = 10_000


class FileServicer(file_pb2_grpc.FileServiceServicer):
    """Serves the tree of names."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def Stat(self, request: pb.StatRequest, context: Any) -> pb.StatResponse:
        """Returns one entry."""
        path = Path.parse(request.path)
        entry = await self._memory.read(files.stat, path, noted=request.properties)
        return pb.StatResponse(entry=entry_of(entry))

    async def Locate(self, request: pb.LocateRequest, context: Any) -> pb.LocateResponse:
        """Returns the entry of an id."""
        found = await self._memory.read(files.locate, whole(request.entry_id))
        return pb.LocateResponse(entry=entry_of(found))

    async def List(self, request: pb.ListRequest, context: Any) -> pb.ListResponse:
        """Returns a page of a directory, or of all below it."""
        path, most, noted = Path.parse(request.path), request.page_size or _PAGE, request.properties
        listing = Listing("list", str(path), int(request.recursive))
        after = listing.names(request.page_token)
        if request.recursive:
            page = await self._memory.read(files.listing_below, path, after, most, noted=noted)
        else:
            first = after[0] if after else ""
            page = await self._memory.read(files.listing, path, first, most, noted=noted)
        last = page.items[-1].path.parts[len(path.parts) :] if page.items else ()
        return pb.ListResponse(
            entries=map(entry_of, page.items), next_page_token=listing.next(page.more, *last)
        )

    async def Search(self, request: pb.SearchRequest, context: Any) -> pb.SearchResponse:
        """Returns a page of the entries that a name leads to."""
        under, most = path_or_root(request.under), request.page_size or _SEARCH_PAGE
        listing = Listing("search", request.query, str(under))
        names = listing.names(request.page_token)
        after = Path(names) if names else None
        page = await self._memory.read(search.search, request.query, under, after, most)
        last = page.items[-1].path.parts if page.items else ()
        return pb.SearchResponse(
            entries=map(entry_of, page.items), next_page_token=listing.next(page.more, *last)
        )

    async def MakeDirectory(self, request: pb.MakeDirectoryRequest, context: Any) -> pb.MakeDirectoryResponse:
        """Makes a directory."""
        path = Path.parse(request.path)
        self._memory.check_room()
        entry = await self._memory.write(files.make_directory, path, exclusive=request.exclusive)
        return pb.MakeDirectoryResponse(entry=entry_of(entry))

    async def Move(self, request: pb.MoveRequest, context: Any) -> pb.MoveResponse:
        """Renames an entry."""
        entry = await self._memory.write(
            files.move,
            Path.parse(request.source),
            Path.parse(request.destination),
            overwrite=request.overwrite,
            expected=optional(request, "expected_revision"),
            replace=request.replace,
        )
        return pb.MoveResponse(entry=entry_of(entry))

    async def Copy(self, request: pb.CopyRequest, context: Any) -> pb.CopyResponse:
        """Gives an entry a second name."""
        entry = await copying.copy(
            self._memory,
            Path.parse(request.source),
            Path.parse(request.destination),
            overwrite=request.overwrite,
            expected=optional(request, "expected_revision"),
            replace=request.replace,
            shallow=request.shallow,
        )
        return pb.CopyResponse(entry=entry_of(entry))

    async def Remove(self, request: pb.RemoveRequest, context: Any) -> pb.RemoveResponse:
        """Puts an entry into the trash, or ends it."""
        count, trash_id = await self._memory.write(
            files.remove,
            Path.parse(request.path),
            recursive=request.recursive,
            expected=optional(request, "expected_revision"),
            doomed=request.purge,
        )
        if request.purge:
            await trash.take_apart(self._memory)
        return pb.RemoveResponse(files=count, trash_id=0 if request.purge else trash_id)

    async def ListVersions(self, request: pb.ListVersionsRequest, context: Any) -> pb.ListVersionsResponse:
        """Returns a page of a file's versions."""
        path, most = Path.parse(request.path), request.page_size or _VERSIONS_PAGE
        listing = Listing("versions", str(path))
        page = await self._memory.read(history.versions, path, listing.before(request.page_token), most)
        last = page.items[-1].number if page.items else 0
        return pb.ListVersionsResponse(
            versions=map(_version_of, page.items), next_page_token=listing.next(page.more, last)
        )

    async def RestoreVersion(
        self, request: pb.RestoreVersionRequest, context: Any
    ) -> pb.RestoreVersionResponse:
        """Makes an older version the current one."""
        entry = await self._memory.write(
            history.restore,
            Path.parse(request.path),
            request.version_id,
            optional(request, "expected_revision"),
        )
        return pb.RestoreVersionResponse(entry=entry_of(entry))

    async def ListTrash(self, request: pb.ListTrashRequest, context: Any) -> pb.ListTrashResponse:
        """Returns a page of the trash."""
        listing = Listing("trash")
        before, most = listing.before(request.page_token), request.page_size or _PAGE
        page = await self._memory.read(trash.listing, before, most)
        last = page.items[-1].trash_id if page.items else 0
        return pb.ListTrashResponse(
            removed=map(_removed_of, page.items), next_page_token=listing.next(page.more, last)
        )

    async def RestoreRemoved(
        self, request: pb.RestoreRemovedRequest, context: Any
    ) -> pb.RestoreRemovedResponse:
        """Takes an entry out of the trash."""
        path = Path.parse(request.path) if request.path else None
        entry = await self._memory.write(trash.restore, whole(request.trash_id), path)
        return pb.RestoreRemovedResponse(entry=entry_of(entry))

    async def PurgeRemoved(self, request: pb.PurgeRemovedRequest, context: Any) -> pb.PurgeRemovedResponse:
        """Ends an entry of the trash."""
        count, path = await self._memory.write(trash.doom, whole(request.trash_id))
        await trash.take_apart(self._memory)
        return pb.PurgeRemovedResponse(files=count, path=path)

    async def PatchProperties(
        self, request: pb.PatchPropertiesRequest, context: Any
    ) -> pb.PatchPropertiesResponse:
        """Notes and forgets texts about an entry."""
        put = [Property(one.name, one.value) for one in request.put]
        path = Path.parse(request.path)
        entry = await self._memory.write(properties.patch, path, put, list(request.remove))
        return pb.PatchPropertiesResponse(entry=entry_of(entry))

    async def Summarise(self, request: pb.SummariseRequest, context: Any) -> pb.SummariseResponse:
        """Counts what lies below a directory."""
        totals = await self._memory.read(files.totals, Path.parse(request.path))
        return pb.SummariseResponse(
            files=totals.files, directories=totals.directories, bytes=totals.size, versions=totals.versions
        )


def entry_of(entry: Entry) -> pb.Entry:
    """The entry on the wire."""
    return pb.Entry(
        path=str(entry.path),
        kind=pb.EntryKind.ValueType(entry.kind),
        revision=entry.revision,
        version_id=entry.version_id or b"",
        size=entry.size,
        modified=entry.modified,
        media=entry.media,
        versions=entry.versions,
        entry_id=entry.entry_id,
        properties=[pb.Property(name=one.name, value=one.value) for one in entry.properties],
    )


def _version_of(version: Version) -> pb.Version:
    return pb.Version(
        version_id=version.version_id,
        size=version.size,
        modified=version.modified,
        stored=version.stored,
        current=version.current,
        media=version.media,
    )


def _removed_of(removed: Removed) -> pb.Removed:
    return pb.Removed(
        trash_id=removed.trash_id,
        entry=entry_of(removed.entry),
        removed=removed.removed,
        files=removed.files,
        kept_until=removed.kept_until,
    )
