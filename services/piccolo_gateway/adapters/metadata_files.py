"""Metadata's names over its socket."""

from __future__ import annotations

from typing import Final, Literal

from piccolo.metadata.v1 import file_pb2 as pb
from piccolo.metadata.v1.file_pb2_grpc import FileServiceStub
from piccolo_chassis.calls import Channel

from piccolo_gateway.core.bodies.files import (
    Deleted,
    Entries,
    Entry,
    Removed,
    Totals,
    Trash,
    Version,
    Versions,
)

_PAGE: Final = 1000
_TREE_SECONDS: Final = 60.0  # of many thousands of names
Kind = Literal["file", "directory"]


class MetadataFiles:
    """The tree of names."""

    def __init__(self, channel: Channel) -> None:
        self._stub = FileServiceStub(channel)

    async def stat(self, path: str) -> Entry:
        """One entry."""
        return entry_of((await self._stub.Stat(pb.StatRequest(path=path))).entry)

    async def locate(self, entry_id: int) -> Entry:
        """The entry of an id."""
        return entry_of((await self._stub.Locate(pb.LocateRequest(entry_id=entry_id))).entry)

    async def list(self, path: str, *, recursive: bool, page_size: int, page_token: str) -> Entries:
        """A page of a directory."""
        told = await self._stub.List(
            pb.ListRequest(path=path, page_size=page_size, page_token=page_token, recursive=recursive)
        )
        return Entries(entries=[entry_of(one) for one in told.entries], next_page_token=told.next_page_token)

    async def search(self, query: str, *, under: str, page_size: int, page_token: str) -> Entries:
        """A page of the entries whose name holds a text."""
        told = await self._stub.Search(
            pb.SearchRequest(query=query, under=under, page_size=page_size, page_token=page_token)
        )
        return Entries(entries=[entry_of(one) for one in told.entries], next_page_token=told.next_page_token)

    async def make_directory(self, path: str) -> Entry:
        """Makes a directory and its missing parents."""
        return entry_of((await self._stub.MakeDirectory(pb.MakeDirectoryRequest(path=path))).entry)

    async def move(
        self, source: str, destination: str, *, overwrite: bool, expected_revision: int | None
    ) -> Entry:
        """Changes a name."""
        request = pb.MoveRequest(
            source=source,
            destination=destination,
            overwrite=overwrite,
            expected_revision=expected_revision,
        )
        return entry_of((await self._stub.Move(request, timeout=_TREE_SECONDS)).entry)

    async def copy(
        self, source: str, destination: str, *, overwrite: bool, expected_revision: int | None
    ) -> Entry:
        """Gives a second name."""
        request = pb.CopyRequest(
            source=source,
            destination=destination,
            overwrite=overwrite,
            expected_revision=expected_revision,
        )
        return entry_of((await self._stub.Copy(request, timeout=_TREE_SECONDS)).entry)

    async def remove(self, path: str, *, recursive: bool, expected_revision: int | None) -> Deleted:
        """Puts an entry into the trash."""
        request = pb.RemoveRequest(path=path, recursive=recursive, expected_revision=expected_revision)
        told = await self._stub.Remove(request, timeout=_TREE_SECONDS)
        return Deleted(files=told.files, trash_id=told.trash_id)

    async def versions(self, path: str, *, page_size: int, page_token: str) -> Versions:
        """A page of a file's versions."""
        told = await self._stub.ListVersions(
            pb.ListVersionsRequest(path=path, page_size=page_size or _PAGE, page_token=page_token)
        )
        return Versions(
            versions=[_version(one) for one in told.versions], next_page_token=told.next_page_token
        )

    async def restore_version(self, path: str, version_id: bytes, *, expected_revision: int | None) -> Entry:
        """Makes a version the current one."""
        request = pb.RestoreVersionRequest(
            path=path, version_id=version_id, expected_revision=expected_revision
        )
        return entry_of((await self._stub.RestoreVersion(request)).entry)

    async def trash(self, *, page_size: int, page_token: str) -> Trash:
        """A page of the trash."""
        told = await self._stub.ListTrash(pb.ListTrashRequest(page_size=page_size, page_token=page_token))
        return Trash(removed=[_removed(one) for one in told.removed], next_page_token=told.next_page_token)

    async def restore_removed(self, trash_id: int, path: str) -> Entry:
        """Takes an entry out of the trash."""
        request = pb.RestoreRemovedRequest(trash_id=trash_id, path=path)
        return entry_of((await self._stub.RestoreRemoved(request)).entry)

    async def totals(self, path: str) -> Totals:
        """What lies below a directory."""
        told = await self._stub.Summarise(pb.SummariseRequest(path=path), timeout=_TREE_SECONDS)
        return Totals(
            files=told.files, directories=told.directories, bytes=told.bytes, versions=told.versions
        )


def entry_of(told: pb.Entry) -> Entry:
    """An entry as the gateway's core has it."""
    kind: Kind = "directory" if told.kind == pb.ENTRY_KIND_DIRECTORY else "file"
    return Entry(
        path=told.path,
        kind=kind,
        revision=told.revision,
        version_id=told.version_id.hex(),
        size=told.size,
        modified=told.modified,
        media=told.media,
        versions=told.versions,
        entry_id=told.entry_id,
    )


def _version(told: pb.Version) -> Version:
    return Version(
        version_id=told.version_id.hex(),
        size=told.size,
        modified=told.modified,
        stored=told.stored,
        current=told.current,
        media=told.media,
    )


def _removed(told: pb.Removed) -> Removed:
    return Removed(
        trash_id=told.trash_id,
        entry=entry_of(told.entry),
        removed=told.removed,
        files=told.files,
        kept_until=told.kept_until,
    )
